"""What ``train`` registers: the models of a desk with their cards, and the ids that may stand in none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.labels.satisfaction import dissatisfaction_labels
from ...models.risk.breach import BreachRisk
from ...models.risk.estimator import RiskEstimator
from ..project.project import Project
from ..project.specs import ForecastSpec
from ..registry.card import write_card
from ..registry.model_input import find_columns, make_signature, make_up_row
from ..registry.pyfuncs import CaseRiskModel
from ..registry.register import PICTURE_FILE, VOLUME, NewModel, model_name
from ..registry.slim import drop_training_rows
from .dissatisfaction import fit_dissatisfaction, fit_escalation, has_escalations
from .train import TrainedModel, calendar_of
from .volume_champion import format_settings, read_settings
from .volume_model import make_up_history, make_volume_model

#: Columns of the log that name cases, customers and agents: table -> columns.
ID_COLUMNS = {"cases": ("case_id", "customer_id"), "events": ("actor_id",), "contacts": ("agent_id",)}
#: Draws a calibration table as a picture.
Draw = Callable[[Mapping[str, pd.DataFrame]], str]


class FittedOutcome(NamedTuple):
    """A fitted risk, and rows of the kind that it was fitted on."""

    risk: RiskEstimator
    rows: pd.DataFrame


def fit_outcomes(project: Project, trained: TrainedModel) -> dict[str, FittedOutcome]:
    """Fit the models of other outcomes than a breach that the log can feed: ``dissatisfaction``, ``escalation``."""
    fits = {"dissatisfaction": _fit_dissatisfaction, "escalation": _fit_escalation}
    found = {kind: _known_or_none(lambda fit=fit: fit(project, project.log, trained)) for kind, fit in fits.items()}  # type: ignore[misc]
    return {kind: one for kind, one in found.items() if one is not None}


def make_models(
    project: Project,
    trained: TrainedModel,
    outcomes: Mapping[str, FittedOutcome],
    scores: Mapping[str, pd.DataFrame],
    draw: Draw | None = None,
) -> list[NewModel]:
    """Return the models of cases as they are registered: breach, dissatisfaction, escalation.

    Parameters
    ----------
    project
        With the log that they were trained on.
    trained
        The breach model.
    outcomes
        From :func:`fit_outcomes`.
    scores
        Tables ``by_team`` and ``by_channel`` of cases that it was not trained on, where there are any.
    draw
        Draws the calibration of a model.

    Returns
    -------
    One each that this log can feed.
    """
    ids = find_all_ids(project.log)
    tables = {"Scores by team": scores.get("by_team"), "Scores by channel": scores.get("by_channel")}
    given = {name: table for name, table in tables.items() if table is not None}
    breach = f"breach-{trained.metric}"
    found = [_case_model(project, trained, breach, FittedOutcome(trained.risk, trained.frame), ids, given, draw)]
    return found + [_case_model(project, trained, kind, fitted, ids, {}, draw) for kind, fitted in outcomes.items()]


def _known_or_none(make: Callable[[], Any]) -> Any:
    """Return what this log can feed; what it cannot, the stage of risk or forecast says."""
    try:
        return make()
    except InputError:
        return None


def find_all_ids(log: CaseLog) -> frozenset[str]:
    """Return the ids of all cases, customers and agents of a log."""
    found: set[str] = set()
    for table, columns in ID_COLUMNS.items():
        for name in columns:
            if log.has(table, name):
                found |= set(fetch(log.table(table).select(name).distinct())[name].dropna().astype("str"))
    return frozenset(found)


def _fit_dissatisfaction(project: Project, log: CaseLog, trained: TrainedModel) -> FittedOutcome | None:
    if not log.has("surveys", "case_id"):
        return None
    labels = dissatisfaction_labels(log)
    if labels.empty:
        return None
    return FittedOutcome(*fit_dissatisfaction(log, trained, labels, project.config.risk.segments))


def _fit_escalation(project: Project, log: CaseLog, trained: TrainedModel) -> FittedOutcome | None:
    to = project.config.risk.escalated_to
    if not has_escalations(log, to):
        return None
    rows = trained.frame.assign(stage=pd.Series("open", index=trained.frame.index, dtype="str"))
    return FittedOutcome(fit_escalation(log, trained, to), rows)


_WHAT = {
    "breach": "Probability that an open case breaches its SLA '{metric}', with reasons and expected finish times.",
    "dissatisfaction": "Probability that a customer is dissatisfied if asked, and among those who answer.",
    "escalation": "Probability that an open case is escalated before it ends.",
}


def _case_model(
    project: Project,
    trained: TrainedModel,
    kind: str,
    fitted: FittedOutcome,
    ids: frozenset[str],
    scores: Mapping[str, pd.DataFrame],
    draw: Draw | None,
) -> NewModel:
    risk, rows = fitted
    slim: Any = drop_training_rows(risk)
    columns = find_columns(slim, rows)
    model = CaseRiskModel(slim, columns, calendar_of(project.log, trained.metric))
    example = make_up_row(columns, trained.metric)
    data = {
        "cases": f"{rows['case_id'].nunique():,}", "snapshots": f"{len(rows):,}",
        "from": rows["at"].min(), "to": rows["at"].max(), "as of": risk.as_of_, "fingerprint": project.fingerprint,
    }  # fmt: skip
    used, reliability = slim.used_, slim.reliability_
    mine = reliability["model"] == used if isinstance(used, str) else pd.Series(False, index=reliability.index)
    tables = {
        "Scores on later cases, beside simple rules": slim.evaluation_,
        "Calibration": reliability[mine],
        **scores,
    }
    what = _WHAT[kind.partition("-")[0]].format(metric=trained.metric)
    name = model_name(project.config.experiment, kind)
    card = write_card(name, what, data, decision=str(slim.decision_), tables=tables)
    shown = {"calibration": reliability, "evaluation": slim.evaluation_} if isinstance(slim, BreachRisk) else {}
    picture = draw(shown) if draw is not None and shown else ""
    return NewModel(
        kind, model, make_signature(columns, model.predict(example)), example, card,
        {PICTURE_FILE: picture} if picture else {}, _metrics(slim.evaluation_, used), ids,
    )  # fmt: skip


def _metrics(evaluation: pd.DataFrame, used: object) -> dict[str, float]:
    """Return the scores of the model in use; of one that has several stages nothing, as the card has them all."""
    mine = evaluation[evaluation["model"] == used] if isinstance(used, str) else evaluation[:0]
    names = [c for c in ("n", "base_rate", "auc", "brier", "ece") if c in mine]
    return {c: float(mine[c].iloc[0]) for c in names if len(mine) and pd.notna(mine[c].iloc[0])}


_VOLUME_LIMITS = (
    "It holds settings and no history: what it says of the future it takes from the history that it is given.",
    "Opening hours, holidays and events are those of the day of its training.",
)


def make_volume_version(project: Project, spec: ForecastSpec) -> NewModel | None:
    """Return a version of the volume model as it is registered; ``None`` where this log has no volumes to forecast."""
    made: NewModel | None = _known_or_none(lambda: _volume_model(project, spec))
    return made


def _volume_model(project: Project, spec: ForecastSpec) -> NewModel:
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ParamSchema, ParamSpec

    model, target = make_volume_model(project, spec)
    example, steps = make_up_history(model.spec), target.actuals["ds"]
    ahead = model.predict(example, {"horizon": 1})
    data = {
        "KPI": target.kpi, "series": target.actuals["unique_id"].nunique(), "time step": model.spec.freq,
        "from": steps.min(), "to": steps.max(), "as of": project.log.until, "fingerprint": project.fingerprint,
        "settings": format_settings(read_settings(spec)),
    }  # fmt: skip
    name = model_name(project.config.experiment, VOLUME)
    what = f"Volume of '{target.kpi}', {model.spec.horizon} time steps ahead, with likely ranges."
    card = write_card(name, what, data, limits=_VOLUME_LIMITS)
    found = infer_signature(example, ahead)
    params = ParamSchema([ParamSpec("horizon", "long", model.spec.horizon)])
    signature = ModelSignature(found.inputs, found.outputs, params)
    return NewModel(VOLUME, model, signature, example, card, ids=find_all_ids(project.log))
