"""The record of a run in MLflow: one run a stage, under one parent; nothing of it leaves the machine."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import platform
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from ... import __version__
from ...features.errors import InputError, say_without_password
from ..stage import Stage
from ..words.instants import Instants
from .atomic_replace import replace_file
from .locks import locked
from .moved_store import ARTIFACTS_FOLDER, follow_moved_folder, usual_name
from .run_summary import find_headline_metrics
from .sweeper import scratch_folder
from .table_files import write_table

#: Columns that say who somebody is; they never reach the record.
PERSONAL_COLUMNS = ("customer_id", "agent_id", "actor_id", "owner", "acknowledged_by")
#: What quotes an export or a person, or may name an agent: columns of tables, and whole tables of sentences.
QUOTING_COLUMNS = {"rejected_rows": ("value",), "replaced_rows": ("value",), "kpi_alerts": ("note", "causes")}
QUOTING_TABLES = ("checks", "ours_against_theirs")
_SQLITE = "sqlite:///"
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "http": 80, "https": 443}
_STORES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https", "databricks")
_MAGIC = b"SQLite format 3\x00"
_NOISY_LOGGERS = ("mlflow", "alembic", "sqlalchemy")
_MAX_PARAMS, _MAX_METRICS, _MAX_VALUE_LENGTH = 100, 1000, 6000


def record_run(
    stages: Sequence[Stage],
    *,
    uri: str,
    experiment: str,
    folder: Path,
    fingerprint: str = "",
    tables_dir: Path | None = None,
    version: str = __version__,
    instants: Instants | None = None,
    settings: Mapping[str, str] | None = None,
) -> list[str]:
    """Record a run and its stages in MLflow.

    Parameters
    ----------
    stages
        Outcomes, in the order of the run.
    uri
        Tracking store; a relative ``sqlite:///`` path is resolved against ``folder``.
    experiment
        Name of the experiment; it is made where it is new, with its artifacts in ``mlruns`` beside the store.
    folder
        Folder of the configuration.
    fingerprint
        Fingerprint of the data.
    tables_dir
        Folder that holds the tables as Parquet files already; they are written anew without it.
    version
        Version of deskcast.
    instants
        To which instant the data reach, which was looked at, and when it was computed: tags of each run.
    settings
        The configuration, as parameters of the parent run; see
        :func:`~deskcast.pipelines.store.run_summary.list_settings`.

    Returns
    -------
    Ids of the runs: the parent first, then one a stage. Columns named in ``PERSONAL_COLUMNS`` are left out of the
    tables, and so is what quotes the export (``QUOTING_COLUMNS``, ``QUOTING_TABLES``).

    Raises
    ------
    InputError
        If the store cannot be opened or the experiment was deleted in it.
    """
    disable_telemetry()
    place = _store_file(uri, folder)
    with quiet_mlflow(), locked(place.parent) if place else nullcontext():
        if place is not None and place.exists():
            follow_moved_folder(place)
        client = open_tracking(uri, folder)
        parent_folder = place.parent if place else None
        writer = _writer(parent_folder or folder)
        tags = {"deskcast.version": version, "deskcast.data": fingerprint, "deskcast.writer": writer}
        tags |= {} if instants is None else {f"deskcast.{name}": value for name, value in instants.record().items()}
        with plain_errors(uri):
            chosen = _experiment(client, experiment, parent_folder)
            _end_killed(client, chosen, writer)
            return _record(client, chosen, stages, tags, tables_dir, settings or {})


def disable_telemetry() -> None:
    """Switch off what MLflow would send or ask outside; call it before MLflow is imported."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


