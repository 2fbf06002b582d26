"""How busy the desk, a team and its agents were at an instant."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Ints
from ..calendars.business_calendar import to_index, to_micros
from ..calendars.open_intervals import MISSING_INSTANT, US_PER_S
from ..case_log.asof import factorize_columns, find_last_as_of, sum_as_of
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from .case_steps import CaseSteps, Course

DAY_US, WEEK_US = 86400 * US_PER_S, 7 * 86400 * US_PER_S
_NEVER_US = int(np.iinfo(np.int64).max)


def find_case_changes(steps: CaseSteps) -> pd.DataFrame:
    """Return the steps at which a case opened, ended, or changed its team or priority, by case and time.

    Returns
    -------
    DataFrame
        case_id, at, then_at (missing: to the end), kind, is_open and team after it and before it, and the segments
        of the case at the step.
    """
    rows = steps.rows
    course = Course((rows["kind"] == "start").to_numpy())
    first, was_open = course.first, course.before(rows["is_open"], False)
    was = {name: course.before(rows[name].cat.codes, -1) for name in ("team", "priority")}
    same = np.all([rows[name].cat.codes == code for name, code in was.items()], axis=0)
    kept = first | (rows["is_open"].to_numpy() != was_open) | ~same
    told: pd.DataFrame = rows.loc[
        kept, ["case", "at", "kind", "is_open", "is_backwards", "priority", "team"]
    ].reset_index(drop=True)
    told["was_open"] = was_open[kept]
    told["was_team"] = pd.Categorical.from_codes(was["team"][kept], rows["team"].cat.categories)
    at = told["at"].to_numpy()
    told["then_at"] = to_index(np.where(np.append(first[kept][1:], True)[: len(at)], MISSING_INSTANT, np.roll(at, -1)))
    told["at"] = to_index(at)
    of = steps.cases[["case_id", "product", "case_type", "created_at"]].iloc[told["case"]]
    return pd.concat([told.drop(columns="case"), of.reset_index(drop=True)], axis=1)


def build_workload_features(steps: CaseSteps, moves: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Count open, new and resolved cases and active agents at each row's instant.

    Parameters
    ----------
    steps
        From :func:`~deskcast.features.snapshots.case_steps.case_steps`.
    moves
        From :func:`find_case_changes`.
    rows
        Columns ``at`` and ``team`` (in force), n rows.

    Returns
    -------
    DataFrame
        n rows: open cases of the team and of the desk; cases opened at the desk, cases that came to the team (new or
        handed over) and cases resolved, in the last 24 hours or 7 days; agents who acted on cases of the team in the
        last 7 days, and open cases for each of them. Missing for a team that is not known.
    """
    return count_workload(find_acts(steps), moves, rows)


def find_acts(steps: CaseSteps) -> pd.DataFrame:
    """Return what agents did with cases of a team: team, actor_id and at."""
    rows = steps.rows[steps.rows["actor_id"].notna() & steps.rows["team"].notna()]
    return rows[["team", "actor_id"]].assign(at=to_index(rows["at"].to_numpy())).reset_index(drop=True)


