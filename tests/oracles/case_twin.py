"""The history of a case, told slowly: one case after the other, one event after the other."""

from __future__ import annotations

import pandas as pd


def slow_case(case: pd.Series, events: pd.DataFrame, until: pd.Timestamp, any_public: bool) -> dict[str, object]:
    """Walk through the events of one case and note what happens."""
    mine = events[events["case_id"] == case["case_id"]].sort_values(["at", "seq"])
    out: dict[str, object] = {"case_id": case["case_id"], "reopens": 0, "transfers": 0, "escalations": 0}
    out |= {"priority_changes": 0, "customer_messages": 0, "agent_messages": 0, "status": None}
    out |= {"current_priority": case["priority"], "current_team": case["team"], "closed_at": pd.NaT}
    out |= {"first_response_at": pd.NaT, "first_resolved_at": pd.NaT, "first_reopened_at": pd.NaT}
    was_ended, held, on_hold = False, 0.0, False
    is_open, ended, how, paused_from, pending = True, pd.NaT, None, None, 0.0
    last_team, agents = None, set()
    for event in mine.itertuples():
        if event.actor_role == "agent" and isinstance(event.actor_id, str):
            agents.add(event.actor_id)
        kind = event.kind
        if kind in ("paused", "resumed", "resolved", "closed", "merged", "reopened") and paused_from is not None:
            held += (event.at - paused_from).total_seconds() if on_hold else 0.0
            pending += 0.0 if on_hold else (event.at - paused_from).total_seconds()
            paused_from = None
        if kind == "paused" and is_open:
            paused_from, on_hold = event.at, getattr(event, "field", None) == "on_hold"
        if kind in ("resolved", "closed"):
            out["first_resolved_at"] = event.at if pd.isna(out["first_resolved_at"]) else out["first_resolved_at"]
        if kind in ("resolved", "closed", "merged") and is_open:
            is_open, ended, how = False, event.at, kind
            was_ended = True
        if kind == "closed":
            out["closed_at"] = event.at
        if kind == "reopened":
            if was_ended and pd.isna(out["first_reopened_at"]):
                out["first_reopened_at"] = event.at
            out["reopens"] += not is_open
            is_open, ended, how = True, pd.NaT, None
            out["closed_at"] = pd.NaT
        if kind == "message" and (event.public is True or not any_public):
            if event.actor_role == "customer":
                out["customer_messages"] += 1
            if event.actor_role == "agent":
                out["agent_messages"] += 1
                out["first_response_at"] = event.at if pd.isna(out["first_response_at"]) else out["first_response_at"]
        if isinstance(event.team, str):
            if last_team is not None and event.team != last_team:
                out["transfers"] += 1
            last_team = out["current_team"] = event.team
        out["escalations"] += kind == "escalated"
        if kind == "priority":
            out["priority_changes"] += 1
            out["current_priority"] = event.new
        if kind == "status":
            out["status"] = event.new
    if paused_from is not None:
        held += (until - paused_from).total_seconds() if on_hold else 0.0
        pending += 0.0 if on_hold else (until - paused_from).total_seconds()
    resolved = ended if how in ("resolved", "closed") else pd.NaT
    out |= {"is_open": is_open, "ended_at": ended, "resolved_at": resolved, "pending_s": pending, "agents": len(agents)}
    out["on_hold_s"] = held
    out["merged_at"] = ended if how == "merged" else pd.NaT
    out["first_response_s"] = (out["first_response_at"] - case["created_at"]).total_seconds()
    out["resolution_s"] = (resolved - case["created_at"]).total_seconds()
    out["age_s"] = ((until if is_open else ended) - case["created_at"]).total_seconds()
    return out


def slow_history(frames: dict[str, pd.DataFrame], until: pd.Timestamp) -> pd.DataFrame:
    """Return one row a case, by case_id."""
    events, cases = frames["events"], frames["cases"]
    any_public = bool(events["public"].notna().any())
    rows = [slow_case(case, events, until, any_public) for _, case in cases.iterrows()]
    return pd.DataFrame(rows).sort_values("case_id", ignore_index=True)