def check_store(uri: str, folder: Path) -> None:
    """Say whether a tracking store can be had, before any work is done; nothing is made.

    Raises
    ------
    InputError
        If the address names no store, the file is no database, or no server answers.

    Examples
    --------
    >>> import tempfile
    >>> check_store("sqlite:///mlflow.db", Path(tempfile.mkdtemp()))
    >>> check_store("mlruns", Path("."))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: [tracking]: key 'uri': not a valid tracking store; got 'mlruns', expected \
sqlite:///mlflow.db, the address of a database, or http(s)://
    """
    kind = uri.partition(":")[0].partition("+")[0].lower()
    if kind not in _STORES:
        wanted = "sqlite:///mlflow.db, the address of a database, or http(s)://"
        raise _bad_store("not a valid tracking store", uri, wanted)
    _check_server(uri)
    if not uri.startswith(_SQLITE) or uri == _SQLITE or ":memory:" in uri:
        return
    place = (Path(folder) / uri.removeprefix(_SQLITE)).resolve()
    if place.is_dir():
        raise _bad_store("not a file but a folder", uri)
    if place.exists():
        with place.open("rb") as file:
            if file.read(len(_MAGIC)) not in (_MAGIC, b""):
                raise _bad_store("this file is there and is no sqlite database", uri)
        return
    existing = next(p for p in place.parents if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise _bad_store(f"nothing can be written to {existing}", uri)


def _bad_store(problem: str, uri: str, wanted: str | None = None) -> InputError:
    return InputError(problem, where="[tracking]", column="uri", got=uri, wanted=wanted, code="tracking.unavailable")


def _check_server(uri: str, *, writing: bool = False) -> None:
    """Ask whether a server is there at all: MLflow would try for two minutes before it says that there is none."""
    kind = uri.partition(":")[0].partition("+")[0].lower()
    if kind not in _PORTS:
        return
    try:
        parts = urlsplit(uri)
        if not parts.hostname and kind not in ("http", "https"):
            return  # a socket of this machine, or a name that the driver knows
        socket.create_connection((parts.hostname or "", parts.port or _PORTS[kind]), timeout=5).close()
    except socket.gaierror as error:
        if writing or kind in ("http", "https"):  # before that, a database may still get its name
            raise _bad_store(f"no server answers there: {error.strerror}", uri) from None
    except (OSError, ValueError) as error:
        reason = say_without_password(getattr(error, "strerror", None) or str(error), uri)
        raise _bad_store(f"no server answers there: {reason}", uri) from None


def _record(
    client: Any,
    experiment: str,
    stages: Sequence[Stage],
    tags: Mapping[str, str],
    tables_dir: Path | None,
    settings: Mapping[str, str],
) -> list[str]:
    now = time.time()
    start = now - sum(stage.seconds for stage in stages)
    parent = client.create_run(experiment, start_time=_ms(start), tags=dict(tags), run_name="run").info.run_id
    ids = [parent]
    for stage in stages:
        own = {"mlflow.parentRunId": parent, "deskcast.stage": stage.name, "deskcast.skipped": stage.skipped}
        own |= {"deskcast.failed": stage.failed}
        run = client.create_run(
            experiment, start_time=_ms(start), tags={**tags, **{k: v for k, v in own.items() if v}}, run_name=stage.name
        ).info.run_id
        start += stage.seconds
        _log(client, run, stage, tags["deskcast.data"], _ms(start))
        if stage.tables_made_at is None:  # those of an earlier run are in its record
            _log_tables(client, run, stage, tables_dir)
        client.set_terminated(run, "FAILED" if stage.failed else None, end_time=_ms(start))
        ids.append(run)
    shown = {"as_of": tags.get("deskcast.as_of", ""), **settings}
    _log_batches(client, parent, find_headline_metrics(stages), {k: v for k, v in shown.items() if v}, _ms(now))
    client.set_terminated(parent, end_time=_ms(now))
    return ids


def _log(client: Any, run: str, stage: Stage, fingerprint: str, at: int) -> None:
    figures = {**stage.metrics, "seconds": stage.seconds}
    _log_batches(client, run, figures, {**stage.params, "data_fingerprint": fingerprint}, at)


def _log_batches(client: Any, run: str, figures: Mapping[str, float], settings: Mapping[str, Any], at: int) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(_key(k), float(v), at, 0) for k, v in figures.items() if math.isfinite(v)]
    params = [Param(_key(k), str(v)[:_MAX_VALUE_LENGTH]) for k, v in settings.items()]
    for first in range(0, max(len(params), 1), _MAX_PARAMS):
        client.log_batch(run, params=params[first : first + _MAX_PARAMS])
    for first in range(0, len(metrics), _MAX_METRICS):
        client.log_batch(run, metrics=metrics[first : first + _MAX_METRICS])


def _log_tables(client: Any, run: str, stage: Stage, tables_dir: Path | None) -> None:
    with scratch_folder() as scratch:
        for name, frame in stage.tables.items():
            if name in QUOTING_TABLES:
                continue
            written = tables_dir / f"{name}.parquet" if tables_dir else None
            public = drop_personal_data(frame, name)
            if written is None or not written.exists() or len(public.columns) < len(frame.columns):
                written = scratch / f"{name}.parquet"
                write_table(public, written)
            client.log_artifact(run, str(written), "tables")


