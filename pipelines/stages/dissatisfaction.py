"""Which customer will be dissatisfied and which case will be escalated, where the log has surveys or escalations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.labels.events import escalation_labels
from ...features.labels.satisfaction import dissatisfaction_labels
from ...features.snapshots.snapshots import daily
from ...models.risk.case_rows import case_snapshots
from ...models.risk.dissatisfaction import DissatisfactionRisk
from ...models.risk.escalation import EscalationRisk
from ...models.risk.outcome_risk import OutcomeRisk
from ...models.worklist.ranking import assign_risk_levels
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding, replace_text
from ..words.figures import bind_sentences, figures_table
from .risk_words import FIGURES
from .train import TrainedModel

#: A case is just closed for so long.
RECENTLY_CLOSED = pd.Timedelta(days=3)
#: Snapshots of open cases that the models learn from; more teach little.
MAX_OUTCOME_ROWS = 4000
#: Closings of cases whose customer was asked, and earlier looks at them: few answer, so more teach more.
MAX_ASKED_ROWS = 12_000
#: Draws of the bootstrap that decides whether there is any skill.
BOOTSTRAP_REPLICATES = 300
_PROBABILITY_COLUMNS = ("dissatisfaction_risk", "dissatisfaction_risk_if_answered", "response_probability")


def add_outcome_risks(stage: Stage, project: Project, trained: TrainedModel, log: CaseLog) -> Stage:
    """Add to the stage of risk what surveys and escalations teach.

    Parameters
    ----------
    stage
        Its table ``risk``, if there is one, gets ``dissatisfaction_risk`` and ``escalation_risk`` where they tell cases
        apart.
    project, trained, log
        As of :func:`~deskcast.pipelines.stages.risk.risk_stage`.

    Returns
    -------
    The stage with tables ``dissatisfaction`` (open cases) and ``recently_closed``, and ``escalation``. Where nothing is
    known that tells cases apart, a statement says so and there is no list: one in which all rates are equal ranks
    nobody.
    """
    for name, add in (("Dissatisfaction", _dissatisfied), ("Escalation", _escalated)):
        try:
            stage = add(stage, project, trained, log)
        except InputError as error:
            stage = replace(stage, findings=(*stage.findings, _refusal(name, error)))
    return replace(stage, tables={**stage.tables, **figures_table(FIGURES, stage.findings)})


def _refusal(name: str, error: InputError) -> Finding:
    return Finding(f"{name} risk is not available: {error}.", audience="planner", names=[str(error)])


def fit_dissatisfaction(
    log: CaseLog, trained: TrainedModel, labels: pd.DataFrame, segments: Sequence[str] = ()
) -> tuple[DissatisfactionRisk, pd.DataFrame]:
    """Fit the dissatisfaction model to all answers ever given, however few months train the breach model.

    Parameters
    ----------
    log
        A log with surveys.
    trained
        The breach model with its looks at open cases; earlier ones are added here.
    labels
        See :func:`~deskcast.features.labels.satisfaction.dissatisfaction_labels`.
    segments
        Columns of the cases whose track record the model follows.

    Returns
    -------
    The model, and the snapshots that it was given.
    """
    rows = _outcome_rows(log, trained, labels, segments)
    risk = DissatisfactionRisk(segments=segments, replicates=BOOTSTRAP_REPLICATES)
    return risk.fit(rows, labels, as_of=log.until), rows


def _outcome_rows(log: CaseLog, trained: TrainedModel, labels: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Return the snapshots that dissatisfaction is learnt from: of open cases, and of closings."""
    closings = _closings(log)
    early = _early_looks(log, closings[closings["case_id"].isin(labels["case_id"])], trained.frame["at"])
    looks = pd.concat([early, _lessons(closings, labels, log.until)], ignore_index=True)
    more = case_snapshots(log, looks, trained.metric, segments=segments)
    past = _with_segments(log, _as_open(_thin_snapshot_times(trained.frame, MAX_OUTCOME_ROWS)), segments)
    return pd.concat([past, more], ignore_index=True)


