"""A version that runs beside the one in use: its risks are issued for the track record, and shown to nobody."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection

from ...features.errors import InputError
from ...features.labels.breach import find_case_ends
from ...models.risk.breach import has_breached
from ...models.risk.model_updates import MAX_WINDOW_DAYS
from ..project.project import Project
from ..registry.champions import load_model
from ..registry.decisions import read_decisions
from ..registry.promote import find_shadow
from ..registry.register import model_name
from ..state.issue import Issue, issue_rows
from ..state.issued import SHADOW
from ..words.instants import Instants
from .champion import bring_up_to_date
from .train import look_at_cases, metric_labels, risk_metric, training_instants


def issue_shadow(state: Connection, project: Project, instants: Instants) -> int:
    """Issue the risks of the version that runs beside the one in use, where one does.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.change_state`.
    project, instants
        The run; a look back issues nothing.

    Returns
    -------
    Cases that it was asked about. A version that cannot be read or that lacks a column issues nothing: it is on trial,
    and the run does not wait for it.
    """
    config, metric = project.config, risk_metric(project)
    if project.is_look_back or metric is None or not project.log.has("events"):
        return 0
    name = model_name(config.experiment, f"breach-{metric}")
    decision = find_shadow(read_decisions(state, config.experiment), name, instants.as_of)
    if decision is None or decision.as_of > project.log.until:
        return 0
    try:
        rows = _predict(project, metric, load_model(config, decision.registered).risk)
    except InputError as error:
        if error.code in ("model.altered", "model.unfitted", "column.missing", "column.unknown"):
            return 0
        raise
    issue = Issue(
        "risk", f"{metric}{SHADOW}", instants.as_of, instants.data_until, instants.made_at,
        f"version {decision.version}",
    )  # fmt: skip
    return len(rows) if issue_rows(state, issue, rows) else 0


def _predict(project: Project, metric: str, risk: object) -> pd.DataFrame:
    log = project.log
    looks = training_instants(log, project.config.risk)
    frame, today = look_at_cases(log, looks[looks > log.until - pd.Timedelta(days=MAX_WINDOW_DAYS)], metric)
    now = bring_up_to_date(risk, frame, metric_labels(log, metric), log.until, find_case_ends(log, metric))  # type: ignore[arg-type]
    running = today[~has_breached(today)]
    return running[["case_id"]].assign(probability=now.risk(running), work_first=False).reset_index(drop=True)
