"""Pseudonyms: what stands in the place of an adopter's name that nobody may read.

Where `organisation.privacy.adopters` is `hashed`, adopters that are users or accounts go by a
keyed hash before anything is stored. An adopter that was erased goes by one for good, also when
a file that names it is replayed. A pseudonym is one adopter, as its name was: all counts stay.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pipeline.config import variable
from pipeline.core.book import Book
from pipeline.core.signals import AdoptionVerified, Defined, SubjectPinned, SubjectUsed
from pipeline.engine.decode import Decoded
from pipeline.engine.parts import Parts
from pipeline.errors import StoreError
from pipeline.store.client import Store
from pipeline.store.writer import DATABASE

PEOPLE = ("user", "account")
"""Units of subjects whose adopters may be persons."""

_KINDS = ("adopter", "erased")
_DIGEST, _CHECK = 8, 2


_LIKE_OURS = r"^(adopter|erased)-[0-9a-f]{20}$"


def salt_of(data: Path, given: str | None = None) -> bytes:
    """The key of all pseudonyms: what SIGNALS_SALT gives, else that of the data directory.

    The latter is made when first asked for. Whoever has a key can tell whether a name that he
    knows is behind a pseudonym. Who has the same one, as setting or as file `salt`, uses the same
    pseudonyms.
    """
    if given is not None:
        return _key(given.encode())
    path = data / "salt"
    if not path.exists():
        # Workers that share the directory may ask at once: who links first has made it.
        made = path.with_name(f"salt-{secrets.token_hex(8)}")
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        with suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
    return _key(path.read_bytes())


def _key(text: bytes) -> bytes:
    return blake2b(text.strip(), digest_size=32).digest()


def check_salt(store: Store, salt: bytes) -> None:
    """Raise where the store has pseudonyms, and they were made with another key.

    A pseudonym shows by itself whether a key made it. The table of adopters has to be there.
    """
    rows = store.query(
        f"SELECT DISTINCT adopter FROM {DATABASE}.adopters"  # noqa: S608 - a constant
        " WHERE match(adopter, {like:String}) LIMIT 1000",
        {"like": _LIKE_OURS},
    ).rows
    ours = Pseudonyms(salt, {}, hashed=True)
    if rows and not any(ours.made(name) for (name,) in rows):
        raise StoreError(
            f"Adopters in the store at {store.where} are hashed with another key, so each would"
            " count twice",
            f"set {variable('salt')}, or the file `salt` in the data directory, to the key that"
            " was used before",
        )


class Pseudonyms:
    """Gives names their pseudonyms; `erased` has those of erased names by the hash of the name."""

    def __init__(self, salt: bytes, erased: dict[str, str], *, hashed: bool) -> None:
        self._salt = salt
        self.erased = erased
        self.hashed = hashed
        self.covered = 0
        """Signals in which a name was replaced."""

    @classmethod
    def of_directory(cls, data: Path, parts: Parts, given: str | None = None) -> "Pseudonyms":
        """As a data directory keeps them; `given` is a key from outside."""
        erased = json.loads(parts.meta("erased", "{}"))
        return cls(salt_of(data, given), erased, hashed=bool(parts.meta("hashed", 0)))

    def check(self, store: Store) -> None:
        """Raise where the store has pseudonyms of another key."""
        if self.needed:
            check_salt(store, self._salt)

    @property
    def needed(self) -> bool:
        return self.hashed or bool(self.erased)

    def of(self, name: str, *, person: bool) -> str:
        """What an adopter goes by; a pseudonym stays what it is unless it is erased itself."""
        if person and self.hashed and not self.made(name):
            name = self._make("adopter", name)
        return self.erased.get(self._digest(name), name)

    def erase(self, name: str) -> dict[str, str]:
        """Let a name go by one pseudonym from now on: what it is known by today, to that one."""
        pseudonym = self._make("erased", name)
        known = (name, self._make("adopter", name))
        self.erased |= {self._digest(one): pseudonym for one in known}
        return dict.fromkeys(known, pseudonym)

    def cover(self, decoded: Decoded, book: Book) -> Decoded:
        """The signal with pseudonyms in place of names, in its data and in its bytes."""
        data = decoded.signal.data
        new: Any = data
        if isinstance(data, Defined):
            record = self.record(data.kind, data.record)
            if record != data.record:
                new = replace(data, record=record)
        elif (
            isinstance(data, SubjectUsed | SubjectPinned | AdoptionVerified)
            and data.adopter is not None
        ):
            name = self.of(data.adopter, person=_is_person(data, book))
            if name != data.adopter:
                new = replace(data, adopter=name)
        if new is data:
            return decoded
        self.covered += 1
        event = json.loads(decoded.body)
        if isinstance(new, Defined):
            event["data"] = self._in_record(event["data"], new)
        else:
            _rename(event, new.adopter)
        return decoded._replace(
            signal=replace(decoded.signal, data=new),
            subject=event.get("subject"),
            body=_written(event),
        )

    def record(self, kind: str, record: dict[str, Any]) -> dict[str, Any]:
        """A record of the definitions with pseudonyms in its list of eligible adopters."""
        eligible = record.get("eligible")
        if kind != "subject" or not isinstance(eligible, list):
            return record
        person = record.get("unit") in PEOPLE
        return {**record, "eligible": [self.of(name, person=person) for name in eligible]}

    @staticmethod
    def _in_record(data: dict[str, Any], fact: Defined) -> dict[str, Any]:
        eligible = fact.record["eligible"]
        if "record" in data:
            return {**data, "record": {**data["record"], "eligible": eligible}}
        return {**data, "eligible": eligible}

    def line(self, line: bytes) -> bytes:
        """A line that was not taken, without the name of its adopter where one can be found."""
        try:
            event = json.loads(line)
            known = event["data"]["adopter"]
            name = self.of(known, person=True)
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            return line
        if name == known:
            return line
        _rename(event, name)
        return _written(event)

    def _digest(self, text: str) -> str:
        return blake2b(text.encode(), digest_size=_DIGEST, key=self._salt).hexdigest()

    def _check(self, digest: str) -> str:
        return blake2b(digest.encode(), digest_size=_CHECK, key=self._salt).hexdigest()

    def _make(self, kind: str, name: str) -> str:
        digest = self._digest(name)
        return f"{kind}-{digest}{self._check(digest)}"

    def made(self, name: str) -> bool:
        """Whether a name is a pseudonym of ours; nobody else can make the last four digits."""
        kind, _, rest = name.partition("-")
        digest, check = rest[: 2 * _DIGEST], rest[2 * _DIGEST :]
        return kind in _KINDS and check == self._check(digest)


def _rename(event: dict[str, Any], name: str) -> None:
    """Put a name in an event, also where the event says what it is about."""
    if event.get("subject") == event["data"]["adopter"]:
        event["subject"] = name
    event["data"]["adopter"] = name


def _written(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def _is_person(data: SubjectUsed | SubjectPinned | AdoptionVerified, book: Book) -> bool:
    """Whether an adopter may be a person; of a subject nobody has defined so far, it may."""
    if isinstance(data, SubjectPinned):
        return any(s.unit in PEOPLE for s in book.subjects_of_package(data.package))
    subject = book.subject(data.subject)
    return subject is None or subject.unit in PEOPLE
