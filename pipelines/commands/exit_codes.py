"""How a command ends: 0 well, 1 our defect, 2 to mend, 3 another run at work, 4 failed or stale, 5 not delivered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ...features.errors import InputError
    from .run import RunOutcome

#: What the parser of the command line raises: its class is vendored, so it is taken from one that is public.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
EXIT_DEFECT, EXIT_INPUT, EXIT_BUSY, EXIT_STAGE_FAILED, EXIT_UNDELIVERED = 1, 2, 3, 4, 5


def end_with_exit_code(work: Callable[[], object]) -> None:
    """Do the work of a command; what ends it too early becomes a line on stderr and an exit code."""
    from ...features.errors import BusyError, EngineError, InputError, mask_passwords

    try:
        code = work()
    except _USAGE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
            sys.exit(EXIT_INPUT)
        _refuse(explain_usage(error), EXIT_INPUT)
    except typer.Abort:
        _stop("stopped", EXIT_DEFECT)
    except BusyError as error:
        _refuse(error, EXIT_BUSY)
    except InputError as error:
        _refuse(error, EXIT_INPUT)
    except EngineError as error:
        _refuse(error.told, EXIT_INPUT)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}", EXIT_INPUT)
    except Exception:  # noqa: BLE001 - a defect of ours: told whole, but for what an address hides
        import traceback

        sys.stderr.write(mask_passwords(traceback.format_exc()))
        sys.exit(EXIT_DEFECT)
    if isinstance(code, int) and code:
        sys.exit(code)


def explain_usage(error: Exception) -> InputError:
    """Turn what the parser of the command line says into the one form of errors.

    >>> import typer
    >>> print(explain_usage(typer.BadParameter("0 is not in the range x>=1", param_hint="--horizon")))
    option '--horizon': not a valid value: 0 is not in the range x>=1
    """
    import re

    from ...features.errors import InputError

    text = str(getattr(error, "message", "") or error).rstrip(".")
    near = next(iter(getattr(error, "possibilities", None) or ()), None)
    hint = f"did you mean '{near}'?" if near else "see 'deskcast --help'"
    option = getattr(error, "option_name", None)
    if option:
        return InputError("unknown option", where=str(option), hint=hint, code="command.invalid")
    if found := re.search(r"No such command '([^']*)'(?:.*Did you mean '([^']*)')?", text):
        hint = f"did you mean '{found[2]}'?" if found[2] else _nearest_command(error, found[1]) or hint
        return InputError("unknown command", got=found[1], hint=hint, code="command.invalid")
    param = getattr(error, "param", None)
    names = list(getattr(param, "opts", ()) or ())
    name = getattr(error, "param_hint", None) or (max(names, key=len) if names else None)
    if type(error).__name__ == "MissingParameter":
        return InputError(f"missing '{name}'", hint="see --help of the command", code="command.invalid")
    problem = f"not a valid value: {text}" if name else text
    return InputError(problem, where=None if name is None else str(name).strip("'"), code="command.invalid")


def _nearest_command(error: Exception, name: str) -> str | None:
    import difflib

    context = getattr(error, "ctx", None)
    known = list(getattr(getattr(context, "command", None), "commands", ()))
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else None


def end_run(outcome: RunOutcome) -> None:
    """Name what has failed, data that are stale, and alarms that did not arrive, and end with their exit code."""
    for note in outcome.notes:
        sys.stderr.write(f"deskcast: note: {note}\n")
    for name, reason in outcome.failures:
        sys.stderr.write(f"deskcast: {name} failed: {reason}\n")
    for reason in outcome.undelivered:
        sys.stderr.write(f"deskcast: alarm not delivered: {reason}\n")
    if code := find_exit_code(outcome):
        raise typer.Exit(code)


def find_exit_code(outcome: RunOutcome) -> int:
    """Return how a run ends: what failed goes before what was not delivered."""
    if outcome.failures:
        return EXIT_STAGE_FAILED
    return EXIT_UNDELIVERED if outcome.undelivered else 0


def _refuse(error: InputError, code: int) -> None:
    """Describe a refusal in a line on stderr; where JSON was asked for, its parts stand on stdout as well."""
    if "--json" in sys.argv[1:]:
        import json

        sys.stdout.write(json.dumps({"refusal": error.as_record()}, ensure_ascii=False) + "\n")
    _stop(error.as_line(), code)


def _stop(line: str, code: int) -> None:
    sys.stderr.write(f"deskcast: {line}\n")
    sys.exit(code)
