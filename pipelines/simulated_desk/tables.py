"""The tables of the simulated desk beside its events: cases, contacts, surveys, self-service, repairs, promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .arrivals import FAULT, Cases
from .articles import ARTICLES
from .columns import boolean_column, format_ids, seconds_column, text_column, time_column
from .contacts import CONTACT_TEAMS, Contacts
from .events import AUTO_CLOSE_AFTER_S
from .work import ESCALATE, REOPEN, TEAM_NAMES, TRANSFER, Touches, case_line
from .world import ACCOUNTS, CASE_TYPES, CHANNELS, END_S, PRODUCTS, REGIONS, Array

_OUTCOMES = ("answered", "abandoned", "callback")
_SURVEYS = ("csat", "nps", "ces", "agent_satisfaction")
#: Promises by priority in hours of business time: first response, then resolution.
SLA_TARGETS_H = ((1, 1, 3), (2, 2, 4), (3, 5, 7), (4, 12, 12))
SLA_CALENDAR = "office"


def cases_frame(cases: Cases, case_ids: Any, customer_ids: Any) -> pd.DataFrame:
    """Return the cases as they were created, with the account as a further column."""
    columns = {
        "case_id": text_column(np.arange(len(cases)), case_ids),
        "created_at": time_column(cases.at),
        "channel": text_column(cases.channel, CHANNELS),
        "product": text_column(cases.product, PRODUCTS),
        "region": text_column(cases.region, REGIONS),
        "case_type": text_column(cases.type, CASE_TYPES),
        "priority": text_column(cases.priority - 1, ("1", "2", "3", "4")),
        "customer_id": text_column(cases.customer, customer_ids),
        "team": text_column(2 + 3 * cases.site + case_line(cases), TEAM_NAMES),
        "account": text_column(cases.account, ACCOUNTS),
    }
    return pd.DataFrame(columns, copy=False)


def contacts_frame(contacts: Contacts, case_ids: Any, agent_ids: list[str], article: Array) -> pd.DataFrame:
    """Return the calls and chats, and on which article each began; what was not over at the end has no end."""
    over = (contacts.ended >= 0) & (contacts.free <= END_S)
    talked = over & (contacts.outcome == 0)
    columns = {
        "contact_id": text_column(np.arange(len(contacts.at)), format_ids("K", np.arange(1, len(contacts.at) + 1), 7)),
        "case_id": text_column(contacts.case, case_ids),
        "channel": text_column(contacts.channel, CHANNELS),
        "queued_at": time_column(contacts.at),
        "answered_at": time_column(contacts.start),
        "ended_at": time_column(np.where(over, contacts.ended, -1)),
        "hold_s": seconds_column(np.where(talked, contacts.hold, -1)),
        "wrap_s": seconds_column(np.where(talked, contacts.wrap, -1)),
        "outcome": text_column(np.where(over, contacts.outcome, -1), _OUTCOMES),
        "agent_id": text_column(contacts.agent, agent_ids),
        "team": text_column(contacts.channel, CONTACT_TEAMS),
        "article_id": text_column(article, ARTICLES),
    }
    return pd.DataFrame(columns, copy=False)


def score_experience(
    cases: Cases, contacts: Contacts, touches: Touches, resolved: Array, rng: np.random.Generator
) -> Array:
    """Return how good each case was for its customer: waiting, duration, hand-overs, re-openings, the agent lost."""
    n = len(cases)
    mine = contacts.case >= 0
    waited = np.zeros(n)
    left = np.where(contacts.outcome == 0, contacts.start, contacts.ended)
    waited[contacts.case[mine]] = np.maximum(0, left - contacts.at)[mine]
    here = touches.arrived >= 0
    again = np.bincount(touches.case[here & (touches.reason == REOPEN)], minlength=n)
    moved = np.bincount(touches.case[here & np.isin(touches.reason, [TRANSFER, ESCALATE])], minlength=n)
    days = np.where(resolved >= 0, resolved - cases.at, 0) / 86400
    good = 1.05 - 0.30 * np.log1p(waited / 60) - 0.42 * np.log1p(days) - 0.5 * again - 0.25 * moved
    return np.asarray(good - 0.6 * cases.lost_agent - 0.1 * (cases.product == 2) + rng.normal(0, 0.8, n))


def csat_score(good: Array) -> Array:
    """Return the score from 1 to 5 that the experience deserves."""
    return np.asarray(1 + np.searchsorted(np.array([-1.5, -0.9, -0.35, 0.55]), good))


def surveys_frame(
    good: Array, resolved: Array, agent_ids: list[str], case_ids: Any, rng: np.random.Generator
) -> tuple[pd.DataFrame, float]:
    """Return the surveys, and the share of satisfied customers if all who were asked had answered.

    A survey is offered when the case is closed, so that being asked tells nothing about re-opening. The
    dissatisfied answer more often.
    """
    closed = resolved + AUTO_CLOSE_AFTER_S
    asked = np.flatnonzero((resolved >= 0) & (closed <= END_S) & (rng.random(len(resolved)) < 0.6))
    kind = np.searchsorted(np.cumsum([0.85, 0.10]), rng.random(len(asked)), side="right")
    felt = good[asked]
    chance = 1 / (1 + np.exp(1.0 + 0.55 * np.clip(felt, -2.5, 2)))
    answered = closed[asked] + 600 + rng.lognormal(np.log(6 * 3600), 1.2, len(asked)).astype(np.int64)
    answered = np.where((rng.random(len(asked)) < chance) & (answered <= END_S), answered, -1)
    nps = np.clip(np.round(7.3 + 1.9 * felt), 0, 10)
    ces = np.clip(np.round(2.6 - 0.9 * felt), 1, 7)
    score = np.choose(kind, [csat_score(felt), nps, ces]).astype(np.float64)
    agents, when, mood = _agent_surveys(len(agent_ids), rng)
    replies = np.where(rng.random(len(agents)) < 0.7, when + 86400, -1)
    size, more = len(asked), len(agents)
    answered = np.concatenate([answered, np.where(replies <= END_S, replies, -1)])
    none = np.full(more, -1)
    solved = np.concatenate([(felt > -0.9).astype(np.int64), none])
    columns = {
        "survey_id": text_column(np.arange(size + more), format_ids("S", np.arange(1, size + more + 1), 7)),
        "kind": text_column(np.concatenate([kind, np.full(more, 3)]), _SURVEYS),
        "case_id": text_column(np.concatenate([asked, none]), case_ids),
        "agent_id": text_column(np.concatenate([np.full(size, -1), agents]), agent_ids),
        "offered_at": time_column(np.concatenate([closed[asked], when])),
        "responded_at": time_column(answered),
        "score": pd.Series(np.where(answered >= 0, np.concatenate([score, mood]), np.nan)),
        "problem_solved": boolean_column(np.where(answered >= 0, solved, -1)),
    }
    csat = csat_score(felt[kind == 0])
    return pd.DataFrame(columns, copy=False), float((csat >= 4).mean()) if len(csat) else float("nan")


def _agent_surveys(agents: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Ask every agent once a quarter, on a scale from 1 to 5."""
    who, quarter = np.tile(np.arange(agents), 6), np.repeat(np.arange(6), agents)
    mood = np.clip(np.round(rng.normal(3.9, 0.4, agents)[who] + rng.normal(0, 0.5, len(who))), 1, 5)
    return who, quarter * 91 * 86400 + 45 * 86400 + 10 * 3600, mood


