"""From when the values of a KPI can be known: until then a young log holds only what came quickly."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..case_log.cache import compute_once
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.log_end import find_first_time
from .cut_periods import local_reading
from .view import SURVEY_KINDS, Limits

#: So many answers to surveys that had their time tell how long answers usually take.
MIN_ANSWERS = 20
#: This share of them is in by then.
_USUAL_SHARE = 0.9
_SLA = "sla_attainment"
_ANSWERS = (*SURVEY_KINDS, "problem_solved_rate")


def find_ripe_start(log: CaseLog, kpi: str, limits: Limits | None = None) -> pd.Timestamp | None:
    """Return from when a KPI can be known, on the desk's clock; ``None`` where its first period is as good as any.

    What has not run out or is not answered yet has no value, so that before this instant only what came quickly
    counts: targets that were met, and customers who answered at once.

    Parameters
    ----------
    log
        Any log.
    kpi
        A KPI of a history, such as ``sla_attainment_resolution`` or ``csat``.
    limits
        Among them the days in which a survey is answered.

    Examples
    --------
    >>> asked = pd.Series(pd.date_range("2024-03-01T09:00Z", periods=3, freq="D"))
    >>> surveys = pd.DataFrame({"survey_id": ["a", "b", "c"], "kind": "csat", "offered_at": asked,
    ...                         "responded_at": asked + pd.Timedelta("5h"), "score": [5.0, 1.0, 4.0]})
    >>> find_ripe_start(CaseLog.from_frames(surveys=surveys), "csat")
    Timestamp('2024-03-08 09:00:00')
    """
    if kpi.startswith(_SLA):
        return find_target_start(log, kpi.removeprefix(_SLA).removeprefix("_"))
    if kpi in _ANSWERS and log.has("surveys", "responded_at"):
        days = (limits or Limits()).survey_days
        kind = "" if kpi == "problem_solved_rate" else kpi
        found: pd.Timestamp | None = compute_once(
            log, f"answers known {kind} {days}", lambda: _find_answer_start(log, kind, days)
        )
        return found
    return None


def _find_answer_start(log: CaseLog, kind: str, days: float) -> pd.Timestamp | None:
    """Return when the usual time to answer has passed since the first survey was offered.

    That time is what nine in ten answers take of the surveys that had ``days`` to be answered; where too few had, it
    is those days.
    """
    columns = ("kind", "offered_at", "responded_at")
    frame = compute_once(log, "answers", lambda: fetch(log.table("surveys").select(*columns)))
    frame = frame[frame["kind"].notna()]
    frame = frame[frame["kind"] == kind] if kind else frame[frame["kind"] != "agent_satisfaction"]
    delay = (frame["responded_at"] - frame["offered_at"]).dt.total_seconds()
    if not (delay > 0).any():  # offers are dated by their answers
        return None
    limit = days * 86400.0
    ripe = frame["offered_at"] <= log.until - pd.Timedelta(seconds=limit)
    in_time = delay[ripe & (delay >= 0) & (delay <= limit)]
    usual = float(np.quantile(in_time, _USUAL_SHARE)) if len(in_time) >= MIN_ANSWERS else limit
    begun = find_first_time(frame["offered_at"])
    return None if begun is None else local_reading(log, begun + pd.Timedelta(seconds=usual))


def find_target_start(log: CaseLog, metric: str = "") -> pd.Timestamp | None:
    """Return from when SLA attainment can be known, on the desk's clock; ``None`` without a target.

    Until the log is as old as the target, no target of its cases can have run out: only what was met can be known, and
    all of it would be attained. What a system itself decides has no target here, and is known when it is decided.

    Parameters
    ----------
    log
        A log with promises.
    metric
        Of one metric; by default of all.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z"]})
    >>> ends = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T09:30Z"], "kind": ["resolved"]})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> rest = {"events": ends, "sla_policies": policies, "until": "2024-03-02T00:00Z"}
    >>> find_target_start(CaseLog.from_frames(cases=cases, **rest))
    Timestamp('2024-03-01 11:00:00')
    """
    from ..sla.milestones import milestones

    if not log.has("events"):
        return None
    table = milestones(log)
    own = table[(table["metric"] == metric) | (metric == "")]
    spans = (own["due_at"] - own["started_at"]).dropna()
    if spans.empty:
        return None
    longest = spans.groupby([own["metric"], own["policy"], own["target_s"]]).median().max()
    begun = find_first_time(table["started_at"])
    return None if begun is None else local_reading(log, begun + longest)
