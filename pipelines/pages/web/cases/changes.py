"""What changed since somebody looked last: cases at risk, gone or breached, and forecasts that moved."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from .....models.worklist.risk_levels import assign_risk_levels
from ....state.database import read_state
from ....state.issued import read_issued, read_issues, select_breach_risks
from ....state.records import read_saved
from ....words.words import format_number, format_share
from ..frame.view import View
from ..planning.forecast_data import is_additive
from .case_list import SITUATIONS, cases_source

_AT_RISK = ("high", "very high")
#: A forecast of a week that moved by less than this share, or by fewer cases, is not mentioned.
MIN_MOVE, MIN_MOVED_CASES = 0.05, 3
#: Cases that are named of each kind.
MAX_NAMED = 8


@dataclass(frozen=True)
class Changes:
    """What changed since an instant.

    Attributes
    ----------
    since
        The night that is compared with.
    newly, gone, breached
        Cases newly at high risk, gone from a high risk without a breach, and breached.
    expected, chances
        Breaches that were expected then, of the cases that could be saved then (missing without any); chance of each
        goal then.
    forecasts
        What moved, in sentences.
    """

    since: pd.Timestamp
    newly: list[str]
    gone: list[str]
    breached: list[str]
    expected: float
    chances: dict[str, float]
    forecasts: list[str]


def find_changes(view: View) -> Changes | None:
    """Return what changed since the last look of the user, or else since the night before; ``None`` without one."""
    instants = view.snapshot.results.instants
    if instants is None or not any(view.snapshot.has(table) for table in SITUATIONS):
        return None
    with read_state(view.desk.place) as state:
        nights = read_issues(state, "risk")["as_of"].drop_duplicates()
        earlier = nights[nights < instants.as_of]
        if earlier.empty:
            return None
        looked = last_look(state, view)
        known = earlier[earlier <= looked] if looked is not None else earlier
        since = pd.Timestamp(known.max() if len(known) else earlier.min())
    found: Changes = view.snapshot.remember(("changes", since), lambda: _compare(view, since))
    return found


def last_look(state: object, view: View) -> pd.Timestamp | None:
    """Return until when the user has seen the results; ``None`` where they never said so."""
    saved = read_saved(state, "look")  # type: ignore[arg-type]
    mine = saved[saved["name"] == view.user.name]
    return pd.Timestamp(json.loads(mine["body"].iloc[-1])["as_of"]) if len(mine) else None


def _compare(view: View, since: pd.Timestamp) -> Changes:
    with read_state(view.desk.place) as state:
        risks, forecasts, goals = (read_issued(state, kind, at=since) for kind in ("risk", "forecast", "goal"))
    query = f"SELECT case_id, situation, probability FROM {cases_source(view.snapshot)} ORDER BY probability DESC"
    now = view.snapshot.query(query).drop_duplicates("case_id").set_index("case_id")
    ended = _read_ended(view)
    then = select_breach_risks(risks).drop_duplicates("case_id").set_index("case_id")
    if view.user.team is not None:
        then = then[then.index.isin(now.index) | then.index.isin(ended.index)]
    breached = now.index[now["situation"] == "Breached"]
    within = now[now["situation"] == "Within SLA"]["probability"]
    now_high = now.index[_at_risk(now["probability"]).to_numpy() & (now["situation"] != "Breached").to_numpy()]
    high_before = set(then.index[_at_risk(then["probability"]).to_numpy()])
    calm = set(within.index[within.notna().to_numpy() & ~_at_risk(within).to_numpy()]) | set(ended.index[~ended])
    return Changes(
        since,
        newly=[case for case in now_high if case not in high_before],
        gone=sorted((high_before & calm) - set(breached)),
        breached=[case for case in breached if case in then.index],
        expected=float(then["probability"].where(then["expected_benefit"].notna()).sum(min_count=1)),
        chances={str(g.name): float(g.probability) for g in goals.itertuples(index=False)},  # type: ignore[arg-type]
        forecasts=_moves(view, forecasts),
    )


def _read_ended(view: View) -> pd.Series[bool]:
    """Return whether cases that ended lately had breached, by case; those of which nobody knows are left out."""
    if "breached" not in view.snapshot.columns("past_cases"):
        return pd.Series(dtype="bool")
    found = view.snapshot.query("SELECT case_id, breached FROM {past_cases} WHERE breached IS NOT NULL")
    return found.drop_duplicates("case_id").set_index("case_id")["breached"].astype(bool)


def _at_risk(probability: pd.Series) -> pd.Series:
    """Return which cases have a high risk; none without a probability."""
    levels = assign_risk_levels(probability.fillna(0).to_numpy(dtype=float))
    return pd.Series(levels, index=probability.index).isin(_AT_RISK)


def _moves(view: View, then: pd.DataFrame) -> list[str]:
    """Say which forecasts of the next 7 days moved, the largest first."""
    stage = view.snapshot.stage("forecast")
    step = "D" if stage is None else str(stage.params.get("freq", "D"))
    # neither sums of segments nor a version on trial; shares and months do not add up to 7 days
    then = then[then["scope"].astype("str").str.endswith(f" {step}")].drop_duplicates(["unique_id", "ds"], keep="last")
    if then.empty or step == "MS" or not view.snapshot.has("forecast") or not is_additive(view.snapshot):
        return []
    now = view.snapshot.query("SELECT unique_id, ds, deskcast FROM {forecast}")
    first = now["ds"].min()
    week = now[now["ds"] < first + pd.Timedelta("7D")]
    both = week.merge(then[["unique_id", "ds", "deskcast"]], on=["unique_id", "ds"], suffixes=("", "_then"))
    sums = both.groupby("unique_id")[["deskcast", "deskcast_then"]].sum()
    sums = sums[(sums["deskcast"] - sums["deskcast_then"]).abs() >= MIN_MOVED_CASES]
    sums["move"] = sums["deskcast"] / sums["deskcast_then"].where(sums["deskcast_then"] > 0) - 1
    sums = sums[sums["move"].abs() >= MIN_MOVE].sort_values("move", key=lambda move: -move.abs()).head(MAX_NAMED)
    return [
        f"{name}: {format_number(round(row['deskcast']))} in 7 days, {'up' if row['move'] > 0 else 'down'} "
        f"{format_share(abs(row['move']))} on the forecast then."
        for name, row in sums.iterrows()
    ]
