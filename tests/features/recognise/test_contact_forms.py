"""The same calls in the forms of many telephone systems: what is read has the figures that were written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contact_forms import FORMS, more_forms, plain, truth
from deskcast.features import InputError
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec


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
    assert loaded.rejected["reason"].str.contains("duplicate contact").sum() == 12
    spec = SourceSpec(
        "contacts",
        str(tmp_path / "calls.csv"),
        columns={"queued_at": "Start Time", "outcome": "Queue", "wait_s": "Wait Time (s)"},
    )
    with pytest.raises(InputError, match="unknown outcome in every row"):
        load_source(spec)


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
