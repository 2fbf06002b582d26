"""Rows that several sources have, as where one export was given twice or two exports overlap: each counts once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...features.case_log.schema import TABLES
from ...features.sources.columns import build_rejected_rows
from ...features.sources.spec import LoadedSource
from .overlaps import keep_newest_cases

_KEY_LABELS = {"cases": "the case id", "contacts": "the contact", "surveys": "the survey", "volumes": "the slot"}


def concat_without_duplicates(name: str, frames: Sequence[pd.DataFrame], refused: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the frames of one table together; a row that an earlier frame has is refused.

    Rows are the same by the key of the table. Events have no key that two sources share: they are the same if they
    agree in all columns but their number. Policies are left as they are.

    Parameters
    ----------
    name
        Name of the canonical table.
    frames
        The table as each source gives it.
    refused
        The rows that were left out are added here.

    Examples
    --------
    >>> calls = pd.DataFrame({"contact_id": ["1", "2"]})
    >>> lost = []
    >>> len(concat_without_duplicates("contacts", [calls, calls.head(1)], lost)), lost[0]["value"].tolist()
    (2, ['1'])
    """
    if len(frames) == 1:
        return frames[0]
    whole = pd.concat(frames, ignore_index=True)
    again = _mark_duplicates(name, whole, [len(f) for f in frames])
    if not again.any():
        return whole
    column = TABLES[name].key[0]
    part = {"table": name, "row": 0, "column": column, "value": whole.loc[again, column].astype("str")}
    word = _KEY_LABELS.get(name, "the same row")
    reason = f"{word} came in an earlier source; that one was kept"
    refused.append(pd.DataFrame(part).assign(reason=reason, code="row.doubled"))
    return whole[~again].reset_index(drop=True)


def _mark_duplicates(
    name: str, whole: pd.DataFrame, sizes: Sequence[int]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the rows that an earlier frame has; what one frame has twice is not looked at."""
    columns = [c for c in whole.columns if c != "seq"] if name == "events" else list(TABLES[name].key)
    if name == "sla_policies" or not set(columns) <= set(whole.columns):
        return np.zeros(len(whole), dtype=bool)
    same = whole.groupby(columns, dropna=False, sort=False).ngroup().to_numpy()
    source = np.repeat(np.arange(len(sizes)), sizes)
    first = np.full(len(whole), len(sizes))
    np.minimum.at(first, same, source)
    return np.asarray(first[same] < source)


def merge_sources(parts: Sequence[LoadedSource]) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, list[str]]:
    """Put the tables of several sources together.

    A table that has a source of its own wins over one that was derived: derived cases fill what is missing, and derived
    events stay only for kinds that no event source has. A row that several sources have counts once, as in the first;
    a case of several tables of cases as in the newest.

    Returns
    -------
    tuple
        Tables by name, the rows refused, and notes.
    """
    own: dict[str, list[pd.DataFrame]] = {}
    derived: dict[str, list[pd.DataFrame]] = {}
    notes: list[str] = []
    refused: list[pd.DataFrame] = []
    for part in keep_newest_cases(parts, refused):
        for name, frame in part.tables.items():
            (derived if name in part.derived else own).setdefault(name, []).append(frame)
    tables = {n: concat_without_duplicates(n, frames, refused) for n, frames in own.items()}
    for name, frames in derived.items():
        more = concat_without_duplicates(name, frames, [])  # what they were made from is refused where it comes again
        if name not in tables:
            tables[name] = more
        elif name == "cases":
            tables[name] = _filled(tables[name], more)
        else:
            tables[name] = _joined(tables[name], more, notes)
    if "cases" in own and any("cases" in part.derived for part in parts) and "events" in tables:
        tables["events"] = _created_by_cases(tables["events"], tables["cases"])
    if "events" in tables and "cases" not in tables:
        tables["cases"] = _cases_from_events(tables["events"])
        notes.append("there is no table of cases: they are made from the first event of each")
    if "surveys" in own and "cases" in tables:
        tables["surveys"] = _reject_unknown_cases(tables["surveys"], tables["cases"], refused)
    if len(own.get("events", [])) + len(derived.get("events", [])) > 1:
        tables["events"] = _renumbered(tables["events"])
    return tables, build_rejected_rows(refused), notes


def _reject_unknown_cases(surveys: pd.DataFrame, cases: pd.DataFrame, refused: list[pd.DataFrame]) -> pd.DataFrame:
    """Refuse surveys for cases that no source has."""
    if "case_id" not in surveys:
        return surveys
    lost = surveys["case_id"].notna() & ~surveys["case_id"].isin(cases["case_id"])
    if not lost.any():
        return surveys
    part = {"table": "surveys", "row": 0, "column": "case_id", "value": surveys.loc[lost, "case_id"]}
    refused.append(pd.DataFrame(part).assign(reason="its case is in no source", code="row.orphan"))
    return surveys[~lost].reset_index(drop=True)


def _filled(cases: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    first = cases.set_index("case_id")
    both = first.combine_first(more.set_index("case_id"))
    order = [*first.columns, *[c for c in more.columns if c not in (*first.columns, "case_id")]]
    return both[order].reset_index()


def _joined(events: pd.DataFrame, more: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    kinds = set(events["kind"].unique())
    extra = more[~more["kind"].isin(kinds)]
    dropped = len(more) - len(extra)
    if dropped and "seq" in more:
        notes.append(
            f"{dropped:,} events that a case table tells of are left out: the event source has those kinds itself"
        )
    elif dropped:
        notes.append(f"{dropped:,} answers that a case table has are left out: there is a source of surveys")
    return pd.concat([events, extra], ignore_index=True)


def _created_by_cases(events: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Let a case be created when its own table says so, not with the first event that another source has of it."""
    kept = events[~(events["kind"].eq("created") & events["case_id"].isin(cases["case_id"]))]
    created = pd.DataFrame({"case_id": cases["case_id"], "at": cases["created_at"], "kind": "created", "seq": -1})
    return _renumbered(pd.concat([created, kept], ignore_index=True))


def _cases_from_events(events: pd.DataFrame) -> pd.DataFrame:
    first = events.groupby("case_id", sort=True)["at"].min()
    return first.rename("created_at").reset_index()


def _renumbered(events: pd.DataFrame) -> pd.DataFrame:
    out = events.sort_values(["case_id", "at", "seq"], kind="stable", ignore_index=True)
    out["seq"] = out.groupby("case_id", sort=False).cumcount().astype("Int64")
    return out
