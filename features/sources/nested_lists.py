"""Lists of objects that a row of an export holds, such as the comments of an issue: rows of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..readers.json_files import build_text_frame, parse_json_list
from .export import ExportRows, ExportTable, cast_table
from .spec import SourceSpec


def explode_list(
    taken: ExportRows, column: str, part: ExportTable, spec: SourceSpec, shared: tuple[str, ...] = ()
) -> ExportRows | None:
    """Return the objects of a list in each kept row as rows of their own, with ``shared`` roles of it; or nothing."""
    records: list[Mapping[str, Any]] = []
    parents: list[int] = []
    places = np.flatnonzero(taken.ledger.accepted)
    for place, value in zip(places, taken.rows[column].iloc[places], strict=True):
        items = parse_json_list(value)
        records.extend(items)
        parents.extend([int(place)] * len(items))
    if not records:
        return None
    where = np.array(parents, dtype=int)
    outer = taken.ledger.numbers
    numbers = where if outer is None else outer[where]
    children = cast_table(part, spec, taken.ledger.where, build_text_frame(records), numbers=numbers)
    for role in shared:
        children.rows[role] = taken.rows[role].iloc[where].array
    return children
