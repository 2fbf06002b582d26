"""From the parts of a system's export to cases and events: what all systems share.

An adapter renames the columns of each part; here the pieces are put together. Whatever cannot be used is refused by
row and reason: events of cases that are not there, events that came before, events dated before their case. A case is
shown as it was created: what changed later is taken back to its first value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..case_log.schema import TABLES
from .case_states import derive_case_states, has_known_ends
from .columns import build_rejected_rows
from .pieces import MAX_CLOCK_SKEW, SEGMENT_COLUMNS, ExportPieces, Piece, look_up_by_case
from .rows import cut_events, is_in_span, number_events
from .spec import LoadedSource, SourceSpec
from .status import EVENT_KIND_ORDER, classify_state
from .versions import reject_repeated_cases


def assemble(spec: SourceSpec, pieces: ExportPieces) -> LoadedSource:
    """Put the pieces of an export together.

    Raises
    ------
    InputError
        If no case is left, or ``kinds`` gives a state a meaning that does not exist.
    """
    cases = _cases(spec, pieces)
    events = _events(pieces, cases)
    messages = int((events["kind"] == "message").sum())
    ended = has_known_ends(spec, pieces, cases, messages)
    if not ended:
        events = events[events["kind"].eq("message")]
    else:
        cases, moves = derive_case_states(spec, pieces, cases, events)
        events = pd.concat([events[~events["kind"].eq("status")], moves], ignore_index=True)
        events = events[events["case_id"].isin(cases["case_id"])]
    cases, events = _as_created(cases, events, pieces)
    ledger = pieces.cases.ledger
    inside = is_in_span(spec, cases["created_at"], ledger, "cases")
    cases = cases[inside]
    events = events[events["case_id"].isin(cases["case_id"])]
    numbered = cut_events(spec, _numbered(cases, events), ledger)
    kept = ["case_id", "created_at", *[n for n in SEGMENT_COLUMNS if cases[n].notna().any()], *pieces.attributes]
    tables = {"cases": cases[kept].sort_values("case_id", ignore_index=True), "events": numbered}
    if not ended and not messages:
        del tables["events"]
    if pieces.surveys is not None:
        tables["surveys"] = _surveys(pieces.surveys, cases)
    if pieces.due_times is not None and len(pieces.due_times):
        tables["due_times"] = _due_times(pieces.due_times, cases, ledger.until)
    ledgers = [ledger, *pieces.also, *[p.ledger for p in (*pieces.events, pieces.surveys) if p and not p.derived]]
    once = {id(one): one for one in ledgers}.values()
    refused = build_rejected_rows([part for one in once for part in one.parts])
    notes = tuple(dict.fromkeys([*pieces.notes, *[n for one in once for n in one.notes]]))
    return LoadedSource(tables, refused, notes, pieces.attributes, until=ledger.until, stated=pieces.stated)


def _cases(spec: SourceSpec, pieces: ExportPieces) -> pd.DataFrame:
    """Return the latest version of each case that was not deleted."""
    taken = pieces.cases
    rows, ledger = taken.rows, taken.ledger
    if "updated_at" in rows:
        order = rows.assign(_place=np.arange(len(rows))).sort_values(["updated_at", "_place"], na_position="first")
        last = order[ledger.accepted[order["_place"].to_numpy()]].drop_duplicates("case_id", keep="last")["_place"]
        older = ~np.isin(np.arange(len(rows)), last.to_numpy())
    else:
        older = rows["case_id"].where(ledger.accepted).duplicated().to_numpy()
    reject_repeated_cases(ledger, rows, older & ledger.accepted, "case_id")
    if "deleted" in rows:
        gone = rows["deleted"].fillna(False).to_numpy(dtype=bool)
        ledger.reject(gone, "case_id", rows["case_id"], "the case was deleted", code="row.deleted")
    if "state" in rows:
        learnt = {**pieces.state_meanings, **spec.kinds}
        classes = {s: learnt.get(s) or classify_state(s) for s in rows["state"].dropna().unique()}
        gone = rows["state"].map(classes).eq("deleted").to_numpy(dtype=bool)
        ledger.reject(gone, "state", rows["state"], "the case was deleted", code="row.deleted")
    ledger.check_rows_left()
    return rows[ledger.accepted].assign(_place=np.flatnonzero(ledger.accepted)).reset_index(drop=True)


def _events(pieces: ExportPieces, cases: pd.DataFrame) -> pd.DataFrame:
    """Check each piece against the cases, and put them together."""
    created = cases.set_index("case_id")["created_at"]
    every = pd.Index(pieces.cases.rows["case_id"].dropna().unique())
    parts: list[pd.DataFrame] = []
    for number, one in enumerate(pieces.events):
        rows, ledger = one.rows, one.ledger
        ids = rows["case_id"].astype("str").where(rows["case_id"].notna())
        known, dropped = ids.isin(created.index).to_numpy(), ids.isin(every).to_numpy()
        ledger.reject(dropped & ~known, "case_id", ids, "its case was rejected or deleted", code="row.orphan")
        ledger.reject(
            ~known & ids.notna().to_numpy(), "case_id", ids, "its case is not in the export", code="row.orphan"
        )
        if "event_id" in rows:
            twice = rows["event_id"].where(ledger.accepted).duplicated() & rows["event_id"].notna()
            ledger.reject(
                twice.to_numpy(),
                "event_id",
                rows["event_id"],
                "duplicate event; the first is kept",
                code="row.doubled",
            )
        born = look_up_by_case(ids, created)
        early = (rows["at"] < born).to_numpy(dtype=bool)
        near = early & (rows["at"] >= born - MAX_CLOCK_SKEW).to_numpy(dtype=bool)
        ledger.reject_times(early & ~near, "at", rows["at"], "dated before its case was created", code="time.order")
        if (near & ledger.accepted).any():
            ledger.add_note(
                f"{int((near & ledger.accepted).sum()):,} rows are dated less than a minute before their case; "
                "taken as of "
                "its creation"
            )
        ready = rows.assign(case_id=ids, at=rows["at"].mask(pd.Series(near, index=rows.index), born))
        parts.append(ready[ledger.accepted & ready["kind"].notna().to_numpy()].assign(_piece=number))
    empty = pd.DataFrame({n: pd.Series(dtype="str") for n in ("case_id", "kind", "field", "old", "new")})
    empty["at"] = pd.Series(dtype="datetime64[us, UTC]")
    out = pd.concat([empty, *parts], ignore_index=True) if parts else empty
    for name in ("order", "_piece"):
        out[name] = out[name].astype("float64").fillna(0.0) if name in out else 0.0
    out = out.sort_values(["case_id", "at", "order", "_piece"], kind="stable", ignore_index=True)
    _note_clock_reversals(out, pieces)
    return _without_repeats(out, pieces)


def _note_clock_reversals(events: pd.DataFrame, pieces: ExportPieces) -> None:
    """Describe where the source's running numbers and its clock disagree."""
    numbered = events[events["order"] > 0]
    same = (numbered["case_id"] == numbered["case_id"].shift()) & (numbered["_piece"] == numbered["_piece"].shift())
    back = int((same & (numbered["order"] < numbered["order"].shift())).sum())
    if back:
        pieces.notes.append(
            f"{pieces.kind}: at {back:,} events the clock ran backwards (a later number has an earlier time); "
            "the times were taken as written"
        )


