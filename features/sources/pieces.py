"""What an adapter hands over: cases with their present state, pieces of events by part, and surveys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..case_log.schema import DECIDED_VALUE, AttributeTiming
from .columns import ImportReport
from .export import ExportRows

#: Descriptions of a case that its history may take back to their first values.
SEGMENT_COLUMNS = ("channel", "product", "region", "case_type", "priority", "customer_id", "team")


@dataclass
class Piece:
    """Events of one part: ``case_id``, ``at``, ``kind`` and further columns of ``events``, with the account of them.

    ``event_id`` tells events apart, ``order`` is the source's own running number. A row without a kind is no event.
    """

    rows: pd.DataFrame
    ledger: ImportReport


@dataclass
class ExportPieces:
    """Everything that one export gives: cases with their present state, pieces of events, and surveys."""

    kind: str
    cases: ExportRows
    events: list[Piece] = field(default_factory=list)
    surveys: Piece | None = None
    state_meanings: Mapping[str, str] = field(default_factory=dict)
    history: bool = False
    notes: list[str] = field(default_factory=list)
    also: list[ImportReport] = field(default_factory=list)
    attributes: dict[str, AttributeTiming] = field(default_factory=dict)


def build_piece(taken: ExportRows, **columns: Any) -> Piece:
    """Return the rows of a part as events; columns are given as values or as series of the part's rows."""
    return Piece(pd.DataFrame(columns, index=taken.rows.index), taken.ledger)


def build_sla_flag_events(
    taken: ExportRows, case_id: Any, name: Any, started: Any, broken: Any, done: Any = None
) -> list[Piece]:
    """Return the system's own promises as events: kept when the clock starts, broken when its target passed.

    An event of kind ``field`` carries the name of the promise and ``true`` or ``false``; a promise that broke once
    stays broken. Where the system says when a promise was completed (``done``), ``decided`` stands at that time, or at
    the breach if that came first. So ``[[sla]]`` with ``clock = "source"`` and this name as its metric reads them.
    """
    slug = name.astype("str").str.strip().str.lower().str.replace(r"[^a-z0-9]+", "_", regex=True).str.strip("_")
    key = case_id.astype("str") + " " + slug
    first = started.groupby(key).transform("min")
    opens = started.where((started == first) & ~(key + " " + started.astype("str")).duplicated())
    breaks = broken.where(broken.notna(), pd.NaT)
    told = [(opens, "true"), (breaks, "false")]
    if done is not None:
        made = started.notna().groupby(key).transform("any")  # a clock that ran without a promise decides nothing
        told.append((done.where(done.notna() & ~(done > breaks), breaks).where(made), DECIDED_VALUE))
    parts = []
    for at, value in told:
        kind = pd.Series("field", index=taken.rows.index).where(at.notna())
        parts.append(build_piece(taken, case_id=case_id, at=at, kind=kind, field=slug, new=value))
    return parts


def look_up_by_case(ids: pd.Series[Any], table: pd.Series[Any]) -> pd.Series[Any]:
    """Return the value that a table keyed by case has for each id."""
    return table.reindex(ids).set_axis(ids.index)
