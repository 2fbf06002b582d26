"""The same calls in the forms of many telephone systems: what is read has the figures that were written."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec


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


def read(text, folder, name="calls.csv"):
    file = folder / name
    file.write_text(text)
    seen = recognise(file)
    return seen, load_source(seen.spec())


@pytest.mark.parametrize("form", FORMS, ids=[f.__name__ for f in FORMS])
def test_each_form_gives_the_calls_that_it_was_written_from(form, tmp_path):
    c = truth()
    seen, loaded = read(form(c), tmp_path)
    rows = loaded.tables["contacts"].set_index("contact_id")
    assert seen.table == "contacts"
    assert len(rows) == len(c)
    assert (rows["outcome"] == "abandoned").sum() == c["gone"].sum()
    answered = rows[rows["outcome"] == "answered"]
    wait = (answered["answered_at"] - answered["queued_at"]).dt.total_seconds()
    assert wait.sum() == pytest.approx(c.loc[~c["gone"], "wait"].sum(), abs=0.01)
    spent = (answered["ended_at"] - answered["answered_at"]).dt.total_seconds()
    assert spent.sum() == pytest.approx((c["talk"] + c["hold"]).sum(), abs=0.01)
    lost = rows[rows["outcome"] == "abandoned"]
    given_up = (lost["ended_at"] - lost["queued_at"]).dt.total_seconds()
    assert given_up.sum() == pytest.approx(c.loc[c["gone"], "wait"].sum(), abs=0.01)
    assert rows["queued_at"].min() == c["start"].min().tz_localize("UTC")
    if "wrap_s" in rows:
        assert rows.loc[answered.index, "wrap_s"].sum() == c["wrap"].sum()


def test_twilio_has_no_wait_and_says_so(tmp_path):
    c = truth()
    calls = pd.DataFrame(
        {
            "sid": "CA" + c["id"],
            "parent_call_sid": "",
            "from": "+1",
            "to": "+2",
            "direction": "inbound",
            "status": np.where(c["gone"], "no-answer", "completed"),
            "start_time": c["start"],
            "end_time": c["end"],
            "duration": (c["end"] - c["start"]).dt.total_seconds().astype(int),
        }
    )
    child = calls.head(8).assign(parent_call_sid="CA7000", sid=[f"CB{i}" for i in range(8)])
    _, loaded = read(pd.concat([calls, child]).to_csv(index=False), tmp_path)
    rows = loaded.tables["contacts"]
    assert len(rows) == len(c)
    assert "answered_at" not in rows
    assert any("how long they waited" in note for note in loaded.notes)
    assert any("8 of 128 rows are legs" in note for note in loaded.notes)


def test_legs_of_a_call_are_one_contact(tmp_path):
    """Asterisk's cdr: a row for each agent that rang, one linkedid."""
    rows = []
    for i in range(30):
        start = pd.Timestamp("2024-03-04 09:00") + pd.Timedelta(minutes=17 * i)
        common = {"src": "555", "dst": "200", "dcontext": "queue", "linkedid": f"L{i}"}
        rows.append(
            {
                "calldate": start,
                **common,
                "duration": 20,
                "billsec": 0,
                "disposition": "NO ANSWER",
                "uniqueid": f"{i}.1",
                "dstchannel": "SIP/a",
            }
        )
        rows.append(
            {
                "calldate": start,
                **common,
                "duration": 120,
                "billsec": 100,
                "disposition": "ANSWERED",
                "uniqueid": f"{i}.2",
                "dstchannel": "SIP/b",
            }
        )
    _, loaded = read(pd.DataFrame(rows).to_csv(index=False), tmp_path)
    contacts = loaded.tables["contacts"]
    assert len(contacts) == 30
    assert contacts["outcome"].eq("answered").all()
    assert (contacts["answered_at"] - contacts["queued_at"]).dt.total_seconds().eq(20).all()
    assert (contacts["ended_at"] - contacts["answered_at"]).dt.total_seconds().eq(100).all()
    assert contacts["agent_id"].eq("SIP/b").all()


