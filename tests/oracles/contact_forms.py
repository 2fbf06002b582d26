"""The same made-up calls, written as the records of many telephone systems write them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd


def truth(n=120):
    rng = np.random.default_rng(11)
    calls = pd.DataFrame({"id": [f"{7000 + i}" for i in range(n)]})
    calls["start"] = pd.Timestamp("2024-03-04 08:00:07") + pd.to_timedelta(
        np.sort(rng.integers(0, 9 * 86400, n)), unit="s"
    )
    calls["queue"] = rng.choice(["Sales", "Support"], n)
    calls["wait"] = rng.integers(1, 90, n)
    calls["gone"] = rng.random(n) < 0.15
    for name, low, high in (("talk", 60, 500), ("hold", 0, 40), ("wrap", 10, 60)):
        calls[name] = np.where(calls["gone"], 0, rng.integers(low, high, n))
    calls["agent"] = np.where(calls["gone"], "", rng.choice(["ann", "bob", "cyn"], n))
    calls["end"] = calls["start"] + pd.to_timedelta(calls["wait"] + calls["talk"] + calls["hold"], unit="s")
    return calls


def clock(seconds):
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def plain(c):
    return pd.DataFrame(
        {
            "Call ID": c["id"],
            "Start Time": c["start"],
            "Queue": c["queue"],
            "Agent": c["agent"],
            "Wait Time (s)": c["wait"],
            "Talk Time (s)": c["talk"],
            "Hold Time (s)": c["hold"],
            "ACW (s)": c["wrap"],
            "Disposition": np.where(c["gone"], "ABANDONED", "ANSWERED"),
        }
    ).to_csv(index=False)


def five9(c):
    out = pd.DataFrame(
        {
            "CALL ID": c["id"],
            "TIMESTAMP": c["start"].dt.strftime("%a, %d %b %Y %H:%M:%S") * 0
            + c["start"].dt.strftime("%m/%d/%Y %H:%M:%S"),
            "CAMPAIGN": c["queue"] + " in",
            "CALL TYPE": "Inbound",
            "AGENT": c["agent"],
            "DISPOSITION": "Billing",
            "ANI": "5551234",
            "SKILL": c["queue"],
            "QUEUE WAIT TIME": c["wait"].map(clock),
            "TALK TIME": c["talk"].map(clock),
            "HOLD TIME": c["hold"].map(clock),
            "AFTER CALL WORK TIME": c["wrap"].map(clock),
            "ABANDONED": c["gone"].astype(int),
        }
    )
    away = out.head(9).assign(**{"CALL TYPE": "Outbound", "CALL ID": [f"9{i}" for i in range(9)], "ABANDONED": 0})
    return pd.concat([out, away]).to_csv(index=False)


def talkdesk_old(c):
    kind = np.where(c["gone"], "abandoned", "inbound")
    out = pd.DataFrame(
        {
            "interaction_id": c["id"],
            "call_type": kind,
            "start_time": c["start"],
            "end_time": c["end"],
            "talk_time": c["talk"] / 86400,
            "waiting_time": c["wait"] / 86400,
            "holding_time": c["hold"] / 86400,
            "agent_name": c["agent"],
            "ring_groups": c["queue"],
        }
    )
    away = out.head(5).assign(call_type="outbound_missed", interaction_id=[f"o{i}" for i in range(5)])
    return pd.concat([out, away]).to_csv(index=False)


def talkdesk_new(c):
    return pd.DataFrame(
        {
            "call_id": c["id"],
            "type": np.where(c["gone"], "missed", "inbound"),
            "start_at": c["start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "end_at": c["end"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "total_time": (c["end"] - c["start"]).dt.total_seconds().astype(int),
            "talk_time": c["talk"],
            "wait_time": c["wait"],
            "hold_time": c["hold"],
            "user_name": c["agent"],
            "queue": c["queue"],
        }
    ).to_csv(index=False)


def cxone(c):
    return pd.DataFrame(
        {
            "Contact_ID": c["id"],
            "Master_Contact_ID": c["id"],
            "Skill": c["queue"],
            "Campaign": "x",
            "Agent": c["agent"],
            "Team": "t",
            "Start_Date": c["start"].dt.strftime("%m/%d/%Y %I:%M:%S %p"),
            "InQueue": c["wait"],
            "Agent_Time": c["talk"],
            "Abandon": np.where(c["gone"], "Y", "N"),
            "ACW_Seconds": c["wrap"],
            "Hold": c["hold"],
        }
    ).to_csv(index=False)


def connect(c):
    def record(row):
        start = row.start.tz_localize("UTC")
        answer = start + pd.Timedelta(seconds=row.wait)
        stamp = "%Y-%m-%dT%H:%M:%SZ"
        agent = (
            None
            if row.gone
            else {
                "Username": row.agent,
                "ConnectedToAgentTimestamp": answer.strftime(stamp),
                "AfterContactWorkDuration": row.wrap,
                "CustomerHoldDuration": row.hold,
            }
        )
        return {
            "ContactId": row.id,
            "InitialContactId": None,
            "Channel": "VOICE",
            "InitiationMethod": "INBOUND",
            "InitiationTimestamp": (start - pd.Timedelta("20s")).strftime(stamp),
            "Queue": {"Name": row.queue, "EnqueueTimestamp": start.strftime(stamp)},
            "Agent": agent,
            "DisconnectTimestamp": row.end.strftime(stamp),
            "LastUpdateTimestamp": row.end.strftime(stamp),
        }

    rows = [record(r) for r in c.itertuples()]
    early = [{**r, "LastUpdateTimestamp": "2024-03-01T00:00:00Z", "Agent": None} for r in rows[:7]]
    return "\n".join(json.dumps(r) for r in [*early, *rows])


def users_workbook(c):
    return pd.DataFrame(
        {
            "Call Id": c["id"],
            "Agent": c["agent"],
            "Date": c["start"].dt.strftime("%m/%d/%Y"),
            "Time": c["start"].dt.strftime("%H:%M:%S"),
            "Topic": c["queue"],
            "Answered (Y/N)": np.where(c["gone"], "N", "Y"),
            "Resolved": "Y",
            "Speed of answer in seconds": c["wait"],
            "AvgTalkDuration": (c["talk"] + c["hold"]).map(clock),
        }
    ).to_csv(index=False)


def queue_log(c):
    lines = []
    for r in c.itertuples():
        t = int(r.start.timestamp())
        lines.append((t, f"{t}|{r.id}|{r.queue}|NONE|ENTERQUEUE||5551234|1"))
        if r.gone:
            lines.append((t + r.wait, f"{t + r.wait}|{r.id}|{r.queue}|NONE|ABANDON|1|1|{r.wait}"))
            continue
        end = t + r.wait + r.talk + r.hold
        lines.append((t + 1, f"{t + 1}|{r.id}|{r.queue}|SIP/{r.agent}|RINGNOANSWER|1000"))
        lines.append((t + r.wait, f"{t + r.wait}|{r.id}|{r.queue}|SIP/{r.agent}|CONNECT|{r.wait}|{r.id}|3"))
        lines.append((end, f"{end}|{r.id}|{r.queue}|SIP/{r.agent}|COMPLETECALLER|{r.wait}|{r.talk + r.hold}|1"))
    return "\n".join(line for _, line in sorted(lines))


FORMS = [plain, five9, talkdesk_old, talkdesk_new, cxone, connect, users_workbook, queue_log]


def more_forms(c):
    answer = c["start"] + pd.to_timedelta(c["wait"], unit="s")
    stamp = "%Y/%m/%d %H:%M:%S"
    busy = c["talk"] + c["hold"]
    yield (
        "3cx",
        pd.DataFrame(
            {
                "historyid": "h" + c["id"],
                "callid": "0" + c["id"],
                "duration": busy.map(clock),
                "time-start": c["start"].dt.strftime(stamp),
                "time-answered": np.where(c["gone"], "", answer.dt.strftime(stamp)),
                "time-end": c["end"].dt.strftime(stamp),
                "reason-terminated": np.where(c["gone"], "src_participant_terminated", "dst_participant_terminated"),
                "to-dn": "801",
            }
        ),
    )
    yield (
        "uccx",
        pd.DataFrame(
            {
                "sessionID": c["id"],
                "startDateTime": c["start"],
                "endDateTime": c["end"],
                "contactDisposition": np.where(c["gone"], 1, 2),
                "queueTime": c["wait"],
                "talkTime": c["talk"],
                "holdTime": c["hold"],
                "workTime": c["wrap"],
                "csqName": c["queue"],
            }
        ),
    )
    yield (
        "aircall",
        pd.DataFrame(
            {
                "call_id": c["id"],
                "direction": "inbound",
                "started_at": c["start"],
                "ended_at": c["end"],
                "answered_at": np.where(c["gone"], "", answer.dt.strftime("%Y-%m-%d %H:%M:%S")),
                "user": c["agent"],
                "duration": (c["end"] - c["start"]).dt.total_seconds().astype(int),
            }
        ),
    )
    yield (
        "home-made",
        pd.DataFrame(
            {
                "call_id": c["id"],
                "agent_id": c["agent"],
                "start_time": c["start"],
                "duration_sec": busy,
                "wait_time_sec": c["wait"],
                "status": np.where(c["gone"], "abandoned", "completed"),
                "call_type": "billing",
            }
        ),
    )
    yield (
        "german",
        pd.DataFrame(
            {
                "Anruf-ID": c["id"],
                "Beginn": c["start"].dt.strftime("%d.%m.%Y %H:%M:%S"),
                "Warteschlange": c["queue"],
                "Agent": c["agent"],
                "Wartezeit": c["wait"].map(clock),
                "Gesprächszeit": busy.map(clock),
                "Ergebnis": np.where(c["gone"], "aufgelegt", "angenommen"),
            }
        ),
    )
    yield (
        "genesys interactions",
        pd.DataFrame(
            {
                "Conversation ID": c["id"],
                "Date": c["start"].dt.strftime("%m/%d/%Y %H:%M:%S"),
                "Media Type": "voice",
                "Direction": "Inbound",
                "Queue": c["queue"],
                "Users": c["agent"],
                "Abandoned": np.where(c["gone"], "YES", "NO"),
                "Total Queue": c["wait"] * 1000,
                "Total Talk": c["talk"] * 1000,
                "Total Hold": c["hold"] * 1000,
                "Total ACW": c["wrap"] * 1000,
            }
        ),
    )
