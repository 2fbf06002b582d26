"""The results folder: one Parquet file a table, and ``findings.json`` with what was found, in words.

The folder is whole or absent: see :func:`replace_folder`.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.errors import InputError, did_you_mean
from ...features.renamed import OLD_NAMES_UNTIL, RenamedWarning, new_columns, new_name, new_names
from ..stage import Stage
from ..words.facts import finding_records, read_finding_records
from ..words.instants import Instants
from .atomic_replace import (
    MARKER_FILE,
    RESULTS_FORMAT,
    check_results_folder,
    find_current_folder,
    replace_folder,
)
from .table_files import _storable

__all__ = [
    "Results",
    "check_results_folder",
    "read_findings",
    "read_result_table",
    "read_results",
    "replace_folder",
    "table_names",
    "write_stages",
]

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_RUN_FIRST = "run 'deskcast run' first"
_MAX_READ_ATTEMPTS = 50


@dataclass(frozen=True)
class Results:
    """The last whole results.

    Attributes
    ----------
    stages
        What each stage handed on, in the order of the run.
    made_at
        When the run was made, in UTC.
    version
        Version of deskcast that made it.
    fingerprint
        Fingerprint of the data that went in.
    data_until, as_of
        Instant to which the data reach, and the one that was looked at; unknown in results of an earlier version.
    """

    stages: tuple[Stage, ...]
    made_at: datetime
    version: str
    fingerprint: str = ""
    data_until: pd.Timestamp | None = None
    as_of: pd.Timestamp | None = None

    @property
    def instants(self) -> Instants | None:
        """The three instants of these results; none in those of an earlier version."""
        if self.data_until is None or self.as_of is None:
            return None
        return Instants(self.data_until, self.as_of, self.made_at)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All result tables by name."""
        return {name: frame for stage in self.stages for name, frame in stage.tables.items()}

    @property
    def findings(self) -> dict[str, tuple[str, ...]]:
        """Findings in words, by stage."""
        return {stage.name: stage.findings for stage in self.stages}


def write_stages(
    stages: Sequence[Stage],
    folder: Path,
    *,
    version: str,
    made_at: datetime | None = None,
    fingerprint: str = "",
    instants: Instants | None = None,
) -> None:
    """Write the tables and findings of a run into a folder that :func:`replace_folder` gave.

    Parameters
    ----------
    stages
        Outcomes, in the order of the run. Names of tables are unique over all stages.
    folder
        An empty folder; each table becomes ``<name>.parquet`` in it, and the rest ``findings.json``.
    version, made_at, fingerprint
        Who made it, when (now by default), and from which data.
    instants
        To which instant the data reach, which was looked at, and when it was computed; they stand in
        ``findings.json`` and in the attributes of each table (those of a table that was read keep its own).

    Raises
    ------
    InputError
        If the name of a table cannot be a file name or comes twice.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "results"
    >>> stage = Stage("watch", {"detections": pd.DataFrame({"kpi": ["backlog"]})}, ("The backlog rose.",))
    >>> with replace_folder(place) as staging:
    ...     write_stages([stage], staging, version="0.1.0")
    >>> read_results(place).findings
    {'watch': ('The backlog rose.',)}
    >>> read_result_table(place, "detections")["kpi"].tolist()
    ['backlog']
    """
    made = made_at or (datetime.now(UTC) if instants is None else instants.made_at)
    stamp = {} if instants is None else instants.record()
    seen: set[str] = set()
    for stage in stages:
        for name, frame in stage.tables.items():
            if not _NAME.match(name) or name in seen:
                problem = "two stages have a table of this name" if name in seen else "this cannot name a table"
                raise InputError(
                    problem, where=stage.name, got=name, wanted="small letters, digits and _", code="results.damaged"
                )
            seen.add(name)
            plain = _storable(frame, stamp)
            if stage.tables_made_at is not None:  # the file says it too, to whoever reads it alone
                plain.attrs = {**plain.attrs, "made_at": stage.tables_made_at.isoformat()}
            plain.to_parquet(folder / f"{name}.parquet", index=False)
    content = {
        "format": RESULTS_FORMAT,
        "version": version,
        **stamp,
        "made_at": made.isoformat(),
        "fingerprint": fingerprint,
        "stages": [_described(stage) for stage in stages],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / MARKER_FILE).write_text(text, encoding="utf-8")


def read_results(folder: str | Path, *, tables: bool = True) -> Results:
    """Read the last whole results, all from one run even while another is taking its place.

    Parameters
    ----------
    folder
        The results folder.
    tables
        False to leave the tables out and read only what was found.

    Raises
    ------
    InputError
        If there are no results, or they are not deskcast's or are damaged.
    """
    for _ in range(_MAX_READ_ATTEMPTS):
        before = _marker_text(folder)
        content = _parsed(before, folder)
        try:
            stages = tuple(_stage(body, find_current_folder(Path(folder)), tables) for body in content["stages"])
        except FileNotFoundError as error:
            if _marker_text(folder) != before:
                continue  # a new run took the folder's place while we read
            missing = Path(str(error.filename)).name
            raise InputError(
                f"the file {missing} is missing", where=str(folder), hint=_RUN_FIRST, code="results.damaged"
            ) from error
        if _marker_text(folder) == before:
            made = datetime.fromisoformat(content["made_at"])
            data_until, as_of = (_instant(content.get(name)) for name in ("data_until", "as_of"))
            return Results(stages, made, str(content["version"]), str(content["fingerprint"]), data_until, as_of)
    raise InputError("the results change faster than they can be read", where=str(folder), code="results.missing")


