"""Who works at the simulated desk, and when: rosters that follow the expected work, with breaks, leaves and sickness.

The planner knows the usual rates and nothing of the known events, of the daily noise, of who falls ill or comes late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...forecasting.simulation.queue import Agent
from .world import (
    EXTRA_WEEKDAY_FACTORS,
    SITE_OF_REGION,
    SPAN_DAYS,
    Array,
    daily_rates,
    day_begin,
    days_off,
    extra_profile,
    intraday_profile,
)

Stretch = tuple[int, int]
_HALF_HOUR_S = 1800
_MAX_WORKDAYS_PER_WEEK = 5
#: Share of shifts on which somebody is ill; worked days that earn a day of paid leave.
SICKNESS_SHARE, WORKDAYS_PER_LEAVE_DAY = 0.025, 11
#: Weekly training of agents on calls and chats in seconds, and after how long a shift holds it.
TRAINING_S, _TRAINING_AFTER_S = 3600, 6 * 3600
#: How late such agents come and how long they overrun a break: usually, and one shift in twenty.
LATE_S, VERY_LATE_S, VERY_LATE_SHARE, OVERRUN_S = 90, 900, 0.05, 60
#: What a stretch of planned time is for: the work of the team, a paid break, lunch, training or leave.
WORK, BREAK, LUNCH, TRAINING, LEAVE = range(5)
PLAN_WEEKS_AHEAD = 2


@dataclass
class Member:
    """One agent of a team: skills, presence (shifts less breaks), time off with and without pay, and the plan of it.

    ``plan`` holds (start, end, activity) as the roster had it: with sickness, lateness and overrun breaks unknown.
    """

    name: str
    team: int
    skills: tuple[int, ...]
    present: list[Stretch] = field(default_factory=list)
    breaks: list[Stretch] = field(default_factory=list)
    lunches: list[Stretch] = field(default_factory=list)
    training: list[Stretch] = field(default_factory=list)
    absent: list[Stretch] = field(default_factory=list)
    leave: list[Stretch] = field(default_factory=list)
    plan: list[tuple[int, int, int]] = field(default_factory=list)
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
    habits: np.random.Generator | None = None,
) -> list[Member]:
    """Give the shifts of each day to the first members who are free, five days a week at most; hire when none is.

    ``last_days`` gives the day from which a member, by position, is gone. With ``habits`` members have a training each
    week, come late and overrun breaks; without them they do as planned.
    """
    members: list[Member] = []
    worked: list[int] = []
    days: list[list[int]] = []
    for day, wanted in enumerate(shifts):
        if day % 7 == 0:
            worked = [0] * len(members)
        free = iter([i for i, m in enumerate(members) if worked[i] < _MAX_WORKDAYS_PER_WEEK and _is_available(m, day)])
        for begin, end in wanted:
            who = next(free, None)
            while who is None:
                members.append(_plan_leave(hire(len(members)), rng, (last_days or {}).get(len(members), SPAN_DAYS)))
                worked.append(0)
                days.append([])
                who = len(members) - 1 if _is_available(members[-1], day) else None
            worked[who] += 1
            days[who].append(day)
            member = members[who]
            is_taught = habits is not None and (who + day) % 5 == 0
            pauses = _plan_shift(member, begin, end, who + day, is_taught)
            if rng.random() < SICKNESS_SHARE:
                member.absent.append((begin, end))
            else:
                _work(member, begin, end, pauses, habits)
    for member, own in zip(members, days, strict=True):
        _take_leave(member, own)
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


def _take_leave(member: Member, worked: list[int]) -> None:
    """Pay as many of the days away as were earned: eight hours each, Monday to Friday, between first and last shift."""
    begins, shut = day_begin(0), days_off()[0]
    inside = [d for d in sorted(member.away) if worked and worked[0] < d < worked[-1] and d % 7 < 5 and not shut[d]]
    for day in inside[: len(worked) // WORKDAYS_PER_LEAVE_DAY]:
        stretch = (int(begins[day]) + 9 * 3600, int(begins[day]) + 17 * 3600)
        member.leave.append(stretch)
        member.plan.append((*stretch, LEAVE))


def _plan_shift(member: Member, begin: int, end: int, turn: int, is_taught: bool) -> list[tuple[int, int, int]]:
    """Plan a shift: lunch from six hours on, ten minutes in each half, perhaps a training; return the time off."""
    length = end - begin
    pauses: list[tuple[int, int, int]] = []
    if length >= 6 * 3600:
        lunch = begin + 3 * 3600 + 1800 * (turn % 4)
        pauses = [
            (lunch - 5400, lunch - 4800, BREAK),
            (lunch, lunch + 1800, LUNCH),
            (lunch + 7800, lunch + 8400, BREAK),
        ]
    elif length >= 4 * 3600:
        middle = begin + length // 2 + 600 * (turn % 3)
        pauses = [(middle, middle + 600, BREAK)]
    if is_taught and length >= _TRAINING_AFTER_S:
        pauses.insert(2, (lunch + 3600, lunch + 3600 + TRAINING_S, TRAINING))
    pauses = [p for p in pauses if p[1] <= end - 1200]
    at = begin
    for pause in pauses:
        member.plan += [(at, pause[0], WORK), pause]
        at = pause[1]
    member.plan.append((at, end, WORK))
    return pauses


def _work(
    member: Member,
    begin: int,
    end: int,
    pauses: list[tuple[int, int, int]],
    habits: np.random.Generator | None,
) -> None:
    """Work a shift as planned, or by habits: somewhat late at its begin, and from breaks."""
    at = begin + (0 if habits is None else _draw_lateness(habits))
    kinds = {BREAK: member.breaks, LUNCH: member.lunches, TRAINING: member.training}
    for start, stop, activity in pauses:
        back = stop if habits is None else stop + int(min(habits.exponential(OVERRUN_S), 600))
        if at < start:
            member.present.append((at, start))
        kinds[activity].append((start, back))
        at = max(at, back)
    member.present.append((at, end))


def _draw_lateness(habits: np.random.Generator) -> int:
    """Draw how many seconds late somebody comes: an hour at most, which is before the first break."""
    is_very_late = habits.random() < VERY_LATE_SHARE
    return int(min(habits.exponential(VERY_LATE_S if is_very_late else LATE_S), 3600))


def describe_habits() -> dict[str, object]:
    """Return the entry of ``truth.json`` on the time of agents: what was put in beside their shifts."""
    return {
        "sickness_share_of_shifts": SICKNESS_SHARE,
        "worked_days_per_day_of_paid_leave": WORKDAYS_PER_LEAVE_DAY,
        "phone_and_chat": {
            "training_s_a_week": TRAINING_S,
            "mean_lateness_s": LATE_S,
            "very_late_share_of_shifts": VERY_LATE_SHARE,
            "mean_very_late_s": VERY_LATE_S,
            "mean_overrun_of_breaks_s": OVERRUN_S,
        },
    }


def repeat_plan(
    plan: list[tuple[int, int, int]], end: int, weeks: int = PLAN_WEEKS_AHEAD
) -> list[tuple[int, int, int]]:
    """Return a plan and that of the weeks after its end, which repeat its last one; leave is not repeated."""
    last = [row for row in plan if row[0] >= end - 7 * 86400 and row[2] != LEAVE]
    return [*plan, *((a + k * 7 * 86400, b + k * 7 * 86400, c) for k in range(1, weeks + 1) for a, b, c in last)]


def contact_shifts(
    channel: int, extra: float, n: int, handle_s: float, target: float, within_s: float, off: float = 0.0
) -> list[list[Stretch]]:
    """Return the shifts of each day of a phone or chat team that serves all regions.

    ``extra`` is how many contacts without a case come on one case of the channel, ``n`` the cases of the span,
    ``target`` the share to answer within ``within_s``, by the formula of Erlang C for each half hour of the desk's
    clock. ``off`` is the share of a shift that is expected to be spent off contacts.
    """
    rates = daily_rates().sum(axis=2)[:, channel] * n
    weekday = np.arange(SPAN_DAYS) % 7
    busy = EXTRA_WEEKDAY_FACTORS[weekday] if channel == 0 else np.ones(SPAN_DAYS)
    is_weekend = (weekday >= 5).astype(np.int64)
    cases, others = intraday_profile()[channel][is_weekend], extra_profile()[channel][is_weekend]
    shape = cases + extra * busy[:, None] * others
    calls = np.zeros((SPAN_DAYS, 50))
    for region, site in enumerate(SITE_OF_REGION):
        hours_later = 2 * int(site)
        calls[:, hours_later : hours_later + 48] += rates[:, region, None] * shape
    need = erlang_c_agents(calls * handle_s / _HALF_HOUR_S, handle_s, target, within_s)
    need = np.ceil(need / (1 - off)).astype(np.int64)
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