def find_dissatisfaction(
    log: CaseLog, trained: TrainedModel, labels: pd.DataFrame, segments: Sequence[str] = ()
) -> tuple[DissatisfactionRisk, pd.DataFrame]:
    """Return the dissatisfaction model, the one in use or one fitted now, and rows that hold the newest closings."""
    risk = trained.outcomes.get("dissatisfaction")
    if not isinstance(risk, DissatisfactionRisk) or tuple(risk.segments) != tuple(segments):
        fitted = fit_dissatisfaction(log, trained, labels, segments)
        trained.fitted["dissatisfaction"] = fitted[0]
        return fitted
    if segments:  # their track record is in no stored model
        rows = _outcome_rows(log, trained, labels, segments)
        return risk.follow(rows, labels, log.until), rows
    return risk, find_closings(log, log.until - RECENTLY_CLOSED, trained.metric)


def find_closings(log: CaseLog, since: pd.Timestamp, metric: str) -> pd.DataFrame:
    """Return snapshots of the last closings of cases, from an instant on."""
    closings = _closings(log)
    newest = closings[closings["at"] >= since][["case_id", "at"]]
    return case_snapshots(log, newest.reset_index(drop=True), metric)


def fit_escalation(log: CaseLog, trained: TrainedModel, to: Collection[str] = ()) -> EscalationRisk:
    """Fit the escalation model to the looks of the breach model; ``to`` names the teams that take escalations."""
    past = _as_open(_thin_snapshot_times(trained.frame, 3 * MAX_OUTCOME_ROWS))
    return EscalationRisk(replicates=BOOTSTRAP_REPLICATES).fit(past, escalation_labels(log, to=to), as_of=log.until)


def has_escalations(log: CaseLog, to: Collection[str] = ()) -> bool:
    """Tell whether any case was ever escalated, as far as the log tells; hand-overs to ``to`` may be."""
    events = log.table("events")
    return bool(to) or bool(
        fetch(events.filter(events.kind == "escalated").aggregate(n=lambda t: t.count()))["n"].iloc[0]
    )


def _dissatisfied(stage: Stage, project: Project, trained: TrainedModel, log: CaseLog) -> Stage:
    if not log.has("surveys", "case_id"):
        return stage
    labels = dissatisfaction_labels(log)
    if labels.empty:
        return stage
    segments = project.config.risk.segments
    risk, rows = find_dissatisfaction(log, trained, labels, segments)
    now = _with_segments(log, _as_open(trained.today), segments)
    just = rows[(rows["stage"] == "closed") & (rows["at"] >= log.until - RECENTLY_CLOSED)]
    # Who has answered already need not be guessed about.
    told = labels[labels["known_at"].notna()]["case_id"]
    tables = {}
    if risk.used_["open"] != "constant":
        tables["dissatisfaction"] = _listed(now, risk)
    if risk.used_["closed"] != "constant":
        tables["recently_closed"] = _listed(just[~just["case_id"].isin(told)], risk)
    tables |= {"outcome_evaluation": _judged(stage, "dissatisfaction", risk.evaluation_, risk.stages_)}
    kept = {**stage.tables, **{name: frame for name, frame in tables.items() if len(frame)}}
    if "dissatisfaction" in tables:
        kept = _with_risk(kept, "dissatisfaction")
    findings: list[str] = [_counted(kept, name) for name in ("dissatisfaction", "recently_closed") if name in kept]
    findings += _unranked("Dissatisfaction", risk.used_)
    findings += _statements("Dissatisfaction", risk.statements_, risk.stages_, tables["outcome_evaluation"])
    return replace(stage, tables=kept, findings=(*stage.findings, *findings))


def _escalated(stage: Stage, project: Project, trained: TrainedModel, log: CaseLog) -> Stage:
    to = project.config.risk.escalated_to
    if not has_escalations(log, to):
        return stage
    labels = escalation_labels(log, to=to)
    found = trained.outcomes.get("escalation")
    if isinstance(found, EscalationRisk):
        risk = found
    else:
        risk = trained.fitted["escalation"] = fit_escalation(log, trained, to)
    now = _as_open(trained.today)
    # What has been escalated will not be for the first time.
    now = now[~now["case_id"].isin(labels["case_id"][labels["label"].eq(True).fillna(False)])]
    if "escalations" in now:
        now = now[~(now["escalations"].fillna(0) > 0)]
    table = now[[c for c in ("case_id", "age_s", "team", "priority") if c in now]].reset_index(drop=True)
    table["escalation_risk"] = risk.risk(now)
    order = ["escalation_risk", "age_s", "case_id"] if risk.used_ != "constant" else ["age_s", "case_id"]
    table = table.sort_values(order, ascending=[name == "case_id" for name in order], ignore_index=True)
    kept = dict(stage.tables)
    judged = _judged(stage, "escalation", risk.evaluation_.assign(stage="open"), {"open": risk.outcome_risk_})
    kept |= {"outcome_evaluation": judged} if len(judged) else {}
    findings = _unranked("Escalation", {"open": risk.used_})
    if risk.used_ != "constant" and len(table):
        kept = _with_risk({**kept, "escalation": table}, "escalation")
        findings.append(_counted(kept, "escalation"))
    findings += _statements("Escalation", [risk.decision_], {"open": risk.outcome_risk_}, judged)
    return replace(stage, tables=kept, findings=(*stage.findings, *findings))


