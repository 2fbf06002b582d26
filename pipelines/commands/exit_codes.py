"""How a command ends: 0 well, 1 our defect, 2 what the user can mend, 3 another run at work, 4 failed or stale."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ...features.errors import InputError
    from .run import RunOutcome

EXIT_DEFECT, EXIT_INPUT, EXIT_BUSY, EXIT_STAGE_FAILED = 1, 2, 3, 4


def end_with_exit_code(work: Callable[[], object]) -> None:
    """Do the work of a command; what ends it too early becomes a line on stderr and an exit code."""
    from ...features.errors import BusyError, InputError, mask_passwords

    try:
        work()
    except BusyError as error:
        _refuse(error, EXIT_BUSY)
    except InputError as error:
        _refuse(error, EXIT_INPUT)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}", EXIT_INPUT)
    except Exception:  # noqa: BLE001 - a defect of ours: told whole, but for what an address hides
        import traceback

        sys.stderr.write(mask_passwords(traceback.format_exc()))
        sys.exit(EXIT_DEFECT)


def end_run(outcome: RunOutcome) -> None:
    """Name what had worked before and has failed, and data that are stale, and end with their exit code."""
    for name, reason in outcome.failures:
        sys.stderr.write(f"deskcast: {name} failed: {reason}\n")
    if outcome.failures:
        raise typer.Exit(EXIT_STAGE_FAILED)


def _refuse(error: InputError, code: int) -> None:
    """Say a refusal in a line on stderr; where JSON was asked for, its parts stand on stdout as well."""
    if "--json" in sys.argv[1:]:
        import json

        sys.stdout.write(json.dumps({"refusal": error.as_record()}, ensure_ascii=False) + "\n")
    _stop(error.as_line(), code)


def _stop(line: str, code: int) -> None:
    sys.stderr.write(f"deskcast: {line}\n")
    sys.exit(code)
