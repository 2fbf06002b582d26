"""The slow obvious twin of milestones, labels and snapshots: one case after another, one event after another."""

from __future__ import annotations

import math
from itertools import pairwise

import pandas as pd

ENDS = {
    "resolution": {"resolved", "closed", "merged"},
    "first_response": {"resolved", "closed", "merged"},
    "closing": {"closed", "merged"},
}


def choose(policies: pd.DataFrame, metric: str, priority, created) -> int | None:
    """Find the row of the policy that holds: for this priority before any; of the first of them the newest version."""
    mine = policies[policies["metric"] == metric]
    valid = mine["valid_from"].isna() | (mine["valid_from"] <= created)
    for part in (mine[valid & (mine["priority"] == priority)], mine[valid & mine["priority"].isna()]):
        if len(part):
            name = part["policy"].iloc[0]
            versions = part[part["policy"] == name]
            dated = versions["valid_from"].fillna(pd.Timestamp("1900-01-01", tz="UTC"))
            best = dated.max()
            return int(dated[dated == best].index[-1])
    return None


def used(steps, calendar, statuses, metric, until) -> float:
    """Return the seconds that the clock ran until an instant, walking the case's moments one by one."""
    total = 0.0
    for (state, start), (_, end) in zip(steps, [*steps[1:], (None, until)], strict=True):
        end = min(end, until)
        if end > start and runs(state, statuses, metric):
            total += float(calendar.seconds_between([start], [end])[0])
    return total


def paused(state: dict, statuses) -> bool:
    return state["status"] in statuses if statuses else state["waiting"]


def live(state: dict, metric: str) -> bool:
    return state["open"][metric] and not (metric == "first_response" and state["replied"])


def runs(state: dict, statuses, metric) -> bool:
    return live(state, metric) and not paused(state, statuses)


def walk(case, events: pd.DataFrame) -> list[tuple[dict, pd.Timestamp]]:
    """Return the state of a case after its creation and after each event."""
    state = {
        "open": dict.fromkeys(ENDS, True),
        "replied": False,
        "waiting": False,
        "status": None,
        "priority": case["priority"],
        "kind": "start",
    }
    steps = [(state, case["created_at"])]
    for event in events.sort_values(["at", "seq"]).to_dict("records"):
        state = {**state, "open": dict(state["open"]), "kind": event["kind"]}
        kind = event["kind"]
        for metric, ends in ENDS.items():
            if kind in ends:
                state["open"][metric] = False
            if kind == "reopened":
                state["open"][metric] = True
        if kind == "paused":
            state["waiting"] = True
        if kind in ("resumed", "resolved", "closed", "merged", "reopened"):
            state["waiting"] = False
        if kind == "status":
            state["status"] = event["new"]
        if kind == "priority":
            state["priority"] = event["new"]
        if kind == "message" and event["actor_role"] == "agent" and event["public"] is True:
            state["replied"] = True
        steps.append((state, event["at"]))
    return steps


def due(steps, calendar, statuses, metric, target, now) -> pd.Timestamp:
    """Return when the target is used up; if it is not yet and the clock stands, as if it went on now."""
    total = 0.0
    for (state, start), (_, end) in zip(steps, [*steps[1:], (None, None)], strict=True):
        if start > now:
            break
        if not runs(state, statuses, metric):
            continue
        left = target - total
        reach = calendar.add([start], [left])[0] if left > 0 else start
        if end is None or end > now or reach <= end or total + _seconds(calendar, start, end) >= target:
            return reach
        total += _seconds(calendar, start, end)
    return calendar.add([now], [target - total])[0]


def _seconds(calendar, start, end) -> float:
    return float(calendar.seconds_between([start], [end])[0])


def milestones(cases, events, policies, calendars, until, always) -> list[dict]:
    """Return one dict for each case, metric and cycle: case_id, metric, policy, cycle, status, elapsed_s, due_at,
    stopped_at, decided_at."""
    out = []
    for case in cases.to_dict("records"):
        mine = events[events["case_id"] == case["case_id"]]
        steps = walk(case, mine)
        for metric in sorted(set(policies["metric"])):
            out += one(case, steps, metric, policies, calendars, until, always)
    return out


def one(case, steps, metric, policies, calendars, until, always) -> list[dict]:
    rows, cycle, broken, breaker, last = [], 1, None, None, None
    was_live = True
    closed_cycle = False
    for i, (state, at) in enumerate(steps):
        policy = choose(policies, metric, state["priority"], case["created_at"])
        last = policy if policy is not None else last
        is_last = i == len(steps) - 1
        was = steps[i - 1][0] if i else None
        if i and metric != "first_response" and state["open"][metric] and not was["open"][metric]:
            cycle += 1
            closed_cycle = False
        ended = None
        if metric == "first_response":
            if state["replied"] and (was is None or not was["replied"]):
                ended = "stop"
        elif i and was["open"][metric] and not state["open"][metric]:
            ended = "merge" if state["kind"] == "merged" else "stop"
        if ended and last is not None and not closed_cycle:
            rows.append(
                row(
                    case,
                    steps[: i + 1],
                    metric,
                    policies,
                    calendars,
                    always,
                    at,
                    cycle,
                    last,
                    policy,
                    broken,
                    breaker,
                    ended,
                )
            )
            closed_cycle = True
        if broken is None and policy is not None and live(state, metric):
            spec = policies.loc[policy]
            clock = calendars.get(spec["calendar"], always) if spec["clock"] == "business" else always
            end = until if is_last else steps[i + 1][1]
            reach = due(steps[: i + 1], clock, pauses(spec), metric, spec["target_s"], at)
            late = None
            if used(steps[: i + 1], clock, pauses(spec), metric, at) > spec["target_s"] + 1e-7:
                late = at
            elif runs(state, pauses(spec), metric):
                late = clock.next_open([max(reach, at)])[0]  # nothing more is used before the desk opens again
            if late is not None and (late < end or (is_last and late <= end)):
                broken, breaker = late, policy
        was_live = live(state, metric)
    if metric == "first_response" and not steps[-1][0]["replied"] and not was_live:
        turns = [i for i in range(1, len(steps)) if live(steps[i - 1][0], metric) and not live(steps[i][0], metric)]
        steps = steps[: turns[-1] + 1]
        held = [choose(policies, metric, state["priority"], case["created_at"]) for state, _ in steps]
        last = next((h for h in reversed(held) if h is not None), None)
        was_live = True
    if was_live and last is not None:
        rows.append(
            row(case, steps, metric, policies, calendars, always, until, cycle, last, policy, broken, breaker, None)
        )
    return rows


