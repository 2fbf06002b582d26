"""The work on cases of the simulated desk: what each touch takes and leads to is drawn, when it is done comes from
the queue.

A case is a chain of touches. Each follows from the one before: the customer answers, the other team or the
specialists take over, or the case is opened again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...forecasting.simulation.queue import SERVED, simulate_queue
from .arrivals import EMAIL, WEB, Cases
from .contacts import Contacts
from .staff import Member, case_shifts, roster
from .world import END_S, SITES, SPAN_DAYS, Array, day_begin, known_events

#: Why a touch is there.
FIRST, REPLY, TRANSFER, ESCALATE, REOPEN = range(5)
#: What a touch leads to: resolved, the customer is asked, another team, the specialists, asked in vain, merged.
RESOLVE, ASK, PASS_ON, RAISE, EXPIRE, MERGE = range(6)
#: Teams of a site that work on cases.
SUPPORT_LINES = ("home", "services", "specialists")
DAY_S = 86400
_MAX_TOUCHES = 8
_TARGET_OCCUPANCY = 0.86


@dataclass(frozen=True)
class Touches:
    """Pieces of work, each after its predecessor in the list; times in seconds since the begin, -1 for not yet.

    ``after`` is the position of the touch before, -1 for the first of a chain, which comes at ``gap`` (an instant);
    the others come ``gap`` seconds after the end of the touch before. ``line`` is the team within the site.
    """

    case: Array
    after: Array
    reason: Array
    result: Array
    gap: Array
    handle: Array
    line: Array
    priority: Array
    arrived: Array
    start: Array
    end: Array
    agent: Array

    def __len__(self) -> int:
        return len(self.case)


def case_line(cases: Cases) -> Array:
    """Line that owns each case: home for Internet and Television, services for the others."""
    return np.asarray(cases.product % 2)


def draw_bot_resolutions(cases: Cases, rng: np.random.Generator) -> Array:
    """Return when a bot resolves the case, -1 for those that it leaves to people."""
    chance = np.array([0.0, 0.40, 0.15, 0.05])[cases.type]
    done = (cases.channel == WEB) & (rng.random(len(cases)) < chance)
    return np.where(done, cases.at + rng.integers(15, 60, len(cases)), -1)


def draw_touches(cases: Cases, contacts: Contacts, settled: Array, bot: Array, rng: np.random.Generator) -> Touches:
    """Draw the chains of touches of all cases: first those that nobody has settled yet, and what is opened again."""
    case, at, reason = _beginnings(cases, contacts, settled, bot, rng)
    state = {"case": case, "after": np.full(len(case), -1), "reason": reason, "gap": at}
    state["line"], state["priority"] = case_line(cases)[case], cases.priority[case]
    rounds, offset = [], 0
    for number in range(_MAX_TOUCHES):
        if not len(state["case"]):
            break
        state |= _outcome(state, cases, rng, last=number == _MAX_TOUCHES - 1)
        rounds.append(state)
        state, offset = _next(state, cases, rng, offset, last=number == _MAX_TOUCHES - 1), offset + len(state["case"])
    names = ("case", "after", "reason", "result", "gap", "handle", "line", "priority")
    joined = {k: np.concatenate([r[k] for r in rounds]) if rounds else np.empty(0, np.int64) for k in names}
    nothing = np.full(len(joined["case"]), -1)
    return Touches(**joined, arrived=nothing, start=nothing, end=nothing, agent=nothing)


def _beginnings(
    cases: Cases, contacts: Contacts, settled: Array, bot: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """First touches: written cases as they come, spoken ones as the talk ends, settled ones when opened again."""
    written = np.flatnonzero(((cases.channel == EMAIL) | (cases.channel == WEB)) & (bot < 0))
    spoken = np.flatnonzero((contacts.case >= 0) & ~settled & (contacts.free >= 0))
    over = np.flatnonzero(settled)
    again = over[rng.random(len(over)) < _reopen_chance(cases, contacts.case[over])]
    wrong = np.flatnonzero((bot >= 0) & (rng.random(len(cases)) < 0.12))
    case = np.concatenate([written, contacts.case[spoken], contacts.case[again], wrong])
    late = np.concatenate([contacts.free[again], bot[wrong]])
    at = np.concatenate([cases.at[written], contacts.free[spoken], late + _reopen_gap(len(late), rng)])
    reason = np.repeat([FIRST, REOPEN], [len(written) + len(spoken), len(late)])
    return case, at, reason


def _reopen_chance(cases: Cases, case: Array) -> Array:
    base = np.array([0.085, 0.05, 0.06, 0.05])[cases.type[case]]
    odds = base / (1 - base) * np.where(cases.lost_agent[case], known_events()["agent_leaves"].size, 1.0)
    return np.asarray(odds / (1 + odds))


def _reopen_gap(size: int, rng: np.random.Generator) -> Array:
    gap = rng.lognormal(np.log(1.2 * DAY_S), 0.9, size)
    return np.clip(gap, 600, 4.9 * DAY_S).astype(np.int64)


def _outcome(state: dict[str, Array], cases: Cases, rng: np.random.Generator, last: bool) -> dict[str, Array]:
    case, reason = state["case"], state["reason"]
    minutes = np.array([16.0, 8.0, 10.0, 12.0])[cases.type[case]] * np.array([1.0, 0.6, 0.9, 1.8, 0.9])[reason]
    handle = minutes * 60 * rng.lognormal(-0.18, 0.6, len(case)) * np.where(cases.lost_agent[case], 1.3, 1.0)
    opening, top = reason == FIRST, state["line"] == 2
    ask = np.where(opening, 0.24, 0.12)
    pass_on = np.where(top, 0.0, np.where(opening, 0.07, 0.02))
    up = np.where(top, 0.0, np.array([0.0, 0.14, 0.08, 0.045, 0.03])[state["priority"]])
    merge = np.where(opening & (cases.before[case] >= 0) & (cases.channel[case] >= EMAIL), 0.10, 0.0)
    luck = rng.random(len(case))
    edges = np.cumsum([ask, pass_on, up, merge], axis=0)
    result = np.choose((luck >= edges).sum(axis=0), [ASK, PASS_ON, RAISE, MERGE, RESOLVE])
    result = np.where((result == ASK) & (rng.random(len(case)) < 0.12), EXPIRE, result)
    if last:
        result = np.full(len(case), RESOLVE)
    return {"handle": np.clip(handle, 60, 3 * 3600).astype(np.int64), "result": result}


def _next(state: dict[str, Array], cases: Cases, rng: np.random.Generator, offset: int, last: bool) -> dict[str, Array]:
    """Draw which touches have a successor, of what kind, and after how long."""
    result, case = state["result"], state["case"]
    again = (result == RESOLVE) & (rng.random(len(case)) < _reopen_chance(cases, case)) & (not last)
    answer = np.clip(rng.lognormal(np.log(6 * 3600), 1.3, len(case)), 120, 6.5 * DAY_S).astype(np.int64)
    gap = np.select([again, result == ASK], [_reopen_gap(len(case), rng), answer], 0)
    reason = np.select([again, result == ASK, result == PASS_ON], [REOPEN, REPLY, TRANSFER], ESCALATE)
    line = np.select([result == PASS_ON, result == RAISE], [1 - state["line"], 2], state["line"])
    raised = np.where((result == RAISE) & (state["priority"] > 2), state["priority"] - 1, state["priority"])
    on = np.flatnonzero(again | (result == ASK) | (result == PASS_ON) | (result == RAISE))
    found = {"case": case, "reason": reason, "gap": gap, "line": line, "priority": raised}
    return {**{name: values[on] for name, values in found.items()}, "after": on + offset}


def run_touches(
    cases: Cases, touches: Touches, rng: np.random.Generator, agents_before: int
) -> tuple[Touches, list[Member]]:
    """Run the queue of each site; return the touches with their times, and the agents in order of the sites."""
    arrived, start, end, agent = (np.full(len(touches), -1) for _ in range(4))
    crew: list[Member] = []
    site = cases.site[touches.case]
    for number in range(len(SITES)):
        mine = np.flatnonzero(site == number)
        members = _crew(number, touches, mine, rng)
        run = simulate_queue(
            touches.gap[mine],
            touches.handle[mine],
            [m.agent() for m in members],
            skill=touches.line[mine],
            priority=touches.priority[mine],
            after=_positions(touches.after[mine], mine, len(touches)),
            **_held(cases, touches, mine),
            until=END_S,
        )
        served = run.outcome == SERVED
        arrived[mine] = np.nan_to_num(run.arrived, nan=-1).astype(np.int64)
        start[mine] = np.where(served, np.nan_to_num(run.start), -1).astype(np.int64)
        end[mine] = np.where(served, np.nan_to_num(run.end), -1).astype(np.int64)
        agent[mine] = np.where(served, run.agent + agents_before + len(crew), -1)
        crew += members
    return replace(touches, arrived=arrived, start=start, end=end, agent=agent), crew


def _positions(after: Array, mine: Array, size: int) -> Array:
    place = np.full(size + 1, -1)
    place[mine] = np.arange(len(mine))
    return place[after]


def _held(cases: Cases, touches: Touches, mine: Array) -> dict[str, Array]:
    """Nobody begins what would be resolved during the outage of its product."""
    outage = known_events()["outage"]
    stuck = (cases.product[touches.case[mine]] == 0) & (touches.result[mine] == RESOLVE)
    begins = np.where(stuck, outage.start_s - touches.handle[mine], np.nan)
    return {"held_from": begins, "held_until": np.where(stuck, float(outage.end_s), np.nan)}


def _crew(site: int, touches: Touches, mine: Array, rng: np.random.Generator) -> list[Member]:
    """Hire the three teams of a site; every second agent helps one other team, all of them in a small team."""
    members: list[Member] = []
    for line, name in enumerate(SUPPORT_LINES):
        hours = float(touches.handle[mine][touches.line[mine] == line].sum()) / 3600
        shifts = case_shifts(site, hours, _TARGET_OCCUPANCY)
        team, small = 2 + site * len(SUPPORT_LINES) + line, max(map(len, shifts)) <= 3

        def hire(i: int, line: int = line, team: int = team, name: str = name, small: bool = small) -> Member:
            other = ((1, 2), (0, 2), (0, 1))[line]
            skills = (line, *other) if small else (line, other[0]) if i % 2 else (line,)
            return Member(f"{SITES[site]}-{name}-{i + 1:03d}", team, skills)

        members += roster(shifts, hire, rng, _leaver(site, line))
    return members


def _leaver(site: int, line: int) -> dict[int, int]:
    """The experienced agent is the first of the first team: from some day on, the position stays empty."""
    if (site, line) != (0, 0):
        return {}
    return {0: int(np.searchsorted(day_begin(0)[:SPAN_DAYS], known_events()["agent_leaves"].start_s))}


#: Name of the agent who leaves.
LEAVER = f"{SITES[0]}-{SUPPORT_LINES[0]}-001"
#: Names of all teams, in the order of their numbers.
TEAM_NAMES = ("phone", "chat", *(f"{site}-{line}" for site in SITES for line in SUPPORT_LINES))
