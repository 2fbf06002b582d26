"""Asterisk's queue_log to contacts and agents' time: events of a queue, seconds but for a ring without answer.

The events are those of the Asterisk documentation ("Queue Logs"): a call enters, is connected, completed, transferred,
abandoned, or leaves by a timeout or a key; agents are added and removed, log on and off, pause and go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..case_log.schema import TABLES
from ..errors import InputError
from ..readers.headerless import QUEUE_LOG_COLUMNS
from ..readers.timestamps import parse_times
from .columns import ImportReport
from .rows import is_in_span
from .spec import LoadedSource, SourceSpec

_ENDS = ("COMPLETEAGENT", "COMPLETECALLER", "BLINDTRANSFER", "ATTENDEDTRANSFER", "TRANSFER", "AGENTDUMP")
_LEFT = ("ABANDON", "EXITWITHTIMEOUT", "EXITWITHKEY", "EXITEMPTY", "SYSCOMPAT", "FULL", "JOINEMPTY")
_ON, _OFF = ("ADDMEMBER", "AGENTLOGIN", "AGENTCALLBACKLOGIN"), ("REMOVEMEMBER", "AGENTLOGOFF", "AGENTCALLBACKLOGOFF")
_PAUSE, _GO_ON = ("PAUSE", "PAUSEALL"), ("UNPAUSE", "UNPAUSEALL")
#: Position of the seconds in the parameters of an event that ends a call: wait and talk.
_SECONDS = {"COMPLETEAGENT": ("data1", "data2"), "COMPLETECALLER": ("data1", "data2")}


def read_queue_log(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read a queue_log, from its file or from its table.

    Raises
    ------
    InputError
        If a column is missing, or no call entered a queue.

    Examples
    --------
    >>> lines = ["1000|c1|q|NONE|ENTERQUEUE||5551|1", "1012|c1|q|SIP/7|CONNECT|12|c1|3",
    ...          "1112|c1|q|SIP/7|COMPLETECALLER|12|100|1", "1020|c2|q|NONE|ENTERQUEUE||5552|1", "1050|c2|q|NONE|ABANDON|1|1|30"]
    >>> cells = [(l.split("|") + [""] * 10)[:10] for l in lines]
    >>> rows = pd.DataFrame(cells, columns=list(QUEUE_LOG_COLUMNS)).assign(time=lambda t: (t["time"].astype(int) + 1.7e9).astype(str))
    >>> contacts = read_queue_log(SourceSpec("contacts", "queue_log", kind="queue_log"), rows).tables["contacts"]
    >>> contacts["outcome"].tolist(), (contacts["ended_at"] - contacts["queued_at"]).dt.total_seconds().tolist()
    (['answered', 'abandoned'], [112.0, 30.0])
    """  # noqa: E501 - the example needs its lines
    where = Path(spec.path).name
    for name in QUEUE_LOG_COLUMNS[:5]:
        if name not in frame:
            raise InputError("missing column of a queue_log", where=where, column=name, code="column.missing")
    ledger = ImportReport("contacts", where, len(frame))
    times = parse_times(frame["time"].astype("str"), spec.timezone)
    ledger.reject(times.bad, "time", frame["time"].astype("str"), "the time cannot be read", code="time.unreadable")
    events = frame.assign(at=times.instants, event=frame["event"].str.strip().str.upper())[ledger.accepted]
    events = events[events["at"].notna()]
    calls = _calls(events, ledger)
    if calls.empty:
        raise InputError(
            "missing calls: none entered a queue", where=where, column="event", wanted="ENTERQUEUE", code="rows.none"
        )
    tables = {"contacts": calls[is_in_span(spec, calls["queued_at"], ledger, "calls")].reset_index(drop=True)}
    spells = _agent_time(events)
    if len(spells):
        tables["agent_time"] = spells
    return LoadedSource(tables, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _calls(events: pd.DataFrame, ledger: ImportReport) -> pd.DataFrame:
    """Make a contact of each entry into a queue; a call that goes to a second queue is a contact there too."""
    own = events[~events["callid"].isin(["", "NONE", "REALTIME", "MANAGER"])].sort_values("at", kind="stable")
    entry = own["event"] == "ENTERQUEUE"
    visit = entry.groupby([own["callid"], own["queuename"]]).cumsum()
    own = own.assign(visit=visit)
    stray = int((visit == 0).sum())
    if stray:
        ledger.add_note(
            f"{stray:,} events are of calls whose entry into the queue lies before the file; they are left out"
        )
    keys = ["callid", "queuename", "visit"]
    own = own[own["visit"] > 0]
    calls = own[own["event"] == "ENTERQUEUE"].set_index(keys)[["at"]].rename(columns={"at": "queued_at"})
    connect = own[own["event"] == "CONNECT"].groupby(keys).first()
    done = own[own["event"].isin(_ENDS)].groupby(keys).last()
    left = own[own["event"].isin(_LEFT)].groupby(keys).last()
    calls["answered_at"] = connect["at"].reindex(calls.index)
    calls["ended_at"] = done["at"].reindex(calls.index).fillna(left["at"].reindex(calls.index))
    calls["agent_id"] = connect["agent"].reindex(calls.index)
    answered, gone = calls["answered_at"].notna(), left["at"].reindex(calls.index).notna()
    calls["outcome"] = (
        pd.Series(pd.NA, index=calls.index, dtype="str").mask(gone, "abandoned").mask(answered, "answered")
    )
    other = left[left["event"] != "ABANDON"]["event"].value_counts()
    if len(other):
        said = ", ".join(f"{n:,} {word}" for word, n in other.items())
        ledger.add_note(f"calls that left the queue otherwise count as abandoned: {said}")
    out = calls.reset_index()
    again = out["callid"].duplicated(keep=False)
    number = out.groupby("callid").cumcount().add(1).astype("str")
    out["contact_id"] = out["callid"].astype("str").where(~again, out["callid"].astype("str") + "-" + number)
    out = out.assign(channel="phone", team=out["queuename"])
    names = [n for n in TABLES["contacts"].names if n in out]
    return out[names].astype({"channel": "str", "team": "str"}).sort_values("contact_id", ignore_index=True)


def _agent_time(events: pd.DataFrame) -> pd.DataFrame:
    """Make stretches of agents' time: handling calls, in a break, and available while logged on."""
    spells: list[dict[str, Any]] = []
    state: dict[str, str] = {}
    since: dict[str, pd.Timestamp] = {}

    def change(agent: str, new: str, at: pd.Timestamp) -> None:
        old = state.get(agent, "")
        if old and at > since[agent]:
            spells.append({"agent_id": agent, "start": since[agent], "end": at, "state": old})
        state[agent], since[agent] = new, at

    ordered = events.sort_values("at", kind="stable")
    for agent, event, at in zip(ordered["agent"], ordered["event"], ordered["at"], strict=True):
        if agent in ("", "NONE"):
            continue
        if event in _ON or event in _GO_ON:
            change(agent, "available", at)
        elif event in _PAUSE:
            change(agent, "break", at)
        elif event in _OFF:
            change(agent, "", at)
        elif event == "CONNECT" and state.get(agent):
            change(agent, "handling", at)
        elif event in _ENDS and state.get(agent) == "handling":
            change(agent, "available", at)
    return pd.DataFrame(spells, columns=["agent_id", "start", "end", "state"]).astype(
        {"agent_id": "str", "state": "str"}
    )
