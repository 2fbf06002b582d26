"""Records of calls and chats to contacts: a start and durations, or the times of queue, answer and end.

A contact is queued at its start; it is answered after its wait, and ends after talk and hold. Only what came to a queue
is demand: outbound calls, legs of a call and earlier versions of a record are left out and counted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.schema import TABLES
from ..errors import InputError, did_you_mean
from .amounts import check_units, read_seconds
from .columns import ImportReport, Mask, cast_columns, choose_columns
from .contact_words import CONTACT_OUTCOMES, FAILED, OUTBOUND, classify_direction, classify_outcome
from .rows import is_in_span
from .spec import LoadedSource, SourceSpec

#: Durations that a record may have: the wait in the queue, the ringing, the talk, the time on hold, the work after it,
#: all three of these together, from start to end, and the wait of those who gave up.
CONTACT_TIMES = ("wait_s", "ring_s", "talk_s", "hold_s", "wrap_s", "handle_s", "total_s", "abandon_s")
#: Further columns: the id that the legs of one call share, that of the call a leg belongs to, when a record was
#: written, the direction, and marks of yes and no.
CONTACT_MARKS = {
    "group_id": "id", "parent_id": "id", "updated_at": "instant", "direction": "text", "answered": "text",
    "abandoned": "text",
}  # fmt: skip
CONTACT_KINDS = {
    **{c.name: str(c.kind) for c in TABLES["contacts"].columns}, **CONTACT_MARKS,
    **dict.fromkeys(CONTACT_TIMES, "seconds"),
}  # fmt: skip
_YES = ("true", "1", "yes", "y", "t", "1.0", "ja", "oui", "si", "sim", "x")


def is_contact_record(names: Any) -> bool:
    """Return whether mapped names say more than the canonical table has: durations, legs or a direction.

    >>> is_contact_record(["contact_id", "talk_s"]), is_contact_record(["contact_id", "ended_at", "hold_s"])
    (True, False)
    """
    own = set(TABLES["contacts"].names)
    return bool({str(n) for n in names} & (set(CONTACT_KINDS) - own)) or "contact_id" not in names


def read_contacts(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read records of contacts.

    ``spec.kinds`` says what an outcome means, such as ``"NO ANSWER" = "abandoned"``, where its word does not tell.

    Raises
    ------
    InputError
        If a column is missing, an outcome is unknown, or no row can be used.

    Examples
    --------
    >>> frame = pd.DataFrame({"Start": ["2024-03-01 09:00:00", "2024-03-01 09:05:00"], "Wait": ["15", "40"],
    ...                       "Talk": ["2:00", "0:00"], "Result": ["ANSWERED", "ABANDONED"]})
    >>> columns = {"queued_at": "Start", "wait_s": "Wait", "talk_s": "Talk", "outcome": "Result"}
    >>> rows = read_contacts(SourceSpec("contacts", "calls.csv", columns=columns), frame).tables["contacts"]
    >>> rows["outcome"].tolist(), (rows["ended_at"] - rows["queued_at"]).dt.total_seconds().tolist()
    (['answered', 'abandoned'], [135.0, 40.0])
    """
    found = choose_columns(spec, frame, CONTACT_KINDS, ("queued_at",))
    ledger = ImportReport("contacts", Path(spec.path).name, len(frame))
    check_units(spec, found.values(), ledger.where)
    plain = {r: c for r, c in found.items() if r not in CONTACT_TIMES}
    rows = cast_columns(spec, frame, plain, CONTACT_KINDS, ("queued_at",), ledger)
    for role in (r for r in found if r in CONTACT_TIMES):
        rows[role] = read_seconds(spec, frame, found[role], ledger)
    meaning = _outcomes(spec, rows, found, ledger)
    outbound = _keep_demand(rows, meaning, found, ledger) & _first_of_each(rows)
    _keep_newest(rows, found, ledger)
    rows["outcome"] = _decide_outcome(rows, meaning)
    rows = _place_times(rows, ledger, found)
    back = (rows["answered_at"] < rows["queued_at"]) | (
        rows["ended_at"] < rows["answered_at"].fillna(rows["queued_at"])
    )
    ledger.reject_times(
        back.to_numpy(dtype=bool),
        found["queued_at"],
        rows["queued_at"],
        "the clock ran backwards: it ended before it began",
        code="time.order",
    )
    if "group_id" in rows:
        rows = _join_legs(rows, ledger)
    rows = _named(rows, found, ledger)
    ledger.check_rows_left()
    inside = ledger.accepted & is_in_span(spec, rows["queued_at"].where(ledger.accepted), ledger, "contacts")
    out = rows[inside]
    names = [n for n in TABLES["contacts"].names if n in out and (n == "contact_id" or out[n].notna().any())]
    contacts = out[names].sort_values("contact_id", kind="stable", ignore_index=True)
    tables = {"contacts": contacts} | _outbound_table(spec, rows[outbound & ~back.to_numpy(dtype=bool)])
    return LoadedSource(tables, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _first_of_each(rows: pd.DataFrame) -> Mask:
    """Return the rows whose contact has not come before; those without an id are contacts of their own."""
    if "contact_id" not in rows:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(rows["contact_id"].isna() | ~rows["contact_id"].duplicated(), dtype=bool)


def _outbound_table(spec: SourceSpec, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what the desk itself began as a table of its own: it is no demand, but it is contact."""
    rows = rows[rows["queued_at"].notna()]
    if rows.empty:
        return {}
    inside = is_in_span(spec, rows["queued_at"], ImportReport("outbound_contacts", spec.path, len(rows)), "contacts")
    names = [n for n in TABLES["outbound_contacts"].names if n in rows and rows[n].notna().any()]
    out = rows.loc[inside, names]
    if "contact_id" not in out:
        out.insert(0, "contact_id", [f"outbound-{row}" for row in out.index])
    return {"outbound_contacts": out.sort_values("contact_id", kind="stable", ignore_index=True)}


def _outcomes(spec: SourceSpec, rows: pd.DataFrame, found: dict[str, str], ledger: ImportReport) -> pd.Series[Any]:
    """Return what the outcome of each row means; a word that is not known refuses its row."""
    if "outcome" not in rows:
        return pd.Series(pd.NA, index=rows.index, dtype="str")
    for value, kind in spec.kinds.items():
        if kind not in CONTACT_OUTCOMES:
            hint = did_you_mean(kind, CONTACT_OUTCOMES)
            raise InputError(
                "unknown outcome",
                where=f"kinds of {ledger.where}",
                column=value,
                got=kind,
                hint=hint,
                code="value.unknown",
            )
    words = rows["outcome"].dropna().unique()
    known = {w: spec.kinds.get(w) or classify_outcome(w) for w in words}
    meaning = rows["outcome"].map({w: k for w, k in known.items() if k})
    strange = (rows["outcome"].notna() & meaning.isna()).to_numpy(dtype=bool)
    if strange.any() and strange.sum() == rows["outcome"].notna().sum():
        raise InputError(
            "unknown outcome in every row", where=ledger.where, column=found["outcome"], got=str(words[0]),
            wanted=", ".join(CONTACT_OUTCOMES), hint=f"say it in the source: kinds = {{ \"{words[0]}\" = 'answered' }}",
            code="value.unreadable",
        )  # fmt: skip
    ledger.reject(
        strange,
        found["outcome"],
        rows["outcome"],
        f"unknown outcome; say in kinds which of {', '.join(CONTACT_OUTCOMES)} it is",
        code="value.unknown",
    )
    return meaning


def _keep_demand(rows: pd.DataFrame, meaning: pd.Series[Any], found: dict[str, str], ledger: ImportReport) -> Mask:
    """Leave out what did not come to a queue of the desk, say how much that is, and return what the desk began."""
    out = (meaning == OUTBOUND).to_numpy(dtype=bool)
    if "direction" in rows:
        ways = {w: classify_direction(w) for w in rows["direction"].dropna().unique()}
        out = out | (rows["direction"].map(ways) == "outbound").to_numpy(dtype=bool)
    began = out & ledger.accepted
    _leave_out(out, "are outbound or internal and no demand", ledger)
    _leave_out((meaning == FAILED).to_numpy(dtype=bool), "never reached a queue (busy or failed)", ledger)
    if "parent_id" in rows:
        legs = rows["parent_id"].notna().to_numpy()
        _leave_out(legs, f"are legs of another call ('{found['parent_id']}')", ledger)
        began = began & ~legs
    return began


def _leave_out(mask: Mask, why: str, ledger: ImportReport) -> None:
    gone = mask & ledger.accepted
    if gone.any():
        ledger.accepted = ledger.accepted & ~gone
        ledger.add_note(f"{int(gone.sum()):,} of {ledger.size:,} rows {why}; they are left out")


def _keep_newest(rows: pd.DataFrame, found: dict[str, str], ledger: ImportReport) -> None:
    """Of several versions of a record keep the newest; of plain doubles the first."""
    if "contact_id" not in rows or "group_id" in rows:
        return
    if "updated_at" in rows:
        order = rows["updated_at"].where(ledger.accepted).sort_values(kind="stable", na_position="first").index
        older = rows.loc[order, "contact_id"].duplicated(keep="last").reindex(rows.index).to_numpy()
        _leave_out(older & rows["contact_id"].notna().to_numpy(), "are earlier versions of a record", ledger)
    twice = rows["contact_id"].where(ledger.accepted).duplicated().to_numpy() & rows["contact_id"].notna().to_numpy()
    shown = rows["contact_id"]
    ledger.reject(
        twice & ledger.accepted,
        found["contact_id"],
        shown,
        "duplicate contact; the first row is kept",
        code="row.doubled",
    )


def _decide_outcome(rows: pd.DataFrame, meaning: pd.Series[Any]) -> pd.Series[Any]:
    """Return whether each contact was answered: as the file says, else by its answer, its talk, or its agent."""
    out = meaning.where(meaning.isin(["answered", "abandoned", "callback"]))
    if "abandoned" in rows:
        gone = rows["abandoned"].str.strip().str.lower().isin(_YES)
        out = out.fillna(gone.map({True: "abandoned", False: "answered"}).where(rows["abandoned"].notna()))
    if "answered" in rows:
        yes = rows["answered"].str.strip().str.lower().isin(_YES)
        out = out.fillna(yes.map({True: "answered", False: "abandoned"}).where(rows["answered"].notna()))
    if out.notna().any():
        if "answered_at" in rows and rows["answered_at"].notna().mean() > 0.2:
            out = out.mask((out == "answered") & rows["answered_at"].isna(), "abandoned")
        return out.astype("str").where(out.notna())
    for role in ("answered_at", "talk_s", "handle_s", "agent_id"):
        if role in rows:
            there = rows[role] > 0 if role.endswith("_s") else rows[role].notna()
            return there.map({True: "answered", False: "abandoned"}).astype("str")
    return out.astype("str").where(out.notna())


def _place_times(rows: pd.DataFrame, ledger: ImportReport, found: dict[str, str]) -> pd.DataFrame:
    """Return the rows with the instants of answer and end."""
    out = rows.copy()
    answered = (rows["outcome"] == "answered").fillna(False)
    total = rows.get("total_s")
    if total is None and "ended_at" in rows:
        total = (rows["ended_at"] - rows["queued_at"]).dt.total_seconds()
    if total is not None and _is_talk_alone(rows, total):
        ledger.add_note(f"'{found['total_s']}' is often shorter than the wait, so it is the talk without it")
        rows, total = rows.assign(talk_s=total), None
    talk, held = _talk(rows, total, answered, ledger, found)
    wait = _wait(rows, total, talk + held if talk is not None else None, answered)
    nothing = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    if "answered_at" in rows:
        out["answered_at"] = rows["answered_at"].where(answered)
    else:
        out["answered_at"] = (rows["queued_at"] + _span(wait)).where(answered) if wait is not None else nothing
        if wait is None:
            ledger.add_note("nothing tells how long they waited: service level and answer time cannot be had")
    ended = rows.get("ended_at", nothing)
    if talk is not None:
        ended = (out["answered_at"] + _span(talk + held)).where(talk.notna() & answered, ended)
    elif "handle_s" in rows:
        ended = (out["answered_at"] + _span(rows["handle_s"])).where(answered, ended)
    if total is not None:
        ended = ended.fillna(rows["queued_at"] + _span(total))
    lost = rows["queued_at"] + _span(wait) if wait is not None else nothing
    out["ended_at"] = ended.where(answered | ended.notna(), lost).fillna(lost.where(~answered))
    if wait is not None and "ended_at" not in rows:
        out["ended_at"] = out["ended_at"].where(answered, lost)
    return out


def _is_talk_alone(rows: pd.DataFrame, total: pd.Series[Any]) -> bool:
    """Return whether a duration does not hold the wait: contacts that waited longer than it show that."""
    if "wait_s" not in rows or {"talk_s", "ended_at"} & set(rows):
        return False
    return bool(((total < rows["wait_s"]) & (rows["wait_s"] > 0)).mean() > 0.01)


def _talk(
    rows: pd.DataFrame,
    total: pd.Series[Any] | None,
    answered: pd.Series[Any],
    ledger: ImportReport,
    found: dict[str, str],
) -> tuple[pd.Series[Any] | None, Any]:
    """Return the talk and what hold adds to it: nothing where start to end shows that talk has it already."""
    if "talk_s" not in rows:
        return None, 0.0
    talk = rows["talk_s"]
    if "hold_s" not in rows or not (rows["hold_s"] > 0).any():
        return talk, 0.0
    held = rows["hold_s"].fillna(0.0)
    if total is not None and "wait_s" in rows:
        some = answered & (held > 0) & total.notna()
        rest = (total - talk - rows["wait_s"].fillna(0.0))[some]
        if len(rest) and float(rest.abs().median()) < float((rest - held[some]).abs().median()):
            ledger.add_note(f"'{found.get('talk_s', 'talk')}' holds the time on hold already, as start and end show")
            return talk, 0.0
    return talk, held


def _wait(
    rows: pd.DataFrame, total: pd.Series[Any] | None, busy: pd.Series[Any] | None, answered: pd.Series[Any]
) -> pd.Series[Any] | None:
    """Return how long each contact waited: as told, else what is left of start to end."""
    if "wait_s" in rows:
        wait = rows["wait_s"]
    elif total is not None and busy is not None and "ring_s" not in rows:
        wait = (total - busy).clip(lower=0).where(answered, total)
    elif "ring_s" in rows:
        wait = rows["ring_s"]
    elif "abandon_s" in rows and "answered_at" in rows:
        wait = (rows["answered_at"] - rows["queued_at"]).dt.total_seconds()
    else:
        return None
    if "abandon_s" in rows:
        wait = wait.where(answered | ~(rows["abandon_s"] > 0), rows["abandon_s"])
    return wait


def _span(seconds: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_timedelta((seconds * 1e6).round(), unit="us")


def _join_legs(rows: pd.DataFrame, ledger: ImportReport) -> pd.DataFrame:
    """Make one contact of the legs of a call: it came with the first, was answered at the first answer, ended last."""
    group = rows["group_id"].fillna(rows.get("contact_id", pd.Series(rows.index.astype("str"), index=rows.index)))
    good = rows[ledger.accepted].assign(**{"(call)": group[ledger.accepted]})
    by = good.sort_values("queued_at", kind="stable").groupby("(call)", sort=False)
    first = by.head(1).index
    answered = (
        good[good["outcome"] == "answered"].sort_values("answered_at", kind="stable").groupby("(call)", sort=False)
    )
    out = rows.copy()
    calls = group.loc[first]
    for name, values in (("answered_at", answered["answered_at"].min()), ("ended_at", by["ended_at"].max())):
        out.loc[first, name] = calls.map(values).to_numpy()
    for name in ("agent_id", "team"):
        if name in out:
            told = answered[name].first().reindex(by[name].first().index).fillna(by[name].first())
            out.loc[first, name] = calls.map(told).to_numpy()
    for name in ("hold_s", "wrap_s"):
        if name in out:
            out.loc[first, name] = calls.map(by[name].sum(min_count=1)).to_numpy()
    some = calls.isin(answered["answered_at"].min().index).to_numpy()
    out.loc[first, "outcome"] = np.where(some, "answered", out.loc[first, "outcome"])
    out["contact_id"] = group.astype("str")
    legs = np.ones(len(rows), dtype=bool)
    legs[rows.index.get_indexer(first)] = False
    _leave_out(legs, "are further legs of a call, which is one contact", ledger)
    return out


def _named(rows: pd.DataFrame, found: dict[str, str], ledger: ImportReport) -> pd.DataFrame:
    """Give contacts an id and a channel where the file has none."""
    out = rows.copy()
    if "contact_id" not in out:
        width = len(str(len(out)))
        out["contact_id"] = pd.Series([f"{i:0{width}d}" for i in range(1, len(out) + 1)], index=out.index, dtype="str")
        ledger.add_note("there is no column of contact ids: each row is a contact, numbered as in the file")
    elif "group_id" not in rows:
        ledger.reject(
            out["contact_id"].isna().to_numpy(),
            found["contact_id"],
            out["contact_id"],
            "missing id",
            code="value.missing",
        )
    if "channel" not in out:
        out["channel"] = pd.Series("phone", index=out.index, dtype="str")
    else:
        lower = out["channel"].str.strip().str.lower()
        out["channel"] = lower.replace({"voice": "phone", "call": "phone", "telephone": "phone"})
    return out
