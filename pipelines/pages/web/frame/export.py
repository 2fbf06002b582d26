"""What a page shows as a file: CSV, an Excel workbook or Parquet, all rows that its filters leave."""

from __future__ import annotations

import io
import re
from typing import Any

import pandas as pd
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ....store.table_files import quote_formulas

#: Ending of a file -> its type.
EXPORT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
#: Rows that a sheet of Excel holds below its header.
MAX_SHEET_ROWS = 1_048_575


def export_frame(frame: pd.DataFrame, name: str, ending: str) -> Response:
    """Return a table as a file to be saved.

    In CSV and Excel, texts that a spreadsheet would run as formulas are quoted, and Excel gets instants in UTC without
    a zone, as it knows none.

    Parameters
    ----------
    frame
        The rows.
    name
        Of the file, without its ending; other signs than letters, digits and ``-`` become ``-``.
    ending
        A key of ``EXPORT_TYPES``.

    Raises
    ------
    HTTPException
        404 for another ending, 413 for more rows than a sheet holds.

    Examples
    --------
    >>> export_frame(pd.DataFrame({"case_id": ["=1+1"], "n": [2]}), "cases", "csv").body
    b"case_id,n\\n'=1+1,2\\n"
    """
    if ending not in EXPORT_TYPES:
        raise HTTPException(404, f"This kind of file is not made; choose one of: {', '.join(EXPORT_TYPES)}.")
    write = {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}[ending]
    safe = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "table"
    headers = {"Content-Disposition": f'attachment; filename="{safe}.{ending}"'}
    return Response(write(frame), media_type=EXPORT_TYPES[ending], headers=headers)


def _csv(frame: pd.DataFrame) -> bytes:
    return quote_formulas(frame).to_csv(index=False).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _xlsx(frame: pd.DataFrame) -> bytes:
    if len(frame) > MAX_SHEET_ROWS:
        raise HTTPException(413, "A sheet of Excel does not hold so many rows: choose CSV or Parquet, or filter first.")
    zoned: dict[Any, Any] = {
        c: frame[c].dt.tz_localize(None) for c in frame if isinstance(frame[c].dtype, pd.DatetimeTZDtype)
    }
    plain: Any = quote_formulas(frame.assign(**zoned))
    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs={"options": options}) as writer:
        plain.to_excel(writer, index=False, sheet_name="deskcast", freeze_panes=(1, 0))
    return buffer.getvalue()