def _without_repeats(events: pd.DataFrame, pieces: ExportPieces) -> pd.DataFrame:
    """Leave out a change that two parts tell of, such as an audit and a history."""
    change = events["kind"].isin(["status", "assigned", "priority", "field"])
    again = change & events.duplicated(["case_id", "at", "kind", "field", "old", "new"])
    if again.any():
        pieces.notes.append(f"{pieces.kind}: {int(again.sum()):,} changes are told twice, and counted once")
    return events[~again]


def _as_created(cases: pd.DataFrame, events: pd.DataFrame, pieces: ExportPieces) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take each description of a case back to what it was before its first change.

    What a history writes at the creation is the first value itself, and no change.
    """
    out = cases.copy()
    for name in SEGMENT_COLUMNS:
        if name not in out:
            out[name] = pd.Series(None, index=out.index, dtype="str")
            continue
        changed = events[(events["field"] == name) & events["kind"].isin(["priority", "assigned", "field"])]
        first = changed.drop_duplicates("case_id").set_index("case_id")
        at_start = look_up_by_case(out["case_id"], first["at"]) == out["created_at"]
        before = look_up_by_case(out["case_id"], first["old"]).where(
            ~at_start, look_up_by_case(out["case_id"], first["new"])
        )
        out[name] = out[name].where(~out["case_id"].isin(first.index), before)
    if not pieces.history and out[["priority", "team"]].notna().any(axis=None):
        pieces.notes.append(
            f"{pieces.kind}: without a history of changes, priority and team are those of today, not of the creation"
        )
    born = look_up_by_case(events["case_id"], out.set_index("case_id")["created_at"])
    own = events["kind"].eq("priority") | (events["kind"].eq("field") & events["field"].isin(SEGMENT_COLUMNS))
    return out, events[~(own & (events["at"] == born) & events["old"].isna())]


def _numbered(cases: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Order the events and number them: by time, then by the source's order, then what is said before what ends."""
    created = pd.DataFrame({"case_id": cases["case_id"], "at": cases["created_at"], "kind": "created", "order": -2.0})
    every = pd.concat([created, events], ignore_index=True)
    every["_rank"] = every["kind"].map({k: i for i, k in enumerate(EVENT_KIND_ORDER)})
    every["_end"] = every["kind"].isin(["resolved", "closed", "merged", "paused"])
    every = every.sort_values(["case_id", "at", "_end", "order", "_rank"], kind="stable", ignore_index=True)
    known = [n for n in TABLES["events"].names if n in every.columns and n != "seq"]
    for name in ("old", "new", "field", "actor_id", "actor_role", "team"):
        if name in every:
            every[name] = every[name].astype("str").where(every[name].notna())
    return number_events(every[known])


def _surveys(found: Piece, cases: pd.DataFrame) -> pd.DataFrame:
    rows, ledger = found.rows, found.ledger
    known = rows["case_id"].isin(cases["case_id"]) | rows["case_id"].isna()
    ledger.reject((~known).to_numpy(), "case_id", rows["case_id"], "its case is not in the export", code="row.orphan")
    twice = rows["survey_id"].where(ledger.accepted).duplicated() & rows["survey_id"].notna()
    ledger.reject(
        twice.to_numpy(),
        "survey_id",
        rows["survey_id"],
        "duplicate survey; the first is kept",
        code="row.doubled",
    )
    kept = rows[ledger.accepted]
    names = [n for n in TABLES["surveys"].names if n in kept]
    return kept[names].sort_values("survey_id", ignore_index=True)


def _due_times(found: pd.DataFrame, cases: pd.DataFrame, until: pd.Timestamp | None) -> pd.DataFrame:
    """Return the due times of the cases that are kept, each once, as far as they were set before the log ends."""
    kept = found[found["case_id"].isin(cases["case_id"])]
    if until is not None:
        kept = kept[kept["set_at"].isna() | (kept["set_at"] < until)]
    kept = kept.drop_duplicates(["case_id", "metric", "set_at"], keep="last")  # of one instant the last word
    kept = kept.sort_values(["case_id", "metric", "set_at"], ignore_index=True)
    return kept[list(TABLES["due_times"].names)]
