"""Rows that several sources have, as where one export was given twice or two exports overlap: each counts once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...features.case_log.schema import TABLES

_WORDS = {"cases": "the case id", "contacts": "the contact", "surveys": "the survey", "volumes": "the slot"}


def joined_once(name: str, frames: Sequence[pd.DataFrame], refused: list[pd.DataFrame]) -> pd.DataFrame:
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
    >>> len(joined_once("contacts", [calls, calls.head(1)], lost)), lost[0]["value"].tolist()
    (2, ['1'])
    """
    if len(frames) == 1:
        return frames[0]
    whole = pd.concat(frames, ignore_index=True)
    again = _again(name, whole, [len(f) for f in frames])
    if not again.any():
        return whole
    column = TABLES[name].key[0]
    part = {"table": name, "row": 0, "column": column, "value": whole.loc[again, column].astype("str")}
    word = _WORDS.get(name, "the same row")
    refused.append(pd.DataFrame(part).assign(reason=f"{word} came in an earlier source; that one was kept"))
    return whole[~again].reset_index(drop=True)


def _again(name: str, whole: pd.DataFrame, sizes: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the rows that an earlier frame has; what one frame has twice is not looked at."""
    columns = [c for c in whole.columns if c != "seq"] if name == "events" else list(TABLES[name].key)
    if name == "sla_policies" or not set(columns) <= set(whole.columns):
        return np.zeros(len(whole), dtype=bool)
    same = whole.groupby(columns, dropna=False, sort=False).ngroup().to_numpy()
    source = np.repeat(np.arange(len(sizes)), sizes)
    first = np.full(len(whole), len(sizes))
    np.minimum.at(first, same, source)
    return np.asarray(first[same] < source)
