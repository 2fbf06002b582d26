"""A small random service desk, for tests: every kind of event, and the odd orders that real logs have."""

from __future__ import annotations

import numpy as np
import pandas as pd

CHANNELS = ["phone", "email", "chat", None]
PRIORITIES = ["1", "2", "3"]
TEAMS = ["first line", "network", "billing"]


def random_log(
    seed: int, n_cases: int = 60, days: int = 40, start: str = "2024-03-10T00:00Z"
) -> dict[str, pd.DataFrame]:
    """Return canonical frames: cases, events, contacts, surveys, article_views, agent_time, costs, sla_policies.

    Cases meet replies, transfers, pauses, escalations, resolutions, closings, re-openings and merges in random
    order, some at the same instant, some after the case has ended. Nothing is later than ``days`` after ``start``.
    """
    rng = np.random.default_rng(seed)
    origin = pd.Timestamp(start)
    end = days * 86400
    cases, events, surveys, contacts = [], [], [], []
    for i in range(n_cases):
        case, born = f"c{i:04d}", float(rng.integers(0, end - 3600))
        cases.append(
            {
                "case_id": case,
                "created_at": born,
                "channel": CHANNELS[rng.integers(len(CHANNELS))],
                "product": f"p{rng.integers(2)}",
                "region": f"r{rng.integers(3)}",
                "case_type": f"t{rng.integers(2)}",
                "priority": PRIORITIES[rng.integers(3)],
                "customer_id": f"u{rng.integers(max(n_cases // 3, 2))}" if rng.random() < 0.9 else None,
                "team": TEAMS[rng.integers(3)] if rng.random() < 0.7 else None,
            }
        )
        events += _life(rng, case, born, end)
        if rng.random() < 0.5:
            surveys.append(_survey(rng, len(surveys), case, born, end))
        if rng.random() < 0.7:
            contacts.append(_contact(rng, len(contacts), case, born, end))
    frames = {
        "cases": pd.DataFrame(cases),
        "events": pd.DataFrame(events),
        "surveys": pd.DataFrame(surveys),
        "contacts": pd.DataFrame(contacts),
        "article_views": _views(rng, n_cases, end),
        "agent_time": _agent_time(rng, days, end),
        "costs": _costs(rng, days),
    }
    for frame in frames.values():
        for column in ("created_at", "at", "offered_at", "responded_at", "queued_at", "answered_at", "ended_at",
                       "viewed_at", "start", "end"):  # fmt: skip
            if column in frame:
                micros = pd.to_timedelta((frame[column].astype("float64") * 1e6).round(), unit="us")
                frame[column] = (origin + micros).astype("datetime64[us, UTC]")
    frames["sla_policies"] = pd.DataFrame(
        {
            "policy": ["a", "b", "b"],
            "metric": ["first_response", "resolution", "resolution"],
            "priority": [None, "1", None],
            "target_s": [4 * 3600.0, 86400.0, 3 * 86400.0],
            "clock": "calendar",
        }
    )
    return frames


def _life(rng: np.random.Generator, case: str, born: float, end: float) -> list[dict[str, object]]:
    kinds = ["message", "status", "assigned", "priority", "escalated", "paused", "resumed", "resolved", "reopened",
             "closed", "merged", "field"]  # fmt: skip
    odds = np.array([30, 8, 10, 4, 3, 8, 8, 12, 7, 6, 2, 2], dtype=float)
    rows: list[dict[str, object]] = [{"kind": "created", "at": born, "actor_role": "customer"}]
    at = born
    for _ in range(rng.integers(0, 14)):
        step = 0.0 if rng.random() < 0.1 else float(rng.exponential(86400))
        at += round(step, 6)
        if at > end:
            break
        kind = str(rng.choice(kinds, p=odds / odds.sum()))
        role = str(rng.choice(["agent", "customer", "bot", "system"], p=[0.6, 0.25, 0.1, 0.05]))
        row: dict[str, object] = {"kind": kind, "at": at, "actor_role": role}
        if role == "agent":
            row["actor_id"] = f"a{rng.integers(5)}"
        if kind == "message":
            row["public"] = [True, True, True, False, None][rng.integers(5)]
        if kind == "assigned":
            row["team"] = [*TEAMS, None][rng.integers(4)]
            row["new"] = row["team"]
        if kind == "status":
            row["new"] = ["new", "active", "pending"][rng.integers(3)]
        if kind == "priority":
            row["new"] = PRIORITIES[rng.integers(3)]
        rows.append(row)
    return [{"case_id": case, "seq": i, "actor_id": None, "public": None, "team": None, "new": None} | row
            for i, row in enumerate(rows)]  # fmt: skip