def read_findings(folder: str | Path) -> dict[str, Any]:
    """Return ``findings.json`` of the last whole results: made_at, version, fingerprint and stages."""
    content = _parsed(_marker_text(folder), folder)
    names = new_names("table", "results")
    stages = [body | {"tables": [names.get(t, t) for t in body["tables"]]} for body in content["stages"]]
    return content | {"stages": [body | {"metrics": _metrics(body)} for body in stages]}


def _instant(text: str | None) -> pd.Timestamp | None:
    return None if text is None else pd.Timestamp(text)


def table_names(folder: str | Path) -> list[str]:
    """Return the names of the result tables, in the order of the run."""
    return [name for stage in read_findings(folder)["stages"] for name in stage["tables"]]


def read_result_table(folder: str | Path, name: str) -> pd.DataFrame:
    """Read one result table by name; the old name of a table that was renamed is taken too.

    Raises
    ------
    InputError
        If there are no results, or no table of that name in them; the message lists what there is.
    """
    name = new_name("table", "results", name)
    for _ in range(_MAX_READ_ATTEMPTS):
        known = table_names(folder)
        if name not in known:
            raise InputError(
                f"unknown result table '{name}'",
                where=str(folder),
                hint=_suggest_table(name, known),
                code="table.unknown",
            )
        try:
            return _table(find_current_folder(Path(folder)), name)
        except FileNotFoundError:
            continue  # a new run took the folder's place, perhaps without this table
    raise InputError(f"the file {name}.parquet is missing", where=str(folder), hint=_RUN_FIRST, code="results.damaged")


def _suggest_table(name: str, known: list[str]) -> str:
    return did_you_mean(name, known) or "" if known else _RUN_FIRST


def _marker_text(folder: str | Path) -> str:
    place = find_current_folder(Path(folder))
    try:
        return (place / MARKER_FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("missing results", where=str(folder), hint=_RUN_FIRST, code="results.missing") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the results cannot be read: {error}", where=str(folder), code="results.damaged") from error


def _parsed(text: str, folder: str | Path) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("format") != RESULTS_FORMAT or "stages" not in content:
        raise InputError(
            f"{MARKER_FILE} is not one that deskcast wrote", where=str(folder), hint=_RUN_FIRST, code="results.damaged"
        )
    return content


def _stage(body: Mapping[str, Any], folder: Path, tables: bool) -> Stage:
    renamed = new_names("table", "results")
    names = [renamed.get(name, name) for name in body["tables"]] if tables else []
    return Stage(
        name=body["name"],
        tables={name: _table(folder, name) for name in names},
        findings=read_finding_records(body),
        params=body["params"],
        metrics={k: math.nan if v is None else v for k, v in _metrics(body).items()},
        skipped=body["skipped"],
        seconds=body["seconds"],
        failed=body.get("failed", ""),
        tables_made_at=datetime.fromisoformat(made) if (made := body.get("tables_made_at")) else None,
    )


def _metrics(body: Mapping[str, Any]) -> dict[str, Any]:
    names = new_names("metric", body["name"])
    return {names.get(k, k): v for k, v in body["metrics"].items()}


def _table(folder: Path, name: str) -> pd.DataFrame:
    """Read a table that this version or an earlier one wrote, in the names of today; one note for all of a folder."""
    old = next((o for o, new in new_names("table", "results").items() if new == name), name)
    path = folder / f"{name}.parquet"
    earlier = not path.exists() and (folder / f"{old}.parquet").exists()
    found = _parquet(folder / f"{old}.parquet" if earlier else path)
    table = new_columns(found, name, note=False)
    if earlier or list(table.columns) != list(found.columns):
        text = f"the results are of an earlier version: names are those of today (read until {OLD_NAMES_UNTIL})"
        warnings.warn(text, RenamedWarning, stacklevel=2)
    return table


def _parquet(path: Path) -> pd.DataFrame:
    try:
        with path.open("rb") as file:
            return pd.read_parquet(file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InputError(
            f"the table cannot be read: {error}", where=str(path), hint=_RUN_FIRST, code="results.damaged"
        ) from error


def _described(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "tables": list(stage.tables),
        **finding_records(stage.findings),
        "metrics": {k: float(v) if math.isfinite(v) else None for k, v in stage.metrics.items()},
        "params": {k: _plain(v) for k, v in stage.params.items()},
        "skipped": stage.skipped,
        "seconds": round(float(stage.seconds), 3),
        "failed": stage.failed,
        "tables_made_at": None if stage.tables_made_at is None else stage.tables_made_at.isoformat(),
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return str(value)