def pauses(spec) -> set[str]:
    return set(spec["pause_on"].split(",")) if isinstance(spec["pause_on"], str) else set()


def row(case, steps, metric, policies, calendars, always, now, cycle, last, policy, broken, breaker, ended) -> dict:
    spec = policies.loc[last]
    clock = calendars.get(spec["calendar"], always) if spec["clock"] == "business" else always
    stopped = now
    if ended is None and not live(steps[-1][0], metric):
        now = steps[-1][1]  # an unanswered case that has ended: its clock stopped there
    held = [choose(policies, metric, state["priority"], case["created_at"]) is not None for state, _ in steps]
    was_broken = broken is not None and (broken < now if ended or not live(steps[-1][0], metric) else broken <= now)
    over = live(steps[-1][0], metric)
    if not held[-1]:  # without a policy the clock stands still
        final = max(i for i, known in enumerate(held) if known)
        now, walked = steps[final + 1][1], steps[: final + 1]
    else:
        walked = steps
    elapsed = used(walked, clock, pauses(spec), metric, now)
    if was_broken and elapsed <= spec["target_s"] + 1e-7:  # kept by the policy that holds, broken by an earlier one
        spec = policies.loc[breaker]
        clock = calendars.get(spec["calendar"], always) if spec["clock"] == "business" else always
        elapsed = used(walked, clock, pauses(spec), metric, now)
    if was_broken:
        status, decided = "breached", broken
    elif ended == "stop" and policy is not None:
        status, decided = "met", now
    elif ended is None and policy is not None and over:
        status, decided = "paused" if paused(steps[-1][0], pauses(spec)) else "running", None
    else:
        status, decided = "cancelled", None
    return {
        "case_id": case["case_id"],
        "metric": metric,
        "policy": spec["policy"],
        "cycle": cycle,
        "target_s": spec["target_s"],
        "elapsed_s": elapsed,
        "paused_s": _seconds(clock, case["created_at"], now) - elapsed,
        "due_at": due(walked, clock, pauses(spec), metric, spec["target_s"], now),
        "stopped_at": stopped if ended == "stop" else None,
        "status": status,
        "decided_at": decided,
    }


def snapshot(cases, events, t) -> list[dict]:
    """Return what is known at an instant of each case that is open then, by looking only at what was known then."""
    seen = events[events["known"] <= t]
    role = seen["actor_role"]
    talk = seen[(seen["kind"] == "message") & (seen["public"] == True)]  # noqa: E712
    has = {kind: bool((seen["kind"] == kind).any()) for kind in ("reopened", "priority", "escalated")}
    has["message"] = bool(((seen["kind"] == "message") & role.notna()).any())
    has["team"] = bool(seen["team"].notna().any())
    out = []
    for case in cases[cases["created_at"] <= t].to_dict("records"):
        mine = seen[seen["case_id"] == case["case_id"]].sort_values(["known", "at", "seq"])
        is_open, again = True, 0
        for kind in mine["kind"]:
            again += kind == "reopened" and not is_open
            is_open = False if kind in ENDS["resolution"] else True if kind == "reopened" else is_open
        if not is_open:
            continue
        teams = [x for x in mine["team"] if isinstance(x, str)]
        told = talk[talk["case_id"] == case["case_id"]].sort_values(["known", "at", "seq"])
        waits = None
        for role, when in zip(told["actor_role"], told["known"], strict=True):
            waits = None if role == "agent" else when if role == "customer" and waits is None else waits
        news = {
            k: [x for x in mine.loc[mine["kind"] == k, "new"] if isinstance(x, str)] for k in ("status", "priority")
        }

        def count(kind, mine=mine):
            return float((mine["kind"] == kind).sum()) if has[kind] else math.nan

        def words(role, told=told):
            return float((told["actor_role"] == role).sum()) if has["message"] else math.nan

        out.append(
            {
                "case_id": case["case_id"],
                "status": (news["status"] or [None])[-1],
                "priority": (news["priority"] or [case["priority"]])[-1],
                "team": (teams or [case["team"]])[-1],
                "age_s": (t - case["created_at"]).total_seconds(),
                "idle_s": (t - max([case["created_at"], *mine["known"]])).total_seconds(),
                "customer_messages": words("customer"),
                "agent_messages": words("agent"),
                "unanswered_s": ((t - waits).total_seconds() if waits is not None else 0.0)
                if has["message"]
                else math.nan,
                "reopens": float(again) if has["reopened"] else math.nan,
                "priority_changes": count("priority"),
                "escalations": count("escalated"),
                "transfers": float(sum(a != b for a, b in pairwise(teams))) if has["team"] else math.nan,
            }
        )
    for one in out:
        same = [o for o in out if o["team"] == one["team"]]
        one["open_in_team"] = float(len(same)) if isinstance(one["team"], str) else math.nan
    return out
