"""A second slow twin of the milestones, for every metric and option: one state machine walks one case at a time.

It shares nothing with the engine but the calendar: it keeps a list of stretches in which a clock ran, and asks at every
event what that changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

TURNS = ("next_response", "pausable_update", "periodic_update")
PENDING = {
    "requester_wait": "pending",
    "agent_work": "pending,hold,on-hold,on hold",
    "pausable_update": "pending",
    "periodic_update": "never",
}


@dataclass
class Clock:
    """One running clock: its start, the stretches of wall time in which the case was live, each with its state."""

    start: pd.Timestamp
    cycle: int
    moments: list = field(default_factory=list)  # (instant, live, status, waiting, policy)


def options(row, metric) -> dict:
    """Return the options that a row of a policy states, or the plain ones."""
    plain = {
        "match": "priority",
        "on_change": "keep",
        "cycles": "continue",
        "versions": "creation",
        "starts": "creation",
    }
    out = {k: row[k] if isinstance(row.get(k), str) else v for k, v in plain.items()}
    if metric in TURNS and out["cycles"] == "continue":
        out["cycles"] = "restart"
    return out


def choose(policies, metric, case, priority, when, match):
    """Return the row number of the policy that holds, or None."""

    def fits(row):
        if pd.notna(row["valid_from"]) and row["valid_from"] > when:
            return False
        text = row.get("when")
        for part in text.split(";") if isinstance(text, str) else []:
            column, values = part.split("=")
            if case[column.strip()] not in [v.strip() for v in values.split("|")]:
                return False
        return True

    rows = [row for row in policies if fits(row)]
    if match == "policy":
        names = [row["policy"] for row in rows]
        rows = [row for row in rows if row["policy"] == names[0]]
    rows = [row for row in rows if row["metric"] == metric]
    exact = [row for row in rows if row["priority"] == priority]
    loose = [row for row in rows if not isinstance(row["priority"], str)]
    if match == "row":
        order = [row for row in rows if row["priority"] == priority or not isinstance(row["priority"], str)]
    else:
        order = exact + loose
    if not order:
        return None
    first = order[0]

    def key(row):
        return row["policy"], str(row["priority"]), str(row.get("when"))

    best = first
    for row in order:
        if key(row) == key(first):
            old, new = best["valid_from"], row["valid_from"]
            if pd.isna(old) or (pd.notna(new) and new >= old):
                best = row if row is first or pd.isna(old) or new >= old else best
    return best["number"]


def pauses(row):
    """Return the statuses that pause a policy, ``None`` for by event, or an empty set for never."""
    text = row["pause_on"] if isinstance(row["pause_on"], str) else PENDING.get(row["metric"])
    if text is None:
        return None
    return set() if text == "never" else {s.strip() for s in text.split(",")}


class Case:
    """One case on its way through its events, for one metric."""

    def __init__(self, case, metric, policies, calendars, always, events):
        """Begin with the creation of the case."""
        self.case, self.metric, self.policies = case, metric, policies
        self.calendars, self.always = calendars, always
        self.rows = policies.to_dict("records")
        self.options = options(policies[policies["metric"] == metric].iloc[0], metric)
        first = [e for e in events if e["at"] <= case["created_at"] and e["kind"] == "message"]
        noted = any(e["actor_role"] == "agent" and e["public"] is False for e in first)
        asked = any(e["actor_role"] == "customer" and e["public"] is True for e in first)
        self.waits = metric == "first_response" and self.options["starts"] == "asked" and noted and not asked
        self.open = True
        self.replied = self.asked = self.updated = False
        self.status, self.waiting, self.priority = None, False, case["priority"]
        self.named_at = case["created_at"]
        self.clock, self.clocks, self.cycles, self.done = None, [], 0, []
        self.was_live, self.last_policy, self.over = False, "none yet", False
        self.settle(case["created_at"], first=True)

    def live(self):
        """Tell whether the clock may run."""
        if self.metric == "first_response":
            now = self.open and not self.replied and not self.waits
        elif self.metric == "next_response":
            now = self.open and self.replied and self.asked
        elif self.metric in TURNS:
            now = self.open and self.updated
        else:
            now = self.open
        return now and not (self.over and self.metric != "first_response")

    def policy(self, at):
        """Return the policy that holds now."""
        when = self.named_at if self.options["versions"] == "event" else self.case["created_at"]
        return choose(self.rows, self.metric, self.case, self.priority, when, self.options["match"])

    def settle(self, at, *, first=False, stop=False, merged=False, opening=False):
        """Look at the state after an event: end, start, or change the clock."""
        live = self.live()
        if self.was_live and (not live or stop):
            self.finish(at, "stop" if stop else "end")
            if self.options["cycles"] == "once":
                self.over = self.metric != "first_response"
                live = self.live()
            begun = live
        elif stop and self.clock is not None and self.metric == "first_response":
            self.finish(at, "stop")
            begun = False
        else:
            begun = live and not self.was_live
        if begun:
            self.cycles += 1 if first or self.metric != "first_response" else 0
            if self.options["versions"] == "event":
                self.named_at = at
        holds = self.policy(at)
        restart = begun and self.options["cycles"] != "continue" and self.metric != "first_response"
        anew = restart or first or opening
        if self.options["on_change"] == "fixed" and self.clock is not None and not anew:
            holds = self.clock.fixed
        changed = (
            self.options["on_change"] == "reset"
            and live
            and self.last_policy not in ("none yet", holds)
            and not restart
        )
        if changed and self.was_live:
            self.finish(at, "cut")
        if changed and (not begun or self.metric == "first_response"):
            self.cycles += 1
        if opening and self.options["versions"] == "event":
            self.named_at, holds = at, self.policy(at)
        if first or restart or changed or opening:
            if self.metric == "first_response":
                self.cycles = max(self.cycles, 1)
            self.clock = Clock(at, self.cycles)
            self.clock.fixed = holds
            self.clocks.append(self.clock)
        self.clock.moments.append((at, live, self.status, self.waiting, holds))
        if live:
            self.last_policy = holds
        self.was_live = live

    def finish(self, at, how):
        """Note that a cycle ended."""
        cycle = self.cycles
        if self.metric == "first_response":
            self.done = [d for d in self.done if d[0] is not self.clock]
        self.done.append((self.clock, list(self.clock.moments), at, how, cycle))

    def event(self, event):
        """Take one event."""
        kind, at, stop = event["kind"], event["at"], False
        was_open = self.open
        ends = ("closed", "merged") if self.metric == "closing" else ("resolved", "closed", "merged")
        agent = kind == "message" and event["actor_role"] == "agent" and event["public"] is True
        customer = kind == "message" and event["actor_role"] == "customer" and event["public"] is True
        if kind in ends:
            self.open = False
            plain = self.metric not in (*TURNS, "first_response")
            stop = was_open and kind != "merged" and plain and self.was_live
        if kind == "reopened":
            self.open = True
        if kind in ("resolved", "closed", "merged"):
            self.asked = self.updated = False
        self.waiting = True if kind == "paused" else self.waiting
        if kind in ("resumed", "resolved", "closed", "merged", "reopened"):
            self.waiting = False
        if kind == "status":
            self.status = event["new"]
        if kind == "priority":
            self.priority, self.named_at = event["new"], at
        if agent:
            if self.metric == "first_response":
                stop = not self.replied and not self.waits
            elif self.metric in TURNS:
                stop = self.was_live
            self.replied, self.asked = not self.waits, False
            self.updated = self.updated or self.open
        opening = customer and self.waits
        if customer:
            self.asked, self.waits = True, False
        self.settle(at, stop=stop, opening=opening)

    def end(self, until):
        """Close the book at the end of the log."""
        if self.was_live:
            if self.metric == "first_response":
                self.done = [d for d in self.done if d[0] is not self.clock]
            self.done.append((self.clock, list(self.clock.moments), until, "open", self.cycles))
        return [row for d in self.done if (row := self.row(*d)) is not None]

    def row(self, clock, moments, now, how, cycle):
        """Work out one milestone."""
        held = [m[4] for m in moments if m[4] is not None and (m[1] or self.metric not in TURNS)]
        if not held:
            return None
        spec = self.rows[held[-1]]
        steps = [(a, b, m) for m, a, b in zip(moments, [m[0] for m in moments], [m[0] for m in moments[1:]] + [now],
                                              strict=True)]  # fmt: skip
        broken = breaker = None
        for i, (a, b, m) in enumerate(steps):
            if broken is not None or not m[1] or m[4] is None:
                continue
            rule = self.rows[m[4]]
            before = self.run(rule, steps[:i])
            late = a if before > rule["target_s"] + 1e-7 else None
            if late is None and self.runs(rule, m):
                reach = self.of(rule).add([a], [rule["target_s"] - before])[0]
                late = self.of(rule).next_open([reach])[0]  # nothing more is used before the desk opens again
            if late is not None and (late < b or (how == "open" and i == len(steps) - 1 and late <= b)):
                broken, breaker = late, rule
        final = moments[-1]
        holds = final[4] is not None
        stopped = now
        if not holds:  # without a policy the clock stands still
            steps = steps[: max(i for i, s in enumerate(steps) if s[2][4] is not None) + 1]
            now = steps[-1][1]
        used = self.run(spec, steps)
        if broken is not None and used <= spec["target_s"] + 1e-7:  # kept by this policy, broken by an earlier one
            spec = breaker
            used = self.run(spec, steps)
        if broken is not None:
            status, decided = "breached", broken
        elif how == "stop" and holds:
            status, decided = "met", stopped
        elif how == "open" and holds:
            status, decided = ("running" if self.runs(spec, final) else "paused"), None
        else:
            status, decided = "cancelled", None
        return {
            "case_id": self.case["case_id"], "metric": self.metric, "policy": spec["policy"], "cycle": cycle,
            "started_at": clock.start, "target_s": spec["target_s"], "elapsed_s": used,
            "paused_s": float(self.of(spec).seconds_between([clock.start], [now])[0]) - used,
            "stopped_at": stopped if how == "stop" else None, "status": status, "decided_at": decided,
        }  # fmt: skip

    def of(self, spec):
        """Return the calendar of a policy."""
        return self.calendars[spec["calendar"]] if spec["clock"] == "business" else self.always

    def runs(self, spec, moment):
        """Tell whether the clock of a policy ran after a moment."""
        _, live, status, waiting, _ = moment
        by = pauses(spec)
        return live and not (waiting if by is None else status in by)

    def run(self, spec, steps):
        """Return the seconds that ran."""
        used = 0.0
        for a, b, m in steps:
            if self.runs(spec, m):
                used += float(self.of(spec).seconds_between([a], [b])[0])
        return used


def milestones(cases, events, policies, calendars, until, always) -> pd.DataFrame:
    """Return the milestones of all measured metrics, one dict each."""
    policies = policies.reset_index(drop=True).assign(number=range(len(policies)))
    out = []
    for case in cases.to_dict("records"):
        mine = events[events["case_id"] == case["case_id"]].sort_values(["at", "seq"]).to_dict("records")
        for metric in sorted(set(policies.loc[policies["clock"] != "source", "metric"])):
            walk = Case(case, metric, policies, calendars, always, mine)
            for event in mine:
                walk.event(event)
            out += walk.end(until)
    return pd.DataFrame(out)
