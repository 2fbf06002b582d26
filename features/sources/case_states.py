"""How the state of each case went on: from its changes, and from what the case itself says of its end.

A case that has ended without saying when is refused: as an open case it would count in every backlog since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .columns import ImportReport
from .pieces import ExportPieces, look_up_by_case
from .spec import SourceSpec
from .status import ENDED_CLASSES, build_state_events, classify_states


def has_known_ends(spec: SourceSpec, pieces: ExportPieces, cases: pd.DataFrame, messages: int) -> bool:
    """Return whether an export says when cases end; one without a history and without closing times does not.

    Where no case has ended and their messages are there, nothing has to be said of ends.
    """
    times = [c for c in ("closed_at", "resolved_at") if c in cases and cases[c].notna().any()]
    if pieces.history or times:
        return True
    states = cases["state"].dropna() if "state" in cases else pd.Series(dtype="str")
    classes, _ = classify_states(states, spec.kinds, pieces.state_meanings, pieces.cases.ledger.where)
    over = int(states.map(classes).isin(ENDED_CLASSES).sum())
    if messages and len(states) == len(cases) and not over:
        return True
    counted = f"the openings of cases and their {messages:,} messages" if messages else "the openings of cases"
    pieces.notes.append(
        f"{pieces.kind}: the export has no history and no closing times, so only {counted} can be counted"
        + (f"; {over:,} cases have ended, and nothing says when" if messages and over else "")
    )
    return False


def derive_case_states(
    spec: SourceSpec, pieces: ExportPieces, cases: pd.DataFrame, events: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the cases that can be used, and the events that their changes of state make.

    Parameters
    ----------
    cases
        The latest version of each case, with its present ``state`` and what it says of its end.
    events
        All events; those of kind ``status`` are the changes.
    """
    ledger = pieces.cases.ledger
    changes = events[events["kind"] == "status"]
    now = cases["state"] if "state" in cases else pd.Series(None, index=cases.index, dtype="str")
    states = pd.concat([now, changes["old"], changes["new"]]).dropna()
    classes, unknown = classify_states(states, spec.kinds, pieces.state_meanings, ledger.where)
    if unknown:
        shown = ", ".join(map(repr, unknown[:6]))
        ledger.add_note(f"states that nobody knows count as open: {shown}; say in 'kinds' what they mean")
    _note_broken_chains(changes, ledger)
    first = changes.drop_duplicates("case_id").set_index("case_id")
    last = changes.drop_duplicates("case_id", keep="last").set_index("case_id")["new"]
    ids = cases["case_id"]
    gone = now.map(classes).eq("deleted") | look_up_by_case(ids, last).map(classes).eq("deleted")
    _reject_cases(cases, gone, "state", "the case was deleted", ledger, "row.deleted")
    ends = _ends(cases, now, look_up_by_case(ids, last), classes)
    open_ended = ends["over"] & ends["at"].isna() & ~gone
    _note_early_ends(ends["early"] & ends["over"] & ~gone, ledger)
    _reject_cases(cases, open_ended, "state", "the case has ended, but nothing says when", ledger, "time.missing")
    stays = now.mask(
        now.map(classes).isin(ENDED_CLASSES) | (not pieces.history)
    )  # without a history it may have changed
    begin = look_up_by_case(ids, first["old"]).where(ids.isin(first.index), stays)
    starts = look_up_by_case(ids, first["at"]) == cases["created_at"]
    opening = pd.DataFrame({"case_id": ids, "at": cases["created_at"], "new": begin, "order": -1.0})
    opening = opening[begin.notna() & ~(starts & look_up_by_case(ids, first["old"]).isna())]
    closing = pd.DataFrame(
        {"case_id": ids, "at": ends["at"], "old": look_up_by_case(ids, last), "new": now, "order": np.inf}
    )
    early = closing[(ends["over"] & ends["early"]).to_numpy()]
    closing = closing[(ends["over"] & ends["at"].notna() & ~ends["early"]).to_numpy()]
    solved = closing.assign(at=ends["solved_at"], new="resolved").dropna(subset=["at"])
    closing["old"] = closing["old"].mask(closing["case_id"].isin(solved["case_id"]), "resolved")
    if pieces.history and len(closing):
        ledger.add_note(
            f"{len(closing):,} cases have ended without a change of state that says so; the case's own time was taken"
        )
    kept = cases[~gone & ~open_ended].reset_index(drop=True)
    own = [part.assign(field="state") for part in (opening, solved, closing)]
    line = pd.concat([own[0], changes, *own[1:]], ignore_index=True)
    line = line[line["case_id"].isin(kept["case_id"])]
    line = line.sort_values(["case_id", "at", "order"], kind="stable", ignore_index=True)
    line["new"] = line["new"].astype("str").where(line["new"].notna())
    made = build_state_events(_merged(line, kept), {**classes, "merged": "merged", "resolved": "resolved"})
    return kept, pd.concat([made, _build_early_ends(early, kept, classes)], ignore_index=True)


