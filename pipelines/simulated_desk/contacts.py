"""The calls and chats of the simulated desk: what they ask for is drawn, how long they wait comes from the queue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...forecasting.simulation.queue import ABANDONED, SERVED, simulate_queue
from .arrivals import CHAT, FAULT, PHONE, Cases, draw_times, is_phone_open, local_day
from .staff import Member, contact_shifts, roster
from .world import END_S, EXTRA_WEEKDAY_FACTORS, Array, extra_profile, known_events

#: Calls and chats without a case, per case of the channel. Most calls are answered on the spot and leave no case, so
#: the phone is far busier than the case log tells; a chat mostly becomes one.
EXTRA_CONTACTS_PER_CASE = (13.0, 0.6)
#: Team of each channel.
CONTACT_TEAMS = ("phone", "chat")
_SERVICE_LEVEL = (0.81, 0.76)
_ANSWER_WITHIN_S = (20.0, 60.0)
_TALK_S, _HOLD_S, _WRAP_S = (440.0, 420.0), (60.0, 0.0), (90.0, 40.0)
#: How long contacts without a case are, and all of them, as a multiple of the talk.
_EXTRA_SCALE, _MEAN_SCALE = (1.0, 0.75), (1.0, 0.95)
#: Share of a shift that the roster expects off contacts: breaks, lunch, training, sickness.
_OFF_SHARE = (0.06, 0.0)
_PATIENCE_S = (200.0, 240.0)


@dataclass(frozen=True)
class Contacts:
    """Calls and chats in order of arrival; times in seconds since the begin, -1 where it did not happen.

    ``case`` is the position of the case or -1, ``agent`` the position in the list of all agents or -1.
    ``ended`` is when the customer hung up, ``free`` when the agent had wrapped up; ``outcome`` is 0 answered, 1
    abandoned, 2 callback, -1 open.
    """

    at: Array
    channel: Array
    case: Array
    hold: Array
    wrap: Array
    start: Array
    ended: Array
    free: Array
    agent: Array
    outcome: Array


def run_contacts(cases: Cases, n: int, rng: np.random.Generator) -> tuple[Contacts, list[Member]]:
    """Draw the contacts and run the phone and the chat queue; return them with the agents of both."""
    parts, crew = [], list[Member]()
    for channel in (PHONE, CHAT):
        part, members = _run_channel(cases, channel, n, rng, len(crew))
        parts.append(part)
        crew += members
    joined = {f: np.concatenate([getattr(p, f) for p in parts]) for f in Contacts.__dataclass_fields__}
    order = np.argsort(joined["at"], kind="stable")
    return Contacts(**{name: values[order] for name, values in joined.items()}), crew


def _run_channel(
    cases: Cases, channel: int, n: int, rng: np.random.Generator, offset: int
) -> tuple[Contacts, list[Member]]:
    mine = np.flatnonzero(cases.channel == channel)
    at, case, product, scale = _with_extra(cases, mine, channel, rng)
    size = len(at)
    talk = np.maximum(20, rng.lognormal(np.log(_TALK_S[channel]) - 0.18, 0.6, size) * scale).astype(np.int64)
    held = rng.random(size) < 0.3
    hold = np.where(held, rng.exponential(_HOLD_S[channel] / 0.3, size) if _HOLD_S[channel] else 0.0, 0.0).astype(
        np.int64
    )
    wrap = rng.exponential(_WRAP_S[channel], size).astype(np.int64)
    patience = 1 + rng.exponential(_PATIENCE_S[channel], size).astype(np.int64)
    handle = talk + hold + wrap
    shifts = contact_shifts(
        channel,
        EXTRA_CONTACTS_PER_CASE[channel],
        n,
        mean_handle_time(channel),
        _SERVICE_LEVEL[channel],
        _ANSWER_WITHIN_S[channel],
        _OFF_SHARE[channel],
    )
    team, habits = CONTACT_TEAMS[channel], rng.spawn(1)[0]
    members = roster(shifts, lambda i: Member(f"{team}-{i + 1:03d}", channel, _skills(i)), rng, habits=habits)
    line = (product % 2).astype(np.int64)
    run = simulate_queue(at, handle, [m.agent() for m in members], skill=line, patience=patience, until=END_S)
    served, gone = run.outcome == SERVED, run.outcome == ABANDONED
    start = np.where(served, np.nan_to_num(run.start), -1).astype(np.int64)
    end = np.where(served | gone, np.nan_to_num(run.end), -1).astype(np.int64)
    back = gone & (case >= 0) & (rng.random(size) < 0.3) & (channel == PHONE)
    outcome = np.select([served, back, gone], [0, 2, 1], -1)
    return Contacts(
        at,
        np.full(size, channel),
        case,
        hold,
        wrap,
        start,
        np.where(served, end - wrap, end),
        end,
        np.where(served, run.agent + offset, -1),
        outcome,
    ), members


def mean_handle_time(channel: int) -> float:
    """Return the mean handle time of a contact in seconds: talk, hold and wrap-up."""
    return _TALK_S[channel] * _MEAN_SCALE[channel] + _HOLD_S[channel] + _WRAP_S[channel]


def _skills(number: int) -> tuple[int, ...]:
    """Most agents know both lines; of five, the fourth knows only one and the fifth only the other."""
    return {3: (0,), 4: (1,)}.get(number % 5, (0, 1))


def _with_extra(cases: Cases, mine: Array, channel: int, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Join the contacts of the cases and those without one, spread over days like the cases."""
    like = mine[rng.integers(0, len(mine), int(len(mine) * EXTRA_CONTACTS_PER_CASE[channel]))] if len(mine) else mine
    region = cases.region[like]
    day = local_day(cases.at[like], region)
    if channel == PHONE:
        kept = rng.random(len(like)) < EXTRA_WEEKDAY_FACTORS[day % 7]
        like, region, day = like[kept], region[kept], day[kept]
    extra = draw_times(day, np.full(len(like), channel), region, rng, extra_profile())
    good = is_phone_open(extra, region) & (extra < END_S)
    like, extra = like[good], extra[good]
    at = np.concatenate([cases.at[mine], extra])
    case = np.concatenate([mine, np.full(len(like), -1)])
    scale = np.where(cases.type[mine] == FAULT, 1.3, 1.1) * np.where(cases.lost_agent[mine], 1.3, 1.0)
    scale = np.concatenate([scale, np.full(len(like), _EXTRA_SCALE[channel])])
    return at, case, np.concatenate([cases.product[mine], cases.product[like]]), scale


def describe_phone(contacts: Contacts) -> dict[str, object]:
    """Return the entry of ``truth.json`` on the phone: calls with and without a case, and their handle time."""
    mine = contacts.channel == PHONE
    return {
        "calls": int(mine.sum()),
        "calls_with_a_case": int((mine & (contacts.case >= 0)).sum()),
        "mean_handle_time_s": mean_handle_time(PHONE),
        "effect": "most calls are answered on the spot and leave no case; they come like the cases of the phone, "
        "more on Mondays and in the morning",
    }


def resolved_on_contact(cases: Cases, contacts: Contacts, rng: np.random.Generator) -> Array:
    """Return for each contact whether its case is resolved at its end; never in the outage of the product."""
    chance = np.array([0.52, 0.86, 0.76, 0.62])[cases.type[contacts.case]] - 0.12 * cases.lost_agent[contacts.case]
    good = (contacts.case >= 0) & (contacts.outcome == 0) & (rng.random(len(contacts.at)) < chance)
    outage = known_events()["outage"]
    stuck = (cases.product[contacts.case] == 0) & (contacts.free >= outage.start_s) & (contacts.free < outage.end_s)
    return np.asarray(good & ~stuck & (contacts.free <= END_S))