def count_workload(acts: pd.DataFrame, moves: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`build_workload_features` of what was fetched."""
    team, was, active, mine = factorize_columns(moves["team"], moves["was_team"], acts["team"], rows["team"])
    at, then = to_micros(moves["at"], "at"), _ends(moves["then_at"])
    when = to_micros(rows["at"], "at")
    desk, here = np.zeros_like(at), np.zeros_like(when)
    is_open, was_open = (moves[c].to_numpy(dtype=bool) for c in ("is_open", "was_open"))
    new = (moves["kind"] == "start").to_numpy(dtype=bool)
    came = is_open & (team >= 0) & (~was_open | (team != was))
    done = was_open & ~is_open & moves["kind"].isin(("resolved", "closed")).to_numpy(dtype=bool)
    of_team = is_open & (team >= 0)

    def within(which: Any, group: Ints, asked: Ints, span: int) -> Ints:
        marks = at[which]
        return sum_as_of(group[which], marks, asked, when) - sum_as_of(group[which], marks, asked, when - span)

    pool = _active(active, acts, mine, when)
    team_open = _open(team[of_team], at[of_team], then[of_team], mine, when)
    out = {
        "open_in_team": team_open,
        "came_to_team_24h": within(came, team, mine, DAY_US),
        "came_to_team_7d": within(came, team, mine, WEEK_US),
        "resolved_in_team_7d": within(done & (team >= 0), team, mine, WEEK_US),
        "agents_in_team_7d": pool,
        "open_per_agent": team_open / np.where(pool > 0, pool, np.nan),
    }
    known = {name: np.where(mine >= 0, values, np.nan) for name, values in out.items()}
    told = when >= to_micros(acts["at"], "at").min() if len(acts) else np.zeros(len(rows), dtype=bool)
    known["agents_in_team_7d"] = np.where(told, known["agents_in_team_7d"], np.nan)  # before, nothing shows who acts
    known |= {
        "open_in_desk": _open(desk[is_open], at[is_open], then[is_open], here, when),
        "opened_in_desk_24h": within(new, desk, here, DAY_US),
        "opened_in_desk_7d": within(new, desk, here, WEEK_US),
        "resolved_in_desk_7d": within(done, desk, here, WEEK_US),
    }
    return pd.DataFrame(known, index=rows.index).astype("float64")


def build_person_features(log: CaseLog, steps: CaseSteps, moves: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Count what the case's customer and the agent who last acted on it have going on.

    Returns
    -------
    DataFrame
        n rows: ``customer_cases`` (others of the customer created by then), ``customer_open`` (others that are open)
        and ``agent_updates_7d`` (what the agent did in 7 days); missing where the person is not known.
    """
    cases = log.table("cases")
    named = cases.mutate(customer_id=cases.customer_id if log.has("cases", "customer_id") else ibis.null("string"))
    owners = fetch(named.select("case_id", "customer_id")).set_index("case_id")["customer_id"]
    acts = steps.rows[steps.rows["actor_id"].notna()]
    whose, mine = factorize_columns(moves["case_id"].map(owners), rows["case_id"].map(owners))
    when, at = to_micros(rows["at"], "at"), to_micros(moves["at"], "at")
    known = whose >= 0
    new = known & (moves["kind"] == "start").to_numpy(dtype=bool)
    runs = known & moves["is_open"].to_numpy(dtype=bool)
    others = _open(whose[runs], at[runs], _ends(moves["then_at"])[runs], mine, when) - rows["is_open"].astype(int)
    case, did = (acts[name].to_numpy(dtype=np.int64) for name in ("case", "at"))
    asked = pd.Index(steps.cases["case_id"]).get_indexer(pd.Index(rows["case_id"])).astype(np.int64)
    agent: Ints = np.asarray(acts["actor_id"].cat.codes, dtype=np.int64)
    place = find_last_as_of(case, did, asked, when)
    last = np.where(place >= 0, np.append(agent, -1)[place], -1)
    busy = sum_as_of(agent, did, last, when) - sum_as_of(agent, did, last, when - WEEK_US)
    return pd.DataFrame(
        {
            "customer_cases": np.where(mine >= 0, sum_as_of(whose[new], at[new], mine, when) - 1, np.nan),
            "customer_open": np.where(mine >= 0, others, np.nan),
            "agent_updates_7d": np.where(last >= 0, busy, np.nan),
        },
        index=rows.index,
    )


def _ends(then: pd.Series[Any]) -> Ints:
    return np.where(then.isna(), _NEVER_US, to_micros(then, "then_at"))


def _open(group: Ints, start: Ints, end: Ints, asked: Ints, when: Ints) -> Ints:
    """Count the stretches of a group that have begun and not ended."""
    return sum_as_of(group, start, asked, when) - sum_as_of(group, end, asked, when)


def _active(team: Ints, acts: pd.DataFrame, asked: Ints, when: Ints) -> Ints:
    """Count the distinct agents of a team who acted in the week before: an act holds to the next, a week at most."""
    agent = factorize_columns(acts["actor_id"])[0]
    at = to_micros(acts["at"], "at")
    order = np.lexsort((at, agent, team))
    team, agent, at = team[order], agent[order], at[order]
    again = np.append((team[1:] == team[:-1]) & (agent[1:] == agent[:-1]), False)[: len(at)]
    following = np.where(again, np.append(at[1:], 0)[: len(at)], _NEVER_US)
    return _open(team, at, np.minimum(at + WEEK_US, following), asked, when)
