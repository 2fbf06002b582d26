"""Models that a night has trained, kept for the nights after it, where no version was promoted."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from ...features.case_log.log import CaseLog
from ...models.risk.breach import BreachRisk
from ...models.risk.estimator import RiskEstimator
from ..project.project import Project
from ..state.database import read_state
from ..state.schema import MARKS
from ..store.reuse import digest_code
from .decisions import mark_targets
from .slim import drop_training_rows

#: Name of the file beside the state, and of the mark that holds its checksum.
FILE, _MARK = "night-models.pkl", "night models"
#: Where more or fewer cases of the past are known by now, it is another past than the one that was learnt from.
MAX_PAST_CHANGE = 0.01
#: Settings of a source that say where its rows are and which span of them is read, and not what they mean.
_PLACES = ("path", "files", "database", "since", "until")


@dataclass(frozen=True)
class NightModels:
    """What a night has trained: the breach model, those of other outcomes, and the end of their data."""

    breach: BreachRisk
    trained_until: pd.Timestamp
    outcomes: Mapping[str, RiskEstimator] = field(default_factory=dict)


def keep_night_models(state: Connection, project: Project, models: NightModels) -> str:
    """Keep the models of a night beside the state, in place of those before.

    A file and a mark with its checksum: killed between the two, the checksum is wrong, and the next night trains.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.change_state`.
    project
        Of which they were trained.
    models
        Without the rows that they learnt from: those are left out here.

    Returns
    -------
    Why they could not be kept; empty where they are.
    """
    outcomes = {kind: drop_training_rows(risk) for kind, risk in models.outcomes.items()}
    body = pickle.dumps((drop_training_rows(models.breach), outcomes))
    place = find_file(project)
    aside = place.with_name(f".{FILE}.{os.getpid()}")
    forget_night_models(state)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)  # a state in a database has no folder yet
        aside.write_bytes(body)
        aside.replace(place)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        return f"the models of this night were not kept: {error.strerror or error}"
    told = {
        "sha256": hashlib.sha256(body).hexdigest(),
        "trained_until": models.trained_until.isoformat(),
        "cases": count_cases(project.log, models.trained_until),
        "settings": mark_training(project),
    }
    state.execute(MARKS.insert().values(name=_MARK, value=json.dumps(told)))
    return ""


def forget_night_models(state: Connection) -> None:
    """Let the next night train."""
    state.execute(MARKS.delete().where(MARKS.c.name == _MARK))


def find_night_models(project: Project) -> NightModels | None:
    """Return the models that an earlier night has trained, where they still hold.

    They do for ``[risk] train_every``, with the same settings, code, libraries and columns, and where the cases of
    their past are still those of this log; never for a look back, nor with plug-ins, whose code may have changed.
    """
    if project.is_look_back or project.config.plugins.modules:
        return None
    with read_state(project.config.state_place) as state:
        text = None if state is None else state.execute(select(MARKS.c.value).where(MARKS.c.name == _MARK)).scalar()
    told: dict[str, Any] = {} if text is None else json.loads(text)
    if told.get("settings") != mark_training(project):
        return None
    until, every = pd.Timestamp(told["trained_until"]), pd.Timedelta(seconds=project.config.risk.train_every_s)
    if not until < project.log.until < until + every:
        return None
    if abs(count_cases(project.log, until) - told["cases"]) > MAX_PAST_CHANGE * told["cases"]:
        return None
    try:
        body = find_file(project).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(body).hexdigest() != told["sha256"]:  # nothing is run that this desk has not written itself
        return None
    breach, outcomes = pickle.loads(body)
    return NightModels(breach, until, outcomes)


def find_file(project: Project) -> Path:
    """Return the file of the models, beside the state; it may be deleted at any time."""
    return project.config.state_place.folder / FILE


def count_cases(log: CaseLog, until: pd.Timestamp) -> int:
    """Return how many cases had been opened by an instant.

    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T09:00Z"]})
    >>> count_cases(CaseLog.from_frames(cases=cases), pd.Timestamp("2024-03-01T12:00Z"))
    1
    """
    cases = log.table("cases")
    known = cases.filter(cases.created_at <= until)
    return int(log.frame(known.aggregate(n=known.count()))["n"].iloc[0])


def mark_training(project: Project) -> str:
    """Return a mark of all that a model depends on beside its rows.

    That is settings, how the sources are read, promises, code, libraries and columns.
    """
    config, log = project.config, project.log
    risk = {"train_days": config.risk.train_days, "at": config.risk.at, "segments": config.risk.segments}
    read = [{name: kept for name, kept in asdict(spec).items() if name not in _PLACES} for spec in config.sources]
    promises = log.frame("sla_policies").astype("str").values.tolist() if log.has("sla_policies") else []
    columns = {name: [(c, str(kind)) for c, kind in table.schema().items()] for name, table in log.tables.items()}
    libraries = [digest_code(), *(version(name) for name in ("scikit-learn", "duckdb"))]
    settings = [mark_targets(config), config.timezone, risk, read, sorted(log.attributes.items()), sorted(promises)]
    told = [*settings, sorted(columns.items()), libraries]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
