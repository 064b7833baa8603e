"""Whether a command line of a deployment is one that `signals` knows, without running it."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from typer.exceptions import TyperException
from typer.main import get_command

from pipeline.cli import app
from pipeline.config import Settings, variable

SETTINGS = frozenset(variable(name) for name in Settings.model_fields)
"""Every `SIGNALS_*` variable that means something."""


def refusal(arguments: Sequence[str]) -> str | None:
    """Why `signals ARGUMENTS` would be wrong usage, None if it is right."""
    command: Any = get_command(app)
    name, rest = "signals", list(arguments)
    context = None
    with ExitStack() as stack:
        try:
            while True:
                context = stack.enter_context(command.make_context(name, rest, parent=context))
                if not hasattr(command, "commands"):
                    return None
                name, command, rest = command.resolve_command(context, rest)
        except TyperException as error:
            return error.format_message()


def unknown_settings(environment: Sequence[str]) -> set[str]:
    """The variables of ours that no setting has."""
    return {name for name in environment if name.startswith("SIGNALS_")} - SETTINGS