def _with_risk(tables: dict[str, pd.DataFrame], name: str) -> dict[str, pd.DataFrame]:
    """Set the probabilities of an outcome beside those of a breach; where cases are not told apart they are nowhere."""
    if "risk" not in tables:
        return tables
    column, table = f"{name}_risk", tables["risk"]
    asked = tables[name].set_index("case_id")[column]
    return {**tables, "risk": table.assign(**{column: table["case_id"].map(asked).astype("float64")})}


#: What the cases of a list are.
_LISTS = {"dissatisfaction": "open case", "recently_closed": "recently closed case", "escalation": "open case"}
#: Outcome and stage of a case -> what a model cannot rank yet.
_UNRANKED = {"open": "open cases", "closed": "closed cases"}


def _counted(tables: dict[str, pd.DataFrame], name: str) -> Finding:
    """Report how many cases a list holds, and what is expected of them.

    Of customers the share among answers is stated and no number of dissatisfied ones: who keeps silent is often less
    dissatisfied than the answers of like cases say, and no answer ever tells by how much.
    """
    count = Fact.at(Cell(name, "case_id", take="count"), tables, "listed_cases", name)
    if name == "escalation":
        bad = Fact.at(Cell(name, "escalation_risk", take="sum"), tables, "expected_outcomes", name)
        return Finding(f"Of {count:{_LISTS[name]}} not escalated yet {bad:about} will be.", count, bad)
    cell = Cell(name, "dissatisfaction_risk_if_answered", take="mean", weight="response_probability")
    share = Fact.at(cell, tables, "dissatisfied_answers", name, "share")
    return Finding(f"About {share:%} of survey answers on {count:{_LISTS[name]}} will be dissatisfied.", count, share)


def _unranked(outcome: str, used: Mapping[str, str]) -> list[str]:
    """Report for which cases an outcome cannot be predicted yet, in one line for a manager."""
    named = [_UNRANKED.get(stage, stage) for stage, model in used.items() if model == "constant"]
    text = f"{outcome} risk: {' and '.join(named)} cannot be ranked yet; each has the average risk."
    return [Finding(text, audience="everyone")] if named else []


def _statements(
    outcome: str, statements: Sequence[str], stages: Mapping[str, OutcomeRisk], judged: pd.DataFrame
) -> list[str]:
    """Write the statements of a model with the number of cases and the rate that they rest on."""
    found: list[str] = []
    for place, statement in enumerate(statements):
        cells: dict[str, Cell] = {}
        for name, learnt in stages.items():
            keys = {"outcome": outcome.lower(), "stage": name, "model": "constant"}
            if learnt.decision == statement and len(judged) and _has_row(judged, keys):
                cells = {"cases": Cell("outcome_evaluation", "cases", keys)}
                cells["rate"] = Cell("outcome_evaluation", "base_rate", keys)
        subject = f"{outcome.lower()} {place + 1}"
        head, told = f"{outcome} risk: ", bind_sentences(statement, FIGURES, subject, cells=cells, audience="analyst")
        found += [replace_text(one, f"{head}{one[:1].lower()}{one[1:]}") for one in told]
    return found


def _has_row(judged: pd.DataFrame, keys: Mapping[str, str]) -> bool:
    return bool(judged[list(keys)].eq(pd.Series(keys)).all(axis=1).any())


def _judged(stage: Stage, outcome: str, evaluation: pd.DataFrame, stages: Mapping[str, OutcomeRisk]) -> pd.DataFrame:
    """Put how good the candidates for an outcome were below those of others; ``cases`` are those behind ``n`` rows."""
    mine = evaluation[evaluation["n"] > 0]
    cases = mine["stage"].astype("str").map({name: float(learnt.newest_cases) for name, learnt in stages.items()})
    mine = mine.assign(cases=cases.astype("float64"))
    first = {"outcome": outcome, "stage": mine["stage"].astype("str")}
    mine = pd.DataFrame(first, index=mine.index).join(mine.drop(columns="stage"))
    before = stage.tables.get("outcome_evaluation")
    return mine.reset_index(drop=True) if before is None else pd.concat([before, mine], ignore_index=True)


