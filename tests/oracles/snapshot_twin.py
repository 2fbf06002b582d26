"""The slow obvious twin of the newer features of snapshots: one case after another, one event after another."""

from __future__ import annotations

import math

import clock_twin
import pandas as pd

DAY, WEEK, RECENT = pd.Timedelta(days=1), pd.Timedelta(days=7), pd.Timedelta(days=28)
SEGMENTS = ("team", "priority", "product", "case_type")


def stories(cases: pd.DataFrame, events: pd.DataFrame, t: pd.Timestamp) -> dict[str, list[dict]]:
    """Return for each case its state after its creation and after each event that was known by then."""
    out = {}
    for case in cases[cases["created_at"] <= t].to_dict("records"):
        state = {k: case[k] if isinstance(case[k], str) else None for k in SEGMENTS} | {
            "when": case["created_at"], "kind": "start", "open": True, "waits": False, "status": None, "actor": None,
            "resolved": None, "hold": False, "customer": case["customer_id"], "born": case["created_at"],
        }  # fmt: skip
        steps = [state]
        mine = events[(events["case_id"] == case["case_id"]) & (events["known"] <= t)].sort_values(["known", "seq"])
        for event in mine.to_dict("records"):
            kind = event["kind"]
            when = max(event["known"], case["created_at"])
            state = state | {"when": when, "kind": kind, "event": event, "actor": None}
            if kind in ("resolved", "closed", "merged"):
                state |= {"open": False, "waits": kind == "resolved" and (state["open"] or state["waits"])}
            if kind == "resolved":
                state["resolved"] = when
            if kind == "reopened":
                state |= {"open": True, "waits": False}
            if kind in ("paused", "resumed", "resolved", "closed", "merged", "reopened"):
                state["hold"] = kind == "paused"
            for field, column in (("status", "new"), ("priority", "new"), ("team", "team")):
                if field in (kind, "team") and isinstance(event[column], str):
                    state[field] = event[column]
            agent = event["actor_role"] == "agent" or not isinstance(event["actor_role"], str)
            if isinstance(event["actor_id"], str) and agent and kind != "created":
                state["actor"] = event["actor_id"]
            steps.append(state)
        out[case["case_id"]] = steps
    return out


def moves(steps: list[dict]) -> list[tuple[dict | None, dict]]:
    return list(zip([None, *steps[:-1]], steps, strict=True))


def of_desk(tales: dict[str, list[dict]], t: pd.Timestamp) -> dict:
    """Return what the desk had seen by an instant."""
    every = [pair for steps in tales.values() for pair in moves(steps)]
    done = [b for a, b in every if a and a["open"] and not b["open"] and b["kind"] in ("resolved", "closed")]
    came = [b for a, b in every if b["open"] and b["team"] and (not a or not a["open"] or a["team"] != b["team"])]
    took = []
    for steps in tales.values():
        ends = [b for a, b in moves(steps) if a and a["open"] and not b["open"] and b["kind"] in ("resolved", "closed")]
        took += [(ends[0], math.log1p((ends[0]["when"] - ends[0]["born"]).total_seconds()))] if ends else []
    acts = [b for _, b in every if b["actor"]]
    return {"done": done, "came": came, "took": took, "acts": acts,
            "open": [steps[-1] for steps in tales.values() if steps[-1]["open"]],
            "born": [steps[0]["when"] for steps in tales.values()]}  # fmt: skip


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def since(states: list[dict], t: pd.Timestamp, span: pd.Timedelta) -> list[dict]:
    return [s for s in states if s["when"] > t - span]


def snapshot(cases, events, labels, policies, t, ids, metric="resolution") -> list[dict]:
    """Return the newer features of some cases at an instant."""
    tales = stories(cases, events, t)
    desk = of_desk(tales, t)
    outcomes = []
    for label in labels[labels["known_at"] <= t].to_dict("records"):
        then = [s for s in tales[label["case_id"]] if s["when"] <= label["known_at"]][-1]
        outcomes.append((then, float(label["label"]), label["known_at"]))
    seen = events[events["known"] <= t]
    talks = bool(((seen["kind"] == "message") & seen["actor_role"].notna()).any())
    assigns = bool(((seen["kind"] == "assigned") & seen["team"].notna()).any())
    acted = bool(desk["acts"])
    return [one(tales[i], desk, outcomes, policies, t, metric, talks, assigns, acted) | {"case_id": i} for i in ids]


