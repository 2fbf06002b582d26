"""Whether results, state and tracking store are whole, and how to mend what is not; nothing is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq

from ...features.errors import InputError, mask_passwords
from ..project.specs import Config
from ..state.database import open_unchanged
from ..state.diagnosis import Check, check_sqlite_file, examine_state
from ..state.issue import find_last_issued_at
from .atomic_replace import find_current_folder, listed_files
from .locks import release_lock, try_lock
from .moved_store import find_former_roots
from .results import read_results
from .tracking import check_store, find_store_file

_RUN_AGAIN = "run 'deskcast run'."
#: MLflow's tables that are looked at.
_TRACKING_TABLES = {"experiments", "runs", "metrics", "params", "tags"}


def examine(config: Config) -> list[Check]:
    """Look at the results, the state and the tracking store of a project.

    Parameters
    ----------
    config
        The configuration.

    Returns
    -------
    Checks, at least one a store.
    """
    found = [*examine_results(config.results_folder), *examine_state(config.state_place)]
    if {(check.what, check.condition) for check in found} >= {("results", "whole"), ("state", "whole")}:
        found += _examine_last_issue(config)
    return [*found, *examine_tracking(config)]


def examine_results(folder: Path) -> list[Check]:
    """Look at a results folder: what a killed run left, missing or damaged files, and stages that failed."""
    target = folder.resolve()
    found = _examine_leftovers(target)
    if not find_current_folder(target).is_dir():
        return [*found, Check("results", "note", "there are none yet.", _RUN_AGAIN)]
    files = listed_files(find_current_folder(target))
    if files is None:
        said = f"{folder} holds no findings.json of deskcast."
        return [*found, Check("results", "broken", said, f"move the folder away and {_RUN_AGAIN}")]
    place = find_current_folder(target)
    lost = [name for name in files if not (place / name).exists()]
    bad = [name for name in files if name.endswith(".parquet") and name not in lost and not _is_table(place / name)]
    for names, what in ((lost, "missing"), (bad, "damaged")):
        if names:
            said = f"{len(names)} of {len(files)} files are {what}: {', '.join(sorted(names)[:3])}."
            found.append(Check("results", "broken", said, _RUN_AGAIN))
    if lost or bad:
        return found
    try:
        results = read_results(folder, tables=False)
    except (InputError, KeyError, ValueError) as error:
        return [*found, Check("results", "broken", f"findings.json cannot be read: {error}.", _RUN_AGAIN)]
    for stage in results.stages:
        if stage.failed:
            found.append(Check("results", "failed", f"the stage '{stage.name}' failed: {stage.failed}.", _RUN_AGAIN))
    return [*found, Check("results", "whole", f"{len(files)} files, made {results.made_at:%Y-%m-%d %H:%M} UTC.")]


def _examine_leftovers(target: Path) -> list[Check]:
    """Tell what a run that was killed left beside the results, and whether one is at work now."""
    staging, previous = (target.with_name(f".{target.name}.deskcast-{name}") for name in ("new", "old"))
    found = []
    if previous.exists() and not target.exists():
        said = f"a run was killed while results changed places; the last ones are in {previous.name}."
        found.append(Check("results", "broken", said, f"{_RUN_AGAIN[:-1]}, which puts them back first."))
    if staging.exists():
        token = try_lock(staging)
        if token is None:
            found.append(Check("results", "note", "a run is at work now."))
        else:
            release_lock(token, staging)
            said = f"{staging.name} was left by a run that was killed."
            found.append(Check("results", "note", said, "nothing: the next run removes it."))
    lock = target.with_name(f"{target.name}.lock")
    if lock.exists():
        said = f"{lock.name} was left by a run that was killed."
        found.append(Check("results", "note", said, f"remove {lock.name} if no run is at work."))
    return found


def _is_table(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, ValueError):  # pyarrow's own errors are ValueErrors
        return False
    return True


def _examine_last_issue(config: Config) -> list[Check]:
    """Tell where results were written and their run ended before anything of them was issued."""
    as_of = read_results(config.results_folder, tables=False).as_of
    with open_unchanged(config.state_place) as state:
        issued = find_last_issued_at(state)
    if as_of is None or issued is None or issued >= as_of:
        return []
    said = f"the last results (as of {as_of:%Y-%m-%d %H:%M} UTC) were not issued: their run ended too early."
    return [Check("state", "failed", said, f"{_RUN_AGAIN[:-1]} again.")]


def examine_tracking(config: Config) -> list[Check]:
    """Look at MLflow's store: whether it can be opened, has its tables, and whether artifacts are where it says."""
    uri = config.tracking_uri
    try:
        check_store(uri, config.folder)
    except InputError as error:
        return [Check("tracking", "broken", f"{error}.", "correct [tracking] uri, or start its server.")]
    place = find_store_file(uri, config.folder)
    if place is None:
        return [Check("tracking", "whole", f"{mask_passwords(uri)} answers.")]
    if not place.exists():
        return [Check("tracking", "note", "nothing has been recorded yet.")]
    if damage := check_sqlite_file(place):
        mend = f"restore a copy of {place.name}, or move it away to begin anew."
        return [Check("tracking", "broken", f"{place} is damaged: {damage}.", mend)]
    with closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as database:
        return _examine_records(database, place, config.experiment)


def _examine_records(database: sqlite3.Connection, place: Path, experiment: str) -> list[Check]:
    names = {str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if lost := sorted(_TRACKING_TABLES - names):
        mend = f"move {place.name} away; the next run makes a new one."
        return [Check("tracking", "broken", f"{place.name} lacks the tables {', '.join(lost)}.", mend)]
    found = []
    gone = database.execute(
        "SELECT 1 FROM experiments WHERE name = ? AND lifecycle_stage <> 'active'", (experiment,)
    ).fetchone()
    if gone is not None:
        mend = "restore it in MLflow, or choose another name under [tracking]."
        found.append(Check("tracking", "broken", f"the experiment '{experiment}' was deleted.", mend))
    if find_former_roots(database, place):
        said = "the project was moved: artifacts are recorded at their old place."
        found.append(Check("tracking", "note", said, "nothing: the next run corrects it."))
    elif lost_runs := _count_lost_artifacts(database):
        said = f"the artifacts of {lost_runs} runs are not where the store says."
        found.append(Check("tracking", "broken", said, "move the folder mlruns back beside the store."))
    open_runs = database.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0]
    if open_runs:
        said = f"{open_runs} runs are marked as running; where they were killed, the next run marks them."
        found.append(Check("tracking", "note", said))
    count = database.execute("SELECT count(*) FROM runs").fetchone()[0]
    broken = any(check.condition == "broken" for check in found)
    return found if broken else [*found, Check("tracking", "whole", f"{place.name}, {count} runs.")]


def _count_lost_artifacts(database: sqlite3.Connection) -> int:
    """Count finished runs of stages whose experiment has lost its local folder of artifacts."""
    rows = database.execute(
        "SELECT artifact_uri FROM runs WHERE status = 'FINISHED' AND lifecycle_stage = 'active' AND name <> 'run'"
    ).fetchall()
    places = [urlsplit(str(row[0])) for row in rows]
    local = [Path(unquote(p.path)) for p in places if p.scheme in ("", "file")]
    experiments = {path.parents[1] for path in local}
    gone = {folder for folder in experiments if not folder.is_dir()}
    return sum(path.parents[1] in gone for path in local)