def drop_personal_data(frame: pd.DataFrame, name: str = "") -> pd.DataFrame:
    """Return the table without the columns that say who a customer or an agent is, or that quote the export.

    >>> drop_personal_data(pd.DataFrame({"case_id": ["1"], "agent_id": ["ann"]})).columns.tolist()
    ['case_id']
    >>> drop_personal_data(pd.DataFrame({"row": [7], "value": ["ann"]}), "rejected_rows").columns.tolist()
    ['row']
    """
    return frame.drop(columns=[c for c in (*PERSONAL_COLUMNS, *QUOTING_COLUMNS.get(name, ())) if c in frame.columns])


def _escaped(place: Path) -> str:
    """Write a path so that it is itself again when SQLAlchemy has read it out of an address."""
    return str(place).replace("%", "%25").replace("?", "%3F")


def find_store_file(uri: str, folder: Path) -> Path | None:
    """Return the file of a sqlite store, or None for a store of another kind."""
    if not uri.startswith(_SQLITE) or uri == _SQLITE or ":memory:" in uri:
        return None
    return (Path(folder) / uri.removeprefix(_SQLITE)).resolve()


def _store_file(uri: str, folder: Path) -> Path | None:
    """Return the file of a sqlite store, and make the folder that it is to be in."""
    place = find_store_file(uri, folder)
    if place is None:
        return None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder cannot be made: {error.strerror}", where="[tracking]", got=uri, code="tracking.unavailable"
        ) from error
    return place


@contextmanager
def plain_errors(uri: str) -> Iterator[None]:
    """Say in one line, and without a password, what MLflow or its database says."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = say_without_password((str(error).strip() or type(error).__name__).splitlines()[0][:300], uri)
        raise InputError(f"the run cannot be recorded: {reason}", where=uri, code="tracking.unavailable") from None


def open_tracking(uri: str, folder: Path) -> Any:
    """Return MLflow's client of a store; a new sqlite store is made.

    Raises
    ------
    InputError
        If the store cannot be opened.
    """
    place = _store_file(uri, folder)
    return _open(_SQLITE + _escaped(place) if place else uri, place)


def _open(uri: str, place: Path | None) -> Any:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    _check_server(uri, writing=True)
    try:
        if place is not None and not place.exists():
            _create(place)
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        reason = say_without_password(str(error).strip().splitlines()[0][:300], uri)
        hint = "set uri under [tracking], for example sqlite:///mlflow.db"
        raise InputError(
            f"the tracking store cannot be opened: {reason}", where=uri, hint=hint, code="tracking.unavailable"
        ) from None
    return client


def _create(place: Path) -> None:
    """Make a new store elsewhere and put it into place whole: a kill while it is made leaves nothing behind."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with scratch_folder() as scratch:
        made = scratch / "new.db"
        # The default experiment's artifacts would go to the current directory otherwise.
        SqlAlchemyStore(f"{_SQLITE}{made}", _artifacts(place.parent)).engine.dispose()
        with replace_file(place) as aside:
            shutil.copyfile(made, aside)


def _artifacts(folder: Path) -> str:
    return (folder / ARTIFACTS_FOLDER).as_uri()


def _experiment(client: Any, name: str, folder: Path | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        location = f"{_artifacts(folder)}/{usual_name(name)}" if folder else None
        return str(client.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage != "active":
        hint = "restore it in MLflow, or choose another name under [tracking]"
        raise InputError(
            "the experiment was deleted",
            where="[tracking]",
            column="experiment",
            got=name,
            hint=hint,
            code="tracking.unavailable",
        )
    return str(found.experiment_id)


def _writer(folder: Path) -> str:
    """Name this machine and folder without telling either."""
    return hashlib.sha256(f"{platform.node()}:{folder}".encode()).hexdigest()[:12]


def _end_killed(client: Any, experiment: str, writer: str) -> None:
    """Mark what a killed process of ours left running: whoever writes holds the lock, so nobody else is."""
    running = f"attributes.status = 'RUNNING' and tags.`deskcast.writer` = '{writer}'"
    for run in client.search_runs([experiment], filter_string=running):
        client.set_terminated(run.info.run_id, status="KILLED")


def _key(name: str) -> str:
    """Make a name that MLflow takes: letters, digits and _ - . / and spaces."""
    return re.sub(r"[^\w\-./ ]", "_", str(name), flags=re.ASCII)[:250]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Keep MLflow and the migrations of a new store from writing to the terminal."""
    before = {name: logging.getLogger(name).level for name in _NOISY_LOGGERS}
    for name in before:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        import mlflow  # noqa: F401 - its own logging is set up at import, and quietened below

        for name in _NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