def test_minutes_or_seconds_is_asked_and_either_line_works(tmp_path):
    c = truth()
    calls = pd.DataFrame(
        {
            "call_id": c["id"],
            "agent": c["agent"],
            "start": c["start"],
            "wait": (c["wait"] / 60).round(2),
            "talk": (c["talk"] / 60).round(2),
        }
    )
    (tmp_path / "c.csv").write_text(calls.to_csv(index=False))
    with pytest.raises(InputError, match="unit") as refused:
        recognise(tmp_path / "c.csv")
    assert 'units = { "wait" = "min"' in str(refused.value)
    columns = {"contact_id": "call_id", "queued_at": "start", "wait_s": "wait", "talk_s": "talk", "agent_id": "agent"}
    spec = SourceSpec("contacts", str(tmp_path / "c.csv"), columns=columns, units={"wait": "min", "talk": "min"})
    rows = load_source(spec).tables["contacts"]
    spent = (rows["ended_at"] - rows["answered_at"]).dt.total_seconds().sum()
    assert spent == pytest.approx(c["talk"].sum(), rel=0.01)


def test_doubled_rows_are_refused_and_unknown_outcomes_named(tmp_path):
    c = truth()
    text = plain(c)
    lines = text.splitlines()
    _, loaded = read("\n".join([*lines, *lines[1:13]]), tmp_path)
    assert len(loaded.tables["contacts"]) == len(c)
    assert loaded.rejected["reason"].str.contains("came before").sum() == 12
    spec = SourceSpec(
        "contacts",
        str(tmp_path / "calls.csv"),
        columns={"queued_at": "Start Time", "outcome": "Queue", "wait_s": "Wait Time (s)"},
    )
    with pytest.raises(InputError, match="not one outcome is known"):
        load_source(spec)


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


@pytest.mark.parametrize(("name", "calls"), list(more_forms(truth())), ids=[n for n, _ in more_forms(truth())])
def test_further_forms_give_waits_and_talks(name, calls, tmp_path):
    c = truth()
    _, loaded = read(calls.to_csv(index=False, sep=";" if name == "german" else ","), tmp_path)
    rows = loaded.tables["contacts"]
    answered = rows[rows["outcome"] == "answered"]
    assert len(rows) == len(c)
    assert len(answered) == (~c["gone"]).sum()
    assert (answered["answered_at"] - answered["queued_at"]).dt.total_seconds().sum() == c.loc[~c["gone"], "wait"].sum()
    assert (answered["ended_at"] - answered["answered_at"]).dt.total_seconds().sum() == (c["talk"] + c["hold"]).sum()


def test_a_queue_log_gives_the_time_of_agents(tmp_path):
    start = 1709280000
    lines = [
        f"{start}|NONE|support|SIP/ann|ADDMEMBER|",
        f"{start + 600}|c1|support|NONE|ENTERQUEUE||555|1",
        f"{start + 610}|c1|support|SIP/ann|CONNECT|10|c1|3",
        f"{start + 910}|c1|support|SIP/ann|COMPLETEAGENT|10|300|1",
        f"{start + 1800}|NONE|support|SIP/ann|PAUSE|lunch",
        f"{start + 3600}|NONE|support|SIP/ann|UNPAUSE|",
        f"{start + 4000}|c2|support|NONE|ENTERQUEUE||556|1",
        f"{start + 4060}|c2|support|NONE|EXITWITHTIMEOUT|1|1|60",
        f"{start + 7200}|NONE|support|SIP/ann|REMOVEMEMBER|",
    ]
    seen, loaded = read("\n".join(lines), tmp_path, "queue_log")
    assert seen.kind == "queue_log"
    spent = loaded.tables["agent_time"].assign(s=lambda t: (t["end"] - t["start"]).dt.total_seconds())
    assert spent.groupby("state")["s"].sum().to_dict() == {"available": 5100.0, "break": 1800.0, "handling": 300.0}
    assert loaded.tables["contacts"]["outcome"].tolist() == ["answered", "abandoned"]
    assert any("1 EXITWITHTIMEOUT" in note for note in loaded.notes)
