"""Tables of Arrow to frames: whole numbers and flags keep their gaps, everything else that is no number is text."""

from __future__ import annotations

from typing import Any

import pandas as pd


def frame_from_arrow(table: Any) -> pd.DataFrame:
    """Return a table of Arrow as a frame with the types that the readers give.

    >>> import pyarrow as pa
    >>> frame_from_arrow(pa.table({"n": pa.array([1, None], pa.int32()), "c": ["x", "y"]})).dtypes.astype(str).tolist()
    ['Int64', 'str']
    """
    import pyarrow as pa

    whole = {
        pa.int8(): pd.Int64Dtype(), pa.int16(): pd.Int64Dtype(), pa.int32(): pd.Int64Dtype(),
        pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.Int64Dtype(), pa.uint16(): pd.Int64Dtype(),
        pa.uint32(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip
    frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get, ignore_metadata=True)
    for name in frame.columns:
        if str(frame[name].dtype) in ("object", "category"):
            frame[name] = frame[name].astype("str").where(frame[name].notna())
    return frame.drop(columns=[c for c in frame.columns if str(c).startswith("__index_level_")])
