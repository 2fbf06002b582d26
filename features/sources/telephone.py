"""The call-by-call log of a telephone switch to contacts.

The form is that of the log "Anonymous Bank" (I. Guedj and A. Mandelbaum, Technion: "Call Center Data", the columns
``vru_entry`` to ``server``): one row a call with the clock times at which it entered the voice response unit, the
queue and the service, on one date. A clock time of 0:00:00 means "does not apply". Other call logs are read by the free
column map of the table ``contacts``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from ..readers.timestamps import parse_times
from .columns import ImportReport, cast_columns
from .rows import is_in_span, read_column_text
from .spec import LoadedSource, SourceSpec

#: Role -> column of the log.
CALL_LOG_COLUMNS = {
    "line": "vru_line", "contact_id": "call_id", "team": "type", "date": "date", "vru_entry": "vru_entry",
    "vru_exit": "vru_exit",
    "q_start": "q_start", "q_exit": "q_exit", "q_time": "q_time", "outcome": "outcome", "ser_start": "ser_start",
    "ser_exit": "ser_exit", "agent_id": "server",
}  # fmt: skip
_CLOCK_COLUMNS = ("vru_entry", "vru_exit", "q_start", "q_exit", "ser_start", "ser_exit")
#: What the log calls the end of a call -> what it is here; a phantom is a fault of the recording and no call.
CALL_OUTCOMES = {"AGENT": "answered", "HANG": "abandoned"}
PHANTOM_OUTCOME = "PHANTOM"
NO_AGENT_VALUES = ("NO_SERVER", "NOSERVER")
#: A clock reading this much earlier than the one before it belongs to the next day; less is a fault of a clock.
_MIN_NEXT_DAY_GAP = pd.Timedelta("12h")


def read_calls(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read a call-by-call log: each call with its wait, its service and how it ended.

    A call that did not wait is queued at the start of its service, or, where nobody served it, at the exit of the voice
    response unit. A served call was answered when it left the queue.

    Raises
    ------
    InputError
        If a column is missing, or no row can be used.

    Examples
    --------
    >>> call = {"call_id": "1", "date": "1999-02-01", "vru_entry": "8:19:42", "vru_exit": "8:19:47",
    ...         "q_start": "8:19:47", "q_exit": "8:20:21", "q_time": "34", "outcome": "AGENT", "ser_start": "8:20:20",
    ...         "ser_exit": "8:22:04"}
    >>> loaded = read_calls(SourceSpec("contacts", "calls.csv", kind="telephone"), pd.DataFrame([call]))
    >>> contact = loaded.tables["contacts"].iloc[0]
    >>> contact["outcome"], (contact["answered_at"] - contact["queued_at"]).total_seconds()
    ('answered', 34.0)
    """
    where = Path(spec.path).name
    found = {role: spec.columns.get(role, name) for role, name in CALL_LOG_COLUMNS.items()}
    for role, column in found.items():
        if column not in frame and role not in ("line", "team", "agent_id"):
            raise InputError(
                "missing column of a call log",
                where=where,
                column=column,
                hint=f"columns = {{ {role} = ... }}",
                code="column.missing",
            )
    found = {r: c for r, c in found.items() if c in frame}
    ledger = ImportReport("contacts", where, len(frame))
    kinds = dict.fromkeys(found, "text") | {"q_time": "number", "contact_id": "id"}
    rows = cast_columns(spec, frame, found, kinds, ("contact_id", "date", "outcome"), ledger)
    if "line" in rows:  # each line counts its calls for itself
        rows["contact_id"] = rows["line"] + "-" + rows["contact_id"]
    outcome = rows["outcome"].str.upper()
    phantom = (outcome == PHANTOM_OUTCOME).to_numpy()
    ledger.reject(
        phantom, found["outcome"], rows["outcome"], "a phantom call, which the log says to leave out", code="row.other"
    )
    strange = ~outcome.isin(list(CALL_OUTCOMES)).to_numpy()
    ledger.reject(
        strange,
        found["outcome"],
        rows["outcome"],
        f"unknown outcome; known: {', '.join(CALL_OUTCOMES)}",
        code="value.unknown",
    )
    out = _calls(spec, rows, found, outcome, ledger)
    twice = out["contact_id"].where(ledger.accepted).duplicated().to_numpy() & ledger.accepted
    if twice.any():
        ledger.add_note(
            f"{int(twice.sum()):,} call numbers come more than once; the row was added to the number of each call"
        )
        again = pd.Series(range(1, len(out) + 1), index=out.index).astype("str")
        out["contact_id"] = out["contact_id"].mask(
            out["contact_id"].duplicated(keep=False), out["contact_id"] + "-" + again
        )
    ledger.check_rows_left()
    inside = ledger.accepted & is_in_span(spec, out["queued_at"].where(ledger.accepted), ledger, "calls")
    contacts = out[inside].sort_values("contact_id", kind="stable", ignore_index=True)
    return LoadedSource({"contacts": contacts}, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _calls(
    spec: SourceSpec, rows: pd.DataFrame, found: dict[str, str], outcome: Any, ledger: ImportReport
) -> pd.DataFrame:
    at = {role: _clock(spec, rows, role, ledger, found[role]) for role in _CLOCK_COLUMNS}
    waited = rows["q_time"].fillna(0) > 0
    served = outcome == "AGENT"
    entry = at["vru_exit"].fillna(at["vru_entry"])
    queued = at["q_start"].where(waited, at["ser_start"].where(served).fillna(entry))
    left = at["q_exit"].where(waited, queued)
    lost = (queued.isna() | (waited & left.isna())).to_numpy() & ledger.accepted
    ledger.reject(
        lost, found["q_start"], rows["q_start"], "nothing says when the call came to the queue", code="time.missing"
    )
    back = (left < queued).to_numpy() | (served & (at["ser_exit"] < left)).to_numpy()
    ledger.reject(
        back, found["q_exit"], rows["q_exit"], "the clock ran backwards: it ended before it began", code="time.order"
    )
    agent = rows["agent_id"].mask(rows["agent_id"].isin(NO_AGENT_VALUES)) if "agent_id" in rows else pd.NA
    contacts = pd.DataFrame(
        {
            "contact_id": rows["contact_id"], "channel": "phone", "queued_at": queued,
            "answered_at": left.where(served), "ended_at": at["ser_exit"].where(served, left),
            "outcome": outcome.map(CALL_OUTCOMES).astype("str"),
            "agent_id": agent, "team": rows.get("team", pd.NA),
        },
        index=rows.index,
    )  # fmt: skip
    return contacts.astype({"channel": "str", "agent_id": "str", "team": "str"}).where(contacts.notna())


def _clock(spec: SourceSpec, rows: pd.DataFrame, role: str, ledger: ImportReport, column: str) -> pd.Series[Any]:
    """Put a clock time on the date of its call, or on the next day where the call went over midnight."""
    text = rows[role]
    there = text.notna() & ~text.isin(["0:00:00", "00:00:00", "0:00", "0"])
    joined = (rows["date"] + " " + text).where(there)
    if not there.any():
        return pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    times = parse_times(joined, spec.timezone, date_format=spec.date_format, ignore_offset=spec.ignore_offset)
    ledger.reject(
        times.bad, column, read_column_text(spec, rows, role), "the time cannot be read", code="time.unreadable"
    )
    if role == "vru_entry":
        return times.instants
    start = parse_times(
        (rows["date"] + " " + rows["vru_entry"]).where(rows["vru_entry"].notna()), spec.timezone
    ).instants
    next_day = (start - times.instants) > _MIN_NEXT_DAY_GAP
    return times.instants.mask(next_day, times.instants + pd.Timedelta("1D"))
