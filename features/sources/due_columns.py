"""Due times in the columns of a table of cases: what the system promised for each case itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..calendars.due_instants import drop_empty_instants, drop_empty_marks, end_days
from ..errors import InputError
from ..readers.timestamps import detect_date_order, parse_times
from .columns import ImportReport, Mask, read_column, split_duration
from .spec import SourceSpec
from .versions import UPDATED

#: Names for columns of due times -> the metric that is due; ``due_at`` is the end of the case.
CASE_DUES: Mapping[str, str] = {
    "due_at": "resolution",
    "resolution_due_at": "resolution",
    "first_response_due_at": "first_response",
    "next_response_due_at": "next_response",
}


def read_due_columns(
    spec: SourceSpec, frame: pd.DataFrame, columns: Mapping[str, str], opening: str, ledger: ImportReport
) -> pd.DataFrame:
    """Read the columns of due times.

    A day without a time of day is due at its end. What the systems write for no time is missing, and what cannot be
    read is counted and said; the case stays.

    Parameters
    ----------
    columns
        Names of :data:`CASE_DUES` -> column of the file.
    opening
        The column of the opening: it helps to tell day and month apart.

    Returns
    -------
    DataFrame
        One column a metric, with the rows of the file.
    """
    out: dict[str, pd.Series] = {}
    raw = {name: drop_empty_marks(read_column(spec, frame, source, whole=False)) for name, source in columns.items()}
    first = read_column(spec, frame, split_duration(spec, frame, opening)[0])
    order = "" if spec.date_format else detect_date_order([first, *raw.values()])
    for name, texts in raw.items():
        metric, column = CASE_DUES[name], columns[name]
        if metric in out:
            problem = f"two columns say when the {metric} is due"
            raise InputError(
                problem, where=ledger.where, column=name, got=column, hint="map one of them", code="value.range"
            )
        read = parse_times(
            texts, spec.timezone, date_format=spec.date_format, ignore_offset=spec.ignore_offset, order=order
        )
        due, days = end_days(drop_empty_instants(read.instants), texts, spec.timezone)
        out[metric] = due
        bad = np.asarray(read.bad, dtype=bool)
        if bad.any() and bad.sum() == texts.notna().sum():
            row = int(bad.argmax())
            raise InputError(
                "not a valid due time in any row of the column", where=ledger.where, column=column, row=row + 1,
                got=texts.iloc[row], wanted="dates such as 2024-03-01 09:30", hint="or take the column out of the map",
                code="time.unreadable",
            )  # fmt: skip
        said = f"'{column}' is when the {metric.replace('_', ' ')} of a case is due: {int(due.notna().sum()):,} rows"
        known = (
            "from the opening, as the attributes say"
            if spec.attributes.get(column) == "creation"
            else ("from the end of the case, or of the log while it is open")
        )
        said += f" of {len(due):,} have one; known {known}"
        if days:
            said += f"; {days:,} are days and due at the end of that day ({spec.timezone})"
        if bad.any():
            said += f"; {int(bad.sum()):,} cannot be read and count as none, such as {texts.iloc[int(bad.argmax())]!r}"
        ledger.add_note(said)
    return pd.DataFrame(out, index=frame.index)


def build_due_times(
    dues: pd.DataFrame, rows: pd.DataFrame, kept: pd.Index, older: Mask, at_once: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the due times of the cases that are kept, with when each was set where earlier rows of a case prove it.

    Parameters
    ----------
    dues
        From :func:`read_due_columns`.
    rows
        ``case_id``, ``created_at`` and perhaps the time of the last change, of the same rows.
    kept
        Labels of the rows that are the cases.
    older
        Marks of earlier rows of the same cases, n.
    at_once
        Metrics whose due times are said to be set at the opening and never moved.
    """
    changed = rows[UPDATED] if UPDATED in rows else pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    again = rows["case_id"].isin(rows["case_id"][older])
    newest = rows.index.isin(kept)
    used = newest | (older & rows["case_id"].isin(rows["case_id"][newest]).to_numpy() & changed.notna().to_numpy())
    parts = []
    for metric in dues.columns:
        part = pd.DataFrame({"case_id": rows["case_id"], "metric": metric, "due_at": dues[metric]})
        known = rows["created_at"] if metric in at_once else changed.where(again)
        parts.append(part.assign(set_at=known)[newest if metric in at_once else used])
    whole = pd.concat(parts, ignore_index=True)
    whole = whole.sort_values(["metric", "case_id", "set_at"], kind="stable", ignore_index=True)
    key = whole["case_id"] + " " + whole["metric"]
    before = whole["due_at"].groupby(key).shift()
    same = (whole["due_at"] == before) | (whole["due_at"].isna() & before.isna())
    return whole[~same].reset_index(drop=True)