def _listed(rows: pd.DataFrame, risk: DissatisfactionRisk) -> pd.DataFrame:
    """List cases by their probability, the highest first."""
    names = [c for c in ("case_id", "at", "age_s", "team", "priority") if c in rows]
    table = rows[names].reset_index(drop=True)
    told = risk.predict_table(rows).reset_index(drop=True)
    for name in _PROBABILITY_COLUMNS:
        table[name] = told[name].astype("float64")
    table["risk_level"] = pd.Series(
        assign_risk_levels(table[_PROBABILITY_COLUMNS[0]].to_numpy()), index=table.index
    ).astype("str")
    return table.sort_values(
        [_PROBABILITY_COLUMNS[0], "age_s", "case_id"], ascending=[False, False, True], ignore_index=True
    )


def _closings(log: CaseLog) -> pd.DataFrame:
    """Return cases with the instant of their last closing, and when they were created."""
    events = log.table("events")
    ended = events.filter(events.kind.isin(["resolved", "closed"]) & (events["at"] <= log.until))
    found = fetch(ended.group_by("case_id").agg(at=ended["at"].max()))
    created = fetch(log.table("cases").select("case_id", "created_at"))
    return found.merge(created, on="case_id").sort_values(["at", "case_id"], ignore_index=True)


def _lessons(closings: pd.DataFrame, labels: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Return the closings to look at: of all whose customer was asked, however long ago, and the newest."""
    # The newest are those that a manager can still call; of the others a sample teaches enough.
    newest = closings["at"] >= until - RECENTLY_CLOSED
    asked = closings[~newest & closings["case_id"].isin(labels["case_id"])]
    return pd.concat([_thinned(asked, MAX_ASKED_ROWS), closings[newest]], ignore_index=True)[["case_id", "at"]]


def _early_looks(log: CaseLog, closings: pd.DataFrame, looked: pd.Series) -> pd.DataFrame:
    """Return looks at cases while they were open, at the usual time of days before those that are looked at anyway."""
    nothing = closings.iloc[:0][["case_id", "at"]]
    if closings.empty or looked.empty:
        return nothing
    first = looked.min().tz_convert(log.timezone)
    days = daily(closings["created_at"].min(), first, at=f"{first:%H:%M}", timezone=log.timezone)
    days = days[days < first]
    place = days.searchsorted(closings["created_at"]), days.searchsorted(closings["at"])
    step = max(1, int(np.ceil((place[1] - place[0]).sum() / MAX_ASKED_ROWS)))
    step += step % 7 == 0  # whole weeks would show one weekday only
    cases = closings[["case_id"]]
    found = [cases[(place[0] <= k) & (k < place[1])].assign(at=days[k]) for k in range(0, len(days), step)]
    looks: pd.DataFrame = pd.concat([nothing, *found], ignore_index=True)
    return looks


def _with_segments(log: CaseLog, rows: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """Add columns of the cases that the snapshots do not have; case_rows has refused those that may not be used."""
    absent = [name for name in segments if name not in rows]
    if not absent:
        return rows
    told = fetch(log.table("cases").select("case_id", *absent)).set_index("case_id")
    return rows.assign(**{name: told[name].reindex(rows["case_id"]).array for name in absent})


def _as_open(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(stage=pd.Series("open", index=rows.index, dtype="str"))


def _thin_snapshot_times(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep the last look and every so many before it: that keeps more cases than all the looks at some of them."""
    step = max(1, int(np.ceil(len(rows) / most)))
    while step > 1 and (
        step % 2 == 0 or step % 7 == 0
    ):  # one time of day or one weekday only, where days have two looks
        step += 1
    looks = np.sort(rows["at"].unique())[::-1][::step]
    return rows[rows["at"].isin(looks)]


def _thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep whole cases, the same ones each time."""
    if len(rows) <= most:
        return rows
    cases = np.sort(rows["case_id"].unique())
    kept = np.random.default_rng(0).uniform(size=len(cases)) < most / len(rows)
    return rows[rows["case_id"].isin(cases[kept])]