def one(steps, desk, outcomes, policies, t, metric, talks, assigns, acted) -> dict:
    now, team = steps[-1], steps[-1]["team"]
    told = [s["event"] for s in steps[1:] if s["kind"] == "message"]
    public = [e for e in told if e["public"] is True]
    sides = [e["actor_role"] for e in public]
    after = sides[len(sides) - sides[::-1].index("agent") :] if "agent" in sides else sides
    mine = [s for s in desk["open"] if s["team"] == team]
    pool = {s["actor"] for s in since(desk["acts"], t, WEEK) if s["team"] == team}
    active = float(len(pool)) if team and acted else math.nan
    out = {
        "updates": float(sum(s["kind"] != "created" for s in steps[1:])),
        "notes": float(len(told) - len(public)) if talks else math.nan,
        "unanswered_messages": float(after.count("customer")) if talks else math.nan,
        "assignments": float(sum(s["kind"] == "assigned" for s in steps)) if assigns else math.nan,
        "agents": float(len({s["actor"] for s in steps} - {None})) if acted else math.nan,
        "is_resolved": float(now["waits"]),
        "resolved_for_s": (t - now["resolved"]).total_seconds() if now["waits"] else math.nan,
        "in_status_s": held(steps, "status", t),
        "in_team_s": held(steps, "team", t),
        "open_in_desk": float(len(desk["open"])),
        "opened_in_desk_24h": float(sum(b > t - DAY for b in desk["born"])),
        "opened_in_desk_7d": float(sum(b > t - WEEK for b in desk["born"])),
        "resolved_in_desk_7d": float(len(since(desk["done"], t, WEEK))),
        "open_in_team": float(len(mine)) if team else math.nan,
        "came_to_team_24h": in_team(desk["came"], team, t, DAY),
        "came_to_team_7d": in_team(desk["came"], team, t, WEEK),
        "resolved_in_team_7d": in_team(desk["done"], team, t, WEEK),
        "agents_in_team_7d": active,
        "open_per_agent": len(mine) / active if team and active else math.nan,
    }
    rate, usual = mean([v for _, v, _ in outcomes]), mean([v for _, v in desk["took"]])
    late = [v for _, v, when in outcomes if when > t - RECENT]
    out |= {"breached_share_desk": rate, "usual_s_desk": math.expm1(usual)}
    out["breached_share_28d"] = (sum(late) + 20 * rate) / (len(late) + 20)
    for name in SEGMENTS:
        like = [v for s, v, _ in outcomes if s[name] == now[name] and now[name]]
        times = [v for s, v in desk["took"] if s[name] == now[name] and now[name]]
        out[f"breached_share_{name}"] = (sum(like) + 20 * rate) / (len(like) + 20)
        out[f"usual_s_{name}"] = math.expm1((sum(times) + 20 * usual) / (len(times) + 20))
    out |= pauses(steps, policies, t, metric)
    return out


def in_team(states, team, t, span) -> float:
    return float(sum(s["team"] == team for s in since(states, t, span))) if team else math.nan


def held(steps, name, t) -> float:
    turns = [b["when"] for a, b in moves(steps) if b[name] and (a is None or a[name] != b[name])]
    return (t - turns[-1]).total_seconds() if turns else math.nan


def pauses(steps, policies, t, metric) -> dict:
    """Return how long and how often the clock of the policy in force had stood still."""
    policy = clock_twin.choose(policies, metric, steps[-1]["priority"], steps[0]["born"])
    if policy is None:
        return {"paused_s": math.nan, "pauses": math.nan}
    words = policies.loc[policy, "pause_on"]
    statuses = set(words.split(",")) if isinstance(words, str) else set()
    still = [s["open"] and (s["status"] in statuses if statuses else s["hold"]) for s in steps]
    ends = [s["when"] for s in steps[1:]] + [t]
    total = sum((end - s["when"]).total_seconds() for s, end, halt in zip(steps, ends, still, strict=True) if halt)
    starts = sum(b and not a for a, b in zip([False, *still[:-1]], still, strict=True))
    return {"paused_s": total, "pauses": float(starts)}