def _survey(rng: np.random.Generator, i: int, case: str, born: float, end: float) -> dict[str, object]:
    offered = min(born + float(rng.integers(0, 5 * 86400)), end)
    answered = offered + float(rng.integers(60, 9 * 86400))
    said = rng.random() < 0.6 and answered <= end
    kind = "csat" if rng.random() < 0.6 else "nps"
    score = float(rng.integers(1, 6) if kind == "csat" else rng.integers(0, 11))
    return {
        "survey_id": f"s{i}",
        "kind": kind,
        "case_id": case,
        "offered_at": offered,
        "responded_at": answered if said else None,
        "score": score if said else None,
    }


def _contact(rng: np.random.Generator, i: int, case: str, born: float, end: float) -> dict[str, object]:
    queued = min(born + float(rng.integers(0, 7200)), end)
    wait = float(np.round(rng.exponential(25), 3))
    outcome = str(rng.choice(["answered", "abandoned", "callback"], p=[0.75, 0.2, 0.05]))
    talk = float(np.round(rng.exponential(240), 3))
    answered = queued + wait if outcome == "answered" and queued + wait <= end else None
    over = queued + wait + (talk if outcome == "answered" else 0.0)
    done = over <= end
    return {
        "contact_id": f"k{i}",
        "case_id": case if done else None,
        "channel": ["phone", "chat"][rng.integers(2)],
        "queued_at": queued,
        "answered_at": answered,
        "ended_at": over if done else None,
        "hold_s": float(rng.integers(0, 40)) if done and answered is not None else None,
        "wrap_s": float(rng.integers(0, 90)) if done and answered is not None else None,
        "outcome": outcome if done else None,
        "agent_id": f"a{rng.integers(5)}" if answered is not None else None,
        "team": TEAMS[rng.integers(3)],
    }


def _views(rng: np.random.Generator, n_cases: int, end: float) -> pd.DataFrame:
    n = n_cases * 2
    return pd.DataFrame(
        {
            "session_id": [f"v{k}" for k in rng.integers(0, n_cases, n)],
            "article_id": [f"q{k}" for k in rng.integers(0, 9, n)],
            "viewed_at": np.sort(rng.integers(0, int(end), n)).astype(float),
            "read_s": rng.integers(1, 300, n).astype(float),
            "case_id": [f"c{k:04d}" if k < n_cases else None for k in rng.integers(0, 2 * n_cases, n)],
        }
    )


def _agent_time(rng: np.random.Generator, days: int, end: float) -> pd.DataFrame:
    rows = []
    for agent in range(5):
        at = float(rng.integers(0, 86400))
        while at < end - 30000:
            length = float(rng.integers(600, 30000))
            state = ["handling", "available", "break", "training"][rng.integers(4)]
            rows.append((f"a{agent}", TEAMS[agent % 3], at, at + length, state, state != "break"))
            at += length + float(rng.integers(0, 20000))
    return pd.DataFrame(rows, columns=["agent_id", "team", "start", "end", "state", "paid"])


def _costs(rng: np.random.Generator, days: int) -> pd.DataFrame:
    starts = np.arange(0, days - 6, 7) * 86400.0
    return pd.DataFrame(
        {
            "start": starts,
            "end": starts + 7 * 86400.0,
            "category": "staff",
            "amount": rng.integers(900, 1100, len(starts)),
        }
    )
