"""Rows of a frame as plain objects, whose values have the types that the frame holds."""

from __future__ import annotations

from typing import Any

import pandas as pd


def list_rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows of a frame, each with its columns as attributes.

    >>> [row.n for row in list_rows(pd.DataFrame({"n": [1, 2]}))]
    [1, 2]
    """
    return list(frame.itertuples(index=False))
