"""Who works at the simulated desk, and when: rosters that follow the expected work, with breaks, leaves and sickness.

The planner knows the usual rates and nothing of the known events, of the daily noise or of who falls ill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...forecasting.simulation.queue import Agent
from .world import SITE_OF_REGION, SPAN_DAYS, Array, daily_rates, day_begin, days_off, intraday_profile

Stretch = tuple[int, int]
_HALF_HOUR_S = 1800
_MAX_WORKDAYS_PER_WEEK = 5
_SICKNESS_SHARE = 0.025


@dataclass
class Member:
    """One agent of a team: skills, presence (shifts less breaks), breaks, and days away with pay."""

    name: str
    team: int
    skills: tuple[int, ...]
    present: list[Stretch] = field(default_factory=list)
    breaks: list[Stretch] = field(default_factory=list)
    absent: list[Stretch] = field(default_factory=list)
    away: frozenset[int] = frozenset()
    last_day: int = SPAN_DAYS

    def agent(self) -> Agent:
        """Return the agent as the queue engine knows it."""
        return Agent(self.skills, tuple(self.present))


def roster(
    shifts: Sequence[Sequence[Stretch]],
    hire: Callable[[int], Member],
    rng: np.random.Generator,
    last_days: dict[int, int] | None = None,
) -> list[Member]:
    """Give the shifts of each day to the first members who are free, five days a week at most; hire when none is.

    ``last_days`` gives the day from which a member, by position, is gone.
    """
    members: list[Member] = []
    worked: list[int] = []
    for day, wanted in enumerate(shifts):
        if day % 7 == 0:
            worked = [0] * len(members)
        free = iter([i for i, m in enumerate(members) if worked[i] < _MAX_WORKDAYS_PER_WEEK and _is_available(m, day)])
        for begin, end in wanted:
            who = next(free, None)
            while who is None:
                members.append(_plan_leave(hire(len(members)), rng, (last_days or {}).get(len(members), SPAN_DAYS)))
                worked.append(0)
                who = len(members) - 1 if _is_available(members[-1], day) else None
            worked[who] += 1
            member = members[who]
            if rng.random() < _SICKNESS_SHARE:
                member.absent.append((begin, end))
            else:
                _work(member, begin, end, who + day)
    return members


def _is_available(member: Member, day: int) -> bool:
    return day < member.last_day and day not in member.away


def _plan_leave(member: Member, rng: np.random.Generator, last_day: int) -> Member:
    """Plan the leaves of the whole span: five blocks of one or two weeks."""
    begins = rng.integers(0, SPAN_DAYS, 5)
    lengths = rng.choice([7, 7, 14], 5)
    away = {int(d) for begin, length in zip(begins, lengths, strict=True) for d in range(begin, begin + length)}
    member.away, member.last_day = frozenset(away), last_day
    return member


def _work(member: Member, begin: int, end: int, turn: int) -> None:
    """Add a shift with its breaks: lunch from six hours on, ten minutes in each half; taken in turns."""
    length = end - begin
    pauses: list[Stretch] = []
    if length >= 6 * 3600:
        lunch = begin + 3 * 3600 + 1800 * (turn % 4)
        pauses = [(lunch - 5400, lunch - 4800), (lunch, lunch + 1800), (lunch + 7800, lunch + 8400)]
    elif length >= 4 * 3600:
        middle = begin + length // 2 + 600 * (turn % 3)
        pauses = [(middle, middle + 600)]
    at = begin
    for pause in (p for p in pauses if p[1] <= end - 1200):
        member.present.append((at, pause[0]))
        member.breaks.append(pause)
        at = pause[1]
    member.present.append((at, end))


def contact_shifts(
    channel: int, per_case: float, n: int, handle_s: float, target: float, within_s: float
) -> list[list[Stretch]]:
    """Return the shifts of each day of a phone or chat team that serves all regions.

    ``per_case`` is how many contacts come on one case of the channel, ``n`` the cases of the span, ``target`` the
    share to answer within ``within_s``, by the formula of Erlang C for each half hour of the desk's clock.
    """
    rates = daily_rates().sum(axis=2)[:, channel] * n * per_case
    shape = intraday_profile()[channel][(np.arange(SPAN_DAYS) % 7 >= 5).astype(np.int64)]
    calls = np.zeros((SPAN_DAYS, 50))
    for region, site in enumerate(SITE_OF_REGION):
        hours_later = 2 * int(site)
        calls[:, hours_later : hours_later + 48] += rates[:, region, None] * shape
    need = erlang_c_agents(calls * handle_s / _HALF_HOUR_S, handle_s, target, within_s)
    begins = day_begin(0)
    return [_cover_by_shifts(need[day], int(begins[day])) for day in range(SPAN_DAYS)]


def erlang_c_agents(load: Array, handle_s: float, target: float, within_s: float) -> Array:
    """Return the smallest number of agents that reaches the target by Erlang C; 0 where nothing comes."""
    need = np.zeros(load.shape, dtype=np.int64)
    open_ = load > 0
    todo, blocked, agents = load[open_], np.ones(int(open_.sum())), 0
    found = np.zeros(len(todo), dtype=np.int64)
    while (found == 0).any():
        agents += 1
        blocked = todo * blocked / (agents + todo * blocked)
        stable = todo < agents
        use = np.where(stable, todo / agents, 0.0)
        waits = blocked / (1 - use * (1 - blocked))
        level = 1 - waits * np.exp(-(agents - todo) * within_s / handle_s)
        found[(found == 0) & stable & (level >= target)] = agents
    need[open_] = found
    return need


def _cover_by_shifts(need: Array, midnight: int) -> list[Stretch]:
    """Cover the need of one day with shifts of four to nine hours, begun as late and ended as early as can be."""
    slots = np.flatnonzero(need)
    if not len(slots):
        return []
    opening, closing = int(slots[0]), int(slots[-1]) + 1
    on: list[int] = []
    done: list[Stretch] = []
    for slot in range(opening, closing):
        while on and (slot - on[0] >= 18 or (len(on) > need[slot] and slot - on[0] >= 8)):
            done.append((on.pop(0), slot))
        on.extend([slot] * (int(need[slot]) - len(on)))
    done += [(max(opening, min(begin, closing - 8)), closing) for begin in on]
    return [(midnight + begin * _HALF_HOUR_S, midnight + end * _HALF_HOUR_S) for begin, end in sorted(done)]


def case_shifts(site: int, hours_per_share: float, load: float) -> list[list[Stretch]]:
    """Return the shifts of each day of a team that works on cases, Monday to Friday from 8 to 18 local time.

    ``hours_per_share`` is the work of the whole span in hours; it is spread like the expected cases of the site,
    averaged over a week around each working day. ``load`` is the share of the time that is to be filled.
    """
    expected = daily_rates()[:, :, :, site == SITE_OF_REGION].sum(axis=(1, 2, 3))
    works = (np.arange(SPAN_DAYS) % 7 < 5) & ~days_off()[site]
    week = np.ones(7)
    coming, working = np.convolve(expected, week, "same"), np.convolve(works.astype(float), week, "same")
    share = np.where(works, coming / np.maximum(working, 1), 0.0)
    need = share / share.sum() * hours_per_share / (load * 7.667)
    begins = day_begin(site)
    return [_full_and_part(need[day], int(begins[day])) if works[day] else [] for day in range(SPAN_DAYS)]


def _full_and_part(need: float, midnight: int) -> list[Stretch]:
    full = int(need)
    rest = (need - full) * 8 * 3600
    hour = 3600
    shifts = [(8 * hour, 16 * hour + 1800) if i % 2 == 0 else (9 * hour + 1800, 18 * hour) for i in range(full)]
    if rest > 900 or not full:
        shifts.append((10 * hour, 10 * hour + max(2 * hour, int(rest))))
    return [(midnight + begin, midnight + end) for begin, end in shifts]
