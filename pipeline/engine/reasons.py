"""Why a line is no signal, and what its sender can do about it."""

from dataclasses import dataclass
from typing import Literal

ReasonName = Literal[
    "not_json",
    "not_utf8",
    "lone_surrogate",
    "too_large",
    "too_deep",
    "not_an_object",
    "not_a_cloudevent",
    "unknown_type",
    "unknown_source",
    "invalid_field",
    "naive_time",
    "before_epoch",
    "in_future",
    "too_late",
    "conflict",
    "truncated_archive",
    "unreadable_file",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something was rejected, and what its sender can do about it."""

    explanation: str
    remedy: str


REASONS: dict[ReasonName, Reason] = {
    "not_json": Reason(
        explanation="The line is not one complete JSON text.",
        remedy="Write each signal on one line of its own, and send the rest of a cut one.",
    ),
    "not_utf8": Reason(
        explanation="The line holds bytes that are not UTF-8.",
        remedy="Convert the file to UTF-8.",
    ),
    "lone_surrogate": Reason(
        explanation="A text holds half of a surrogate pair, which stands for no character.",
        remedy="Cut texts between characters, not between UTF-16 units.",
    ),
    "too_large": Reason(
        explanation="The line is longer than 1 MiB.",
        remedy="Leave out what the signal does not need, such as long bodies and lists.",
    ),
    "too_deep": Reason(
        explanation="Arrays or objects are nested more than 200 deep.",
        remedy="Flatten the value, or leave it out.",
    ),
    "not_an_object": Reason(
        explanation="The line is JSON but no object.",
        remedy="Write each signal as an object; take a list of them apart into lines.",
    ),
    "not_a_cloudevent": Reason(
        explanation="The object is neither a CloudEvent 1.0 with a type nor a raw delivery.",
        remedy='Add "specversion": "1.0" and a type, or source, received_at and body.',
    ),
    "unknown_type": Reason(
        explanation="The type is none of the signal types that we know.",
        remedy="Compare the type with the list that `signals schema` writes.",
    ),
    "unknown_source": Reason(
        explanation="No parser takes deliveries of this source with such a body.",
        remedy="Name a configured source or a known kind, or send the signal itself.",
    ),
    "invalid_field": Reason(
        explanation="A field is missing or has a value that its type does not allow.",
        remedy="Correct the field that the detail names; `signals schema` writes the rules.",
    ),
    "naive_time": Reason(
        explanation="A time has no offset, so it does not say which instant is meant.",
        remedy="Write the time with Z or an offset such as +01:00.",
    ),
    "before_epoch": Reason(
        explanation="The signal happened before the epoch of the organisation.",
        remedy="Correct the time, or set an earlier organisation.epoch.",
    ),
    "in_future": Reason(
        explanation="The signal happened more than a day after it was received.",
        remedy="Set the clock of the sender; a date such as a deadline is no signal's time.",
    ),
    "too_late": Reason(
        explanation="The signal came more than 35 days after it happened: kept, not applied.",
        remedy="Apply it with an explicit backfill.",
    ),
    "conflict": Reason(
        explanation="Another version of the same fact won over this one.",
        remedy="Nothing, unless two senders report the same thing differently.",
    ),
    "truncated_archive": Reason(
        explanation="The compressed file ends before its end mark.",
        remedy="Copy the file again and replay it; the lines that were read count once.",
    ),
    "unreadable_file": Reason(
        explanation="The file is missing, may not be read, or is not what its name says.",
        remedy="Check the path, the permissions and the compression.",
    ),
}
"""Every reason there is, for `signals rejected explain`."""