def tasks_frame(cases: Cases, rng: np.random.Generator) -> pd.DataFrame:
    """Return tasks that customers did by themselves, such as changing an address."""
    size = max(1, len(cases) * 3 // 10)
    at = np.sort(np.clip(cases.at[rng.integers(0, len(cases), size)] + rng.integers(-9000, 9000, size), 0, END_S - 1))
    done = rng.random(size) < 0.83
    screens = 2 + rng.poisson(np.where(done, 3, 4))
    end = at + screens * rng.integers(8, 45, size)
    end = np.where((end <= END_S) & (done | (rng.random(size) < 0.7)), end, -1)
    columns = {
        "task_id": text_column(np.arange(size), format_ids("T", np.arange(1, size + 1), 7)),
        "started_at": time_column(at),
        "finished_at": time_column(end),
        "completed": boolean_column(np.where(end >= 0, done, -1)),
        "screens": pd.Series(screens).astype("Int64").where(end >= 0),
        "clicks": pd.Series(screens * 2 + rng.poisson(3, size)).astype("Int64").where(end >= 0),
    }
    return pd.DataFrame(columns, copy=False)


def repairs_frame(cases: Cases, case_ids: Any, rng: np.random.Generator) -> pd.DataFrame:
    """Return repairs at customers: some of the faults of Internet and Television need a visit or two."""
    wired = (cases.type == FAULT) & (cases.product % 2 == 0)
    chosen = np.flatnonzero(wired & (rng.random(len(cases)) < 0.12))
    visits = 1 + rng.geometric(0.78, len(chosen)) - 1
    took = (rng.lognormal(np.log(1.6), 0.6, len(chosen)) * 86400 * visits).astype(np.int64)
    repaired = np.where(cases.at[chosen] + took <= END_S, cases.at[chosen] + took, -1)
    columns = {
        "asset_id": text_column(np.arange(len(chosen)), format_ids("R", cases.customer[chosen] + 1, 7)),
        "failed_at": time_column(cases.at[chosen]),
        "repaired_at": time_column(repaired),
        "visits": pd.Series(visits).astype("Int64").where(repaired >= 0),
        "fixed_first_visit": boolean_column(np.where(repaired >= 0, visits == 1, -1)),
        "case_id": text_column(chosen, case_ids),
    }
    return pd.DataFrame(columns, copy=False).drop_duplicates(["asset_id", "failed_at"], ignore_index=True)


def policies_frame() -> pd.DataFrame:
    """Return the promises, as the configuration states them."""
    rows = [
        ("standard", metric, str(priority), hours * 3600.0, "business", SLA_CALENDAR, "pending")
        for priority, *targets in SLA_TARGETS_H
        for metric, hours in zip(("first_response", "resolution"), targets, strict=True)
    ]
    return pd.DataFrame(rows, columns=["policy", "metric", "priority", "target_s", "clock", "calendar", "pause_on"])