def _build_early_ends(early: pd.DataFrame, cases: pd.DataFrame, classes: Mapping[str, str]) -> pd.DataFrame:
    """Return the ends that are dated before their case: it is over, and how long it took is not known."""
    rows = early[early["case_id"].isin(cases["case_id"])]
    kind = rows["new"].map(classes).where(lambda k: k.isin(["resolved", "merged"]), "closed")
    return rows[["case_id", "at", "order"]].assign(kind=kind.astype("str"))


def _note_early_ends(early: pd.Series[Any], ledger: ImportReport) -> None:
    if early.any():
        ledger.add_note(
            f"{int(early.sum()):,} cases ended before they were created: their openings count, and how long they took "
            "is not known"
        )


def _ends(cases: pd.DataFrame, now: Any, last: Any, classes: Mapping[str, str]) -> pd.DataFrame:
    """Return for each case whether only the case itself says that it has ended, and when."""
    over = now.map(classes).isin(ENDED_CLASSES) & ~last.map(classes).isin(ENDED_CLASSES)
    if "closed" in cases:
        over |= cases["closed"].fillna(False).astype(bool) & ~last.map(classes).isin(ENDED_CLASSES)
    if "state" not in cases or now.isna().all():
        over |= cases["closed_at"].notna() if "closed_at" in cases else False
    at = pd.Series(pd.NaT, index=cases.index, dtype="datetime64[us, UTC]")
    for name in ("closed_at", "resolved_at"):
        if name in cases:
            at = at.fillna(cases[name])
    if "resolved_at" in cases:
        solved = now.map(classes).eq("resolved")
        at = at.mask(solved & cases["resolved_at"].notna(), cases["resolved_at"])
    early = at < cases["created_at"]
    solved_at = cases["resolved_at"] if "resolved_at" in cases else pd.Series(pd.NaT, index=cases.index, dtype=at.dtype)
    solved_at = solved_at.where((solved_at < at) & (solved_at >= cases["created_at"]))
    return pd.DataFrame({"over": over, "at": at, "early": early, "solved_at": solved_at})


def _merged(line: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Let the last end of a case that went into another one be its merging."""
    if "merged" not in cases:
        return line
    ids = cases.loc[cases["merged"].fillna(False).astype(bool), "case_id"]
    last = ~line["case_id"].duplicated(keep="last") & line["case_id"].isin(ids)
    return line.assign(new=line["new"].mask(last, "merged"))


def _note_broken_chains(changes: pd.DataFrame, ledger: ImportReport) -> None:
    before = changes["new"].shift()
    same = changes["case_id"] == changes["case_id"].shift()
    broken = int((same & changes["old"].notna() & before.notna() & (changes["old"] != before)).sum())
    if broken:
        ledger.add_note(
            f"{broken:,} changes of state do not start where the one before ended: changes are missing, or the clock "
            "ran backwards"
        )


def _reject_cases(cases: pd.DataFrame, mask: Any, column: str, reason: str, ledger: ImportReport, code: str) -> None:
    places = cases.loc[mask.to_numpy(dtype=bool), "_place"].to_numpy()
    whole = np.zeros(ledger.size, dtype=bool)
    whole[places] = True
    values = pd.Series(None, index=range(ledger.size), dtype="str")
    values.iloc[cases["_place"].to_numpy()] = cases[column if column in cases else "case_id"].astype("str").to_numpy()
    ledger.reject(whole, column, values, reason, code=code)
