"""Issued goals, alerts and suggested actions against what came, and against what people said of them."""

from __future__ import annotations

import pandas as pd

from ...features.errors import InputError
from ...models.goals import goal_value
from ..project.project import Project
from .goals import daily_kpi_history, parse_series


def goals_accuracy(project: Project, issued: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return how the chances of goals compare with whether they were met.

    Parameters
    ----------
    project
        Its log tells what came.
    issued
        What :func:`~deskcast.pipelines.state.issued.read_issued` returns of ``goal``.
    history
        KPI history by day, or empty.

    Returns
    -------
    One row a goal and period that is over: ``name, kpi, start, end, target, better, value, met, n`` (nights),
    ``first_probability, last_probability`` and ``brier`` (mean over the nights).
    """
    end = pd.Timestamp(project.log.until).tz_convert(project.log.timezone).tz_localize(None)
    rows = []
    told, histories = issued[issued["probability"].notna()], dict[tuple[str, str], pd.DataFrame]()
    told = told.assign(start=pd.to_datetime(told["start"]), end=pd.to_datetime(told["end"]))
    for (name, day), part in told.groupby(["name", "end"], sort=True):
        last = pd.Timestamp(str(day))
        if last.normalize() + pd.Timedelta(days=1) > end:
            continue  # the period is not over
        part = part.sort_values("as_of", kind="stable")
        one = part.iloc[-1]
        kpi, series = str(one["kpi"]), str(one["series"])
        try:
            if (kpi, series) not in histories:
                where = parse_series(project.log, series)
                if series != "all" and not where:
                    continue  # the log no longer has this segment
                histories[kpi, series] = daily_kpi_history(project, history, kpi, where)
            value = goal_value(histories[kpi, series], kpi, one["start"], last)
        except InputError:
            continue  # the log no longer has this KPI
        if pd.isna(value):
            continue
        met = value >= one["target"] if one["better"] == "higher" else value <= one["target"]
        row = {"name": name, "kpi": one["kpi"], "start": one["start"], "end": last, "target": one["target"]}
        row |= {"better": one["better"], "value": value, "met": bool(met), "n": len(part)}
        row |= {"first_probability": part["probability"].iloc[0], "last_probability": one["probability"]}
        rows.append(row | {"brier": float(((part["probability"] - float(met)) ** 2).mean())})
    return pd.DataFrame(rows)


def alerts_accuracy(
    issued: pd.DataFrame, ledger: pd.DataFrame | None, feedback: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return what became of the alerts that were reported as new, and what people said of them.

    Parameters
    ----------
    issued
        What :func:`~deskcast.pipelines.state.issued.read_issued` returns of ``alert``.
    ledger
        The ledger of KPI alerts as it is now.
    feedback
        Rows of the state's ``feedback`` on alerts: ``subject`` (alert), ``verdict``; of several the last counts.

    Returns
    -------
    One row an alert: ``alert_id, kpi, series, direction, first_reported_at, state`` (now) and ``outcome``:
    ``was real`` or ``was noise`` where somebody said so, else ``acknowledged``, ``cancelled`` (no longer found), or
    ``no answer``.

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-04T08:00Z")
    >>> issued = pd.DataFrame({"alert_id": ["a"], "kpi": "csat", "series": "all", "direction": "down", "as_of": at,
    ...                        "state": "new", "news": "opened"})
    >>> ledger = pd.DataFrame({"alert_id": ["a"], "state": ["back to normal"], "acknowledged_by": ["ann"]})
    >>> alerts_accuracy(issued, ledger)[["state", "outcome"]].values.tolist()
    [['back to normal', 'acknowledged']]
    """
    new = issued[(issued["news"] == "opened") | (issued["state"] == "new")]
    new = new.sort_values("as_of", kind="stable").drop_duplicates("alert_id")
    if new.empty or ledger is None:
        return pd.DataFrame()
    now = ledger.drop_duplicates("alert_id").set_index("alert_id").reindex(new["alert_id"])
    out = new[["alert_id", "kpi", "series", "direction"]].assign(first_reported_at=new["as_of"])
    out["state"] = now["state"].to_numpy()
    seen = now["acknowledged_by"].fillna("").astype(str).to_numpy() != ""
    outcome = pd.Series("no answer", index=out.index, dtype="str").mask(out["state"] == "cancelled", "cancelled")
    outcome = outcome.mask(seen, "acknowledged")
    if feedback is not None and len(feedback):
        said = feedback.drop_duplicates("subject", keep="last").set_index("subject")["verdict"]
        outcome = out["alert_id"].map(said).astype("str").fillna(outcome)
    out["outcome"] = outcome
    return out.reset_index(drop=True)


def actions_accuracy(joined: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    """Return whether actions prevented the breaches that they were said to prevent.

    Parameters
    ----------
    joined
        Issued risks with their outcomes, as :func:`~deskcast.models.evaluation.issued.join_outcomes` returns them, with
        ``action``, ``expected_benefit`` and ``work_first``.
    feedback
        Rows of the state's ``feedback`` on actions: ``subject`` (case), ``verdict``.

    Returns
    -------
    One row an action and answer (``done``, ``not needed``, ``no answer`` and so on; of several the last), over selected
    cases from their first selection: ``cases``, ``undecided``, and of the decided ones ``expected_count`` (breaches if
    nothing is done), ``observed_count``, ``prevented`` (expected minus observed) and ``expected_benefit`` (as issued).

    Examples
    --------
    >>> joined = pd.DataFrame({"case_id": ["a", "b"], "as_of": pd.Timestamp("2024-03-04T08:00Z"), "action": "call",
    ...     "probability": [0.75, 0.5], "label": [0.0, 1.0], "work_first": True, "expected_benefit": 0.25})
    >>> said = pd.DataFrame({"subject": ["a"], "verdict": ["done"]})
    >>> actions_accuracy(joined, said)[["verdict", "expected_count", "observed_count", "prevented"]].values.tolist()
    [['done', 0.75, 0.0, 0.75], ['no answer', 0.5, 1.0, -0.5]]
    """
    picks = joined[joined["work_first"].astype(bool) & joined["action"].notna()]
    picks = picks.sort_values("as_of", kind="stable").drop_duplicates("case_id")
    if picks.empty:
        return pd.DataFrame()
    said = feedback.drop_duplicates("subject", keep="last").set_index("subject")["verdict"]
    decided = picks["label"].notna()
    rows = pd.DataFrame(
        {
            "action": picks["action"],
            "verdict": picks["case_id"].map(said).astype("str").fillna("no answer"),
            "cases": 1,
            "undecided": (~decided).astype(int),
            "expected_count": picks["probability"].where(decided),
            "observed_count": picks["label"],
            "expected_benefit": picks["expected_benefit"].where(decided),
        }
    )
    out = rows.groupby(["action", "verdict"], sort=True, as_index=False).sum(min_count=1)  # of none decided: unknown
    out.insert(6, "prevented", out["expected_count"] - out["observed_count"])
    return out
