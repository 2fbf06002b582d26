"""What earlier versions kept in files beside the results: read in once, and set aside under another name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from ...features.errors import InputError
from ...features.renamed import new_columns, new_names
from ...models.shifts.ledger import typed_ledger
from ..words.tables import json_records
from .alerts import read_alerts, write_alerts
from .flags import FLAG_COLUMNS, typed_flags, write_flagged
from .schema import MARKS

ALERTS_FILE, FLAGGED_FILE = "alerts.json", "flagged.parquet"
_OLD_ALERTS_FILE = "incidents.json"
_FORMATS = ("deskcast alerts 1", "deskcast incidents 1")
#: What is added to the name of a file that was read in.
ASIDE = ".read-in"


def list_old_files(folder: Path) -> list[Path]:
    """Return the files of earlier versions in the folder of the state, the newer form first."""
    return [folder / name for name in (ALERTS_FILE, _OLD_ALERTS_FILE, FLAGGED_FILE) if (folder / name).exists()]


def check_old_files(folder: Path) -> list[InputError]:
    """Return what is wrong with files of earlier versions; nothing is changed."""
    found = []
    for path in list_old_files(folder):
        try:
            _read(path)
        except InputError as error:
            found.append(error)
    return found


def _read(path: Path) -> Any:
    return _old_flags(path) if path.name == FLAGGED_FILE else _checked(path, _old_alerts)


def read_in_old_files(connection: Connection, files: Sequence[Path]) -> list[str]:
    """Write what files of earlier versions hold into the database, each file once; return the names of those read.

    Raises
    ------
    InputError
        If a file is damaged or not one that deskcast wrote.
    """
    read = []
    for path in files:
        mark = f"read in {path.name}"
        if connection.execute(select(MARKS.c.value).where(MARKS.c.name == mark)).scalar() is not None:
            continue
        if path.name == FLAGGED_FILE:
            write_flagged(connection, _read(path))
        elif read_alerts(connection) is None:
            write_alerts(connection, _read(path))
        connection.execute(MARKS.insert().values(name=mark, value=str(len(path.read_bytes()))))
        read.append(path.name)
    return read


def set_old_files_aside(files: Sequence[Path]) -> None:
    """Rename files that stand in the database by now."""
    for path in files:
        if path.exists():
            path.replace(path.with_name(path.name + ASIDE))


def _checked(path: Path, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    hint = f"move {path.name} away to begin anew"
    try:
        return read(path)
    except OSError as error:
        raise InputError(
            f"what is known of KPI alerts cannot be read: {error.strerror}", where=str(path), code="state.invalid"
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "this file of KPI alerts is damaged", where=str(path), hint=hint, code="state.invalid"
        ) from error


def _old_alerts(path: Path) -> dict[str, Any]:
    """Return the content of a file of alerts under the names of today."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("format") not in _FORMATS:
        raise ValueError("not a file of deskcast")
    names = new_names("key", "alerts.json")
    content = {names.get(key, key): value for key, value in content.items()}
    ledger = new_columns(pd.DataFrame([dict(row) for row in content["alerts"]]), "kpi_alerts", note=False)
    return {
        "as_of": pd.Timestamp(content["as_of"]).isoformat(),
        "alerts": json_records(typed_ledger(ledger)),
        "silences": [
            {"what": str(s["what"]), "until": pd.Timestamp(s["until"]).isoformat()} for s in content["silences"]
        ],
        "detections": {str(k): str(v) for k, v in content["detections"].items()},
    }


def _old_flags(path: Path) -> pd.DataFrame:
    try:
        return typed_flags(pd.read_parquet(path)[list(FLAG_COLUMNS)])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "not a valid file of selected cases",
            where=str(path),
            hint=f"move {path.name} away to begin anew",
            code="state.invalid",
        ) from error
