"""``train``: the first models of a desk, or challengers to those in use, with a verdict on each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...models.evaluation.paired import MIN_JUDGED_CASES, PairedVerdict, explain_few_cases, explain_few_days
from ...models.risk.estimator import RiskEstimator
from ..project.project import Project
from ..project.specs import Config
from ..registry.champions import find_champions, find_formers, load_model
from ..registry.decisions import PROMOTED, Decision
from ..registry.register import VOLUME, NewModel, model_name
from ..registry.slim import drop_training_rows
from ..stage import Stage
from ..words.facts import Finding
from ..words.figures import bind_sentences, figures_table
from . import train
from .challenger import MIN_JUDGED_DAYS, Outlook, choose_cut, judge_models, look_since, project_as_of
from .champion import OUTCOME_KINDS
from .registered import Draw, fit_outcomes, make_models, make_volume_version
from .train import TrainedModel, backtest_training, risk_metric
from .train_scores import FIGURES
from .volume_challenger import VolumeTraining, train_volume

#: Why the first version of a model is used, and one that there is nothing to compare of.
FIRST_REASON = "No model for these SLA targets was in use before."
GONE_REASON = "The model in use before was gone or altered."


@dataclass(frozen=True)
class Training:
    """What ``train`` made and found.

    Attributes
    ----------
    stage
        The stage, with the verdicts in words.
    models
        To register; none where nothing can be learnt, or on a look back.
    reasons
        Kind of model -> whether it is used, and why in a sentence.
    trained_until
        End of the data that they were trained on.
    verdicts
        Kind of model -> the comparison with the one in use, where there was one.
    again
        Kind of model -> a version that was in use once, where that is the best of all, and why.
    volume
        What is decided on the forecast.
    """

    stage: Stage
    models: tuple[NewModel, ...] = ()
    reasons: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    trained_until: pd.Timestamp | None = None
    verdicts: Mapping[str, PairedVerdict] = field(default_factory=dict)
    again: Mapping[str, tuple[Decision, PairedVerdict]] = field(default_factory=dict)
    volume: VolumeTraining = field(default_factory=VolumeTraining)


def train_models(
    project: Project,
    *,
    evaluate: bool = False,
    progress: Callable[[int, int], None] | None = None,
    draw: Draw | None = None,
) -> Training:
    """Train the models of a desk, and judge them against those in use.

    Parameters
    ----------
    project
        Opened; a look back trains and registers nothing.
    evaluate, progress
        As in :func:`~deskcast.pipelines.stages.train.train_stage`.
    draw
        Draws the calibration of a model for its card.

    Returns
    -------
    The training. Where a model in use is gone or was altered, the new ones take the place of all.
    """
    training = _train_case_models(project, evaluate, progress, draw)
    return training if project.is_look_back or not training.models else _add_volume(project, training)


def _add_volume(project: Project, training: Training) -> Training:
    """Add what is decided on the forecast: judged by what was issued, whatever the models of cases do."""
    try:
        found = train_volume(project)
    except InputError as error:
        found = VolumeTraining()  # this log has no volumes to forecast: the stage of the forecast says why
        if error.code == "model.altered":
            found = VolumeTraining(make_volume_version(project, project.config.forecast), PROMOTED, GONE_REASON)
    said = list[Finding]()
    if found.verdict is not None:
        said = bind_sentences(found.verdict.reason, FIGURES, "challenger volume", audience="analyst")
    findings = (*training.stage.findings, *said)
    stage = training.stage
    stage = replace(stage, findings=findings, tables={**stage.tables, **figures_table(FIGURES, findings)})
    if found.new is None:
        return replace(training, stage=stage, volume=found)
    reasons = {**training.reasons, VOLUME: (found.decision == PROMOTED, found.reason)}
    return replace(training, stage=stage, models=(*training.models, found.new), reasons=reasons, volume=found)


def _train_case_models(
    project: Project, evaluate: bool, progress: Callable[[int, int], None] | None, draw: Draw | None
) -> Training:
    champions = {} if project.is_look_back else find_champions(project.config, project.log.until)
    metric = risk_metric(project)
    current = champions.get(model_name(project.config.experiment, f"breach-{metric}"))
    if current is None or metric is None:
        return _train_on_all(project, champions, evaluate, progress, draw)
    try:
        old = _load_in_use(project.config, champions, metric)
    except InputError as error:
        if error.code != "model.altered":
            raise
        return _train_on_all(project, {}, evaluate, progress, draw, first_reason=GONE_REASON)
    outlook = look_since(project, metric, current.as_of)
    cut, cases = choose_cut(outlook, current.as_of)
    if cut is None:
        days = (project.log.until - current.as_of) / pd.Timedelta(days=1)
        reason = explain_few_cases(cases) if cases < MIN_JUDGED_CASES else explain_few_days(int(days), MIN_JUDGED_DAYS)
        waits = {_full(kind, metric): PairedVerdict(False, reason, cases) for kind in old}
        return _train_on_all(project, champions, evaluate, progress, draw, waits)
    earlier = project_as_of(project, cut)
    stage, trained = train.train_stage(earlier, evaluate=evaluate, progress=progress)
    if trained is None:
        return Training(stage)
    outcomes = fit_outcomes(earlier, trained)
    new = {"breach": trained.risk} | {kind: drop_training_rows(one.risk) for kind, one in outcomes.items()}
    # what one in use was trained on later than the cut, it has seen
    old = {kind: risk for kind, risk in old.items() if risk.as_of_ <= cut}
    verdicts = {_full(kind, metric): one for kind, one in judge_models(outlook, old, new, cut).items()}
    again = _judge_formers(project, outlook, old, verdicts, cut, metric)
    models = make_models(earlier, trained, outcomes, _segment_scores(earlier, stage, trained), draw)
    return _decided(stage, models, champions, verdicts, project.config, earlier.log, again=again)


def _judge_formers(
    project: Project,
    outlook: Outlook,
    old: Mapping[str, RiskEstimator],
    verdicts: Mapping[str, PairedVerdict],
    cut: pd.Timestamp,
    metric: str,
) -> dict[str, tuple[Decision, PairedVerdict]]:
    """Return the versions that were in use once and are better than those in use and than the new ones.

    A model that learnt an exceptional month is promoted in it and poor afterwards; an earlier one may be better again.
    """
    config, found = project.config, dict[str, tuple[Decision, PairedVerdict]]()
    formers = find_formers(config, project.log.until)
    for kind in old:
        full, best = _full(kind, metric), verdicts.get(_full(kind, metric))
        for decision in formers.get(model_name(config.experiment, full), []):
            if decision.as_of > cut:
                continue
            try:
                risk = load_model(config, decision.registered).risk
            except InputError:  # it is gone: there is nothing to go back to
                continue
            verdict = judge_models(outlook, old, {kind: risk}, cut, "An earlier version")[kind]
            if verdict.is_promoted and not (
                best is not None and best.is_promoted and best.gain.mean >= verdict.gain.mean
            ):
                found[full], best = (decision, verdict), verdict
    return found


def _train_on_all(
    project: Project,
    champions: Mapping[str, Decision],
    evaluate: bool,
    progress: Callable[[int, int], None] | None,
    draw: Draw | None,
    verdicts: Mapping[str, PairedVerdict] | None = None,
    first_reason: str = FIRST_REASON,
) -> Training:
    stage, trained = train.train_stage(project, evaluate=evaluate, progress=progress)
    if trained is None or project.is_look_back:
        return Training(stage)
    outcomes = fit_outcomes(project, trained)
    models = make_models(project, trained, outcomes, _segment_scores(project, stage, trained), draw)
    return _decided(stage, models, champions, verdicts or {}, project.config, project.log, first_reason)


def _decided(
    stage: Stage,
    models: list[NewModel],
    champions: Mapping[str, Decision],
    verdicts: Mapping[str, PairedVerdict],
    config: Config,
    log: CaseLog,
    first_reason: str = FIRST_REASON,
    again: Mapping[str, tuple[Decision, PairedVerdict]] | None = None,
) -> Training:
    reasons = {m.kind: _decide(m.kind, config, champions, verdicts.get(m.kind), first_reason) for m in models}
    for kind, (_, verdict) in (again or {}).items():
        reasons[kind] = False, f"It is not the best. {verdict.reason}"
    said: list[str] = []
    every = dict(verdicts) | {k: v for k, (_, v) in (again or {}).items()}
    for kind, verdict in _say_once(every).items():
        said += bind_sentences(verdict.reason, FIGURES, f"challenger {kind}", audience="analyst")
    if not champions:
        said = [Finding("These models are the first, and are used from now on.", audience="analyst")]
    findings = (*stage.findings, *said)
    tables = {**stage.tables, **figures_table(FIGURES, findings)}
    return Training(
        replace(stage, findings=findings, tables=tables), tuple(models), reasons, log.until, verdicts, again or {}
    )


def _say_once(verdicts: Mapping[str, PairedVerdict]) -> dict[str, PairedVerdict]:
    """Return the verdicts whose reason no other has before: all kinds may wait for the same."""
    first: dict[str, str] = {}
    for kind, one in verdicts.items():
        first.setdefault(str(one.reason), kind)
    return {kind: verdicts[kind] for kind in first.values()}


def _decide(
    kind: str, config: Config, champions: Mapping[str, Decision], verdict: PairedVerdict | None, first_reason: str
) -> tuple[bool, str]:
    """Tell whether a new version of a model is used, and why."""
    if model_name(config.experiment, kind) not in champions:
        return True, first_reason
    if verdict is None:
        return False, str(explain_few_cases(0))
    return verdict.is_promoted, str(verdict.reason)


def _load_in_use(config: Config, champions: Mapping[str, Decision], metric: str) -> dict[str, RiskEstimator]:
    names = {kind: model_name(config.experiment, _full(kind, metric)) for kind in ("breach", *OUTCOME_KINDS)}
    return {kind: load_model(config, champions[n].registered).risk for kind, n in names.items() if n in champions}


def _full(kind: str, metric: str) -> str:
    return f"breach-{metric}" if kind == "breach" else kind


def _segment_scores(project: Project, stage: Stage, trained: TrainedModel) -> Mapping[str, pd.DataFrame]:
    """Return scores by team and channel on cases that were not trained on; of one cut-off where none are there yet."""
    if {"by_team", "by_channel"} & set(stage.tables):
        return stage.tables
    return backtest_training(project, project.log, trained, cutoffs=1)[0]


#: How long after the last training the next one is due.
_PERIODS = {
    "monthly": pd.DateOffset(months=1), "weekly": pd.DateOffset(weeks=1), "nightly": pd.DateOffset(hours=12),
}  # fmt: skip


def is_due(retrain: str | None, last: pd.Timestamp | None, until: pd.Timestamp, *, has_drifted: bool = False) -> bool:
    """Tell whether a run has to make challengers.

    Parameters
    ----------
    retrain
        ``[model] retrain``; never without it.
    last
        End of the data at the last training, whatever was decided; ``None`` where there was none.
    until
        End of the data.
    has_drifted
        Whether the run found drift.

    Examples
    --------
    >>> first, later = pd.Timestamp("2024-01-31T00:00Z"), pd.Timestamp("2024-02-29T00:00Z")
    >>> is_due("monthly", first, later), is_due("monthly", first, first), is_due(None, first, later)
    (True, False, False)
    """
    if retrain is None:
        return False
    if last is None:
        return True
    if retrain == "on drift":
        return has_drifted and until > last
    return bool(until >= last + _PERIODS[retrain])


def find_last_training(decisions: list[Decision]) -> pd.Timestamp | None:
    """Return the end of the data at the last training, as the decisions tell."""
    ends = [pd.Timestamp(one.body["data_until"]) for one in decisions if one.body.get("data_until")]
    return max(ends, default=None)
