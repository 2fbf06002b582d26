"""Rows of one case that came more than once: the newest counts, and the earlier ones are its history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .columns import ImportReport, Mask

#: When a row was last changed: of several rows of one case the newest counts.
UPDATED = "updated_at"
#: Column of a case -> kind of event that its change is.
CHANGE_KINDS = {"priority": "priority", "team": "assigned"}
_SEGMENTS = ("channel", "product", "region", "case_type", "priority", "team", "customer_id")


def mark_older_rows(cast: pd.DataFrame, accepted: Mask, files: Sequence[tuple[str, int]] = ()) -> Mask:
    """Mark the rows of a case that another row of it is newer than.

    The time of the last change tells; without one, the file: the one whose times go furthest, then the later by name.
    Within one file without a time of change the first row of a case counts, as its order says nothing.

    Parameters
    ----------
    cast
        Columns of a table of cases, ``case_id`` among them.
    accepted
        Rows that are not refused.
    files
        Name and number of rows of each file that the frame was put together from.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": ["1", "2", "1"]})
    >>> mark_older_rows(rows, np.ones(3, dtype=bool), [("a.csv", 2), ("b.csv", 1)]).tolist()
    [True, False, False]
    """
    place = np.arange(len(cast))
    order = pd.DataFrame({"case_id": cast["case_id"], "place": place, "file": _file_ranks(cast, accepted, files)})
    by = ["file"]
    if UPDATED in cast:
        order["updated"] = cast[UPDATED].to_numpy()
        by = ["updated", "file", "place"]
    else:
        order["place_back"] = -place
        by = ["file", "place_back"]
    kept = order[accepted & cast["case_id"].notna().to_numpy()].sort_values(by, kind="stable", na_position="first")
    mask = accepted & cast["case_id"].notna().to_numpy()
    mask[kept.drop_duplicates("case_id", keep="last")["place"].to_numpy()] = False
    return np.asarray(mask)


def _file_ranks(cast: pd.DataFrame, accepted: Mask, files: Sequence[tuple[str, int]]) -> Mask:
    """Return for each row the rank of its file by the last instant in it."""
    if len(files) < 2:
        return np.zeros(len(cast), dtype=int)
    number = np.repeat(np.arange(len(files)), [n for _, n in files])
    times = [c for c in cast.columns if str(cast[c].dtype).startswith("datetime64")]
    last = (
        cast.loc[accepted, times].max(axis=1).groupby(number[accepted]).max() if times else pd.Series(dtype="float64")
    )
    stamp = last.reindex(range(len(files)))
    rank = stamp.rank(method="first", na_option="top").fillna(0).to_numpy().astype(int)
    return np.asarray(rank[number])


def mark_replaced_rows(cast: pd.DataFrame, accepted: Mask, older: Mask, files: Sequence[tuple[str, int]] = ()) -> Mask:
    """Mark which older rows the kept row of their case replaced: it was changed later, or is in a newer file.

    The others are one row written twice: nothing says that one of them is newer.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": ["1", "1", "1"]})
    >>> older = np.array([True, False, True])
    >>> mark_replaced_rows(rows, np.ones(3, dtype=bool), older, [("a.csv", 1), ("b.csv", 2)]).tolist()
    [True, False, False]
    """
    cast = cast.reset_index(drop=True)
    sizes = [n for _, n in files] if len(files) > 1 else [len(cast)]
    known = pd.DataFrame({"case_id": cast["case_id"], "file": np.repeat(np.arange(len(sizes)), sizes)})
    known["updated"] = cast.get(UPDATED, pd.NaT)
    kept = known[accepted & ~older & known["case_id"].notna().to_numpy()].set_index("case_id")
    found = kept.reindex(known["case_id"]).reset_index(drop=True)
    file, updated = found["file"], found["updated"]
    later = (updated > known["updated"]) | (updated.notna() & known["updated"].isna())
    return np.asarray(older & (later | (file != known["file"])).to_numpy(dtype=bool))


def reject_repeated_cases(
    ledger: ImportReport, cast: pd.DataFrame, older: Mask, column: str, files: Sequence[tuple[str, int]] = ()
) -> None:
    """Take the older rows of cases out of the account: those that a newer one replaced, and those written twice."""
    replaced = mark_replaced_rows(cast, ledger.accepted, older, files)
    ledger.reject(replaced, column, cast["case_id"], "a newer row of the case was kept", code="row.replaced")
    kept = "last" if UPDATED in cast else "first"
    again = f"duplicate case id; the {kept} row was kept"
    ledger.reject(older & ~replaced, column, cast["case_id"], again, code="row.doubled")


def find_changes(cast: pd.DataFrame, older: Mask) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the rows of a case that came more than once tell of its course.

    Returns
    -------
    tuple
        Per case the first known value of each segment (the case as it was when it was first exported), and the changes
        as events, dated by the last change of the row that first shows them. Without such a time there are none.
    """
    segments = [c for c in _SEGMENTS if c in cast]
    again = cast["case_id"].isin(cast["case_id"][older])
    rows = cast[again].sort_values(["case_id", UPDATED] if UPDATED in cast else ["case_id"], kind="stable")
    if UPDATED not in cast or rows.empty or not segments:
        return pd.DataFrame(columns=["case_id", *segments]), pd.DataFrame()
    first = rows.groupby("case_id", sort=False)[segments].first().reset_index()
    same = rows["case_id"] == rows["case_id"].shift()
    parts = []
    for name in segments:
        old = rows[name].shift()
        moved = same & (rows[name] != old) & rows[name].notna() & old.notna() & rows[UPDATED].notna()
        part = pd.DataFrame({"case_id": rows["case_id"], "at": rows[UPDATED], "old": old, "new": rows[name]})[moved]
        part = part.assign(kind=CHANGE_KINDS.get(name, "field"), field=name)
        parts.append(part.assign(team=part["new"] if name == "team" else None))
    return first, pd.concat(parts, ignore_index=True)
