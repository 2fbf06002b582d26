"""Cases that were opened while an earlier one of the same customer and type was still open."""

from __future__ import annotations

from typing import Any

import ibis

from ..case_log.log import CaseLog
from .facts import case_history_table
from .transitions import transitions_expr

#: Order of what happens at one instant: a case that ends then is no longer open, one that is opened again is.
_ENDS, _OPENS_AGAIN, _IS_CREATED = range(3)


def duplicates_expr(log: CaseLog) -> Any:
    """Return which cases of known customers were duplicates when they came, as an Ibis expression.

    Whether an earlier case was open is looked up at that instant, so that nothing that happens later changes it. Of
    cases that come at one instant the one with the smaller id is the earlier.

    Returns
    -------
    Ibis table
        case_id, is_duplicate.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2", "3"], "customer_id": "u",
    ...     "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z", "2024-03-03T10:00Z"]})
    >>> ends = pd.DataFrame({"case_id": ["1", "2"], "kind": "resolved", "at": "2024-03-02T11:00Z"})
    >>> table = duplicates_expr(CaseLog.from_frames(cases=cases, events=ends)).order_by("case_id").execute()
    >>> table["is_duplicate"].tolist()
    [False, True, False]
    """
    rows = case_history_table(log)
    subject = [name for name in ("customer_id", "case_type") if name in rows.columns]
    cases = rows.filter(rows.customer_id.notnull()).select("case_id", "created_at", *subject)
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    turns = transitions_expr(log)
    turns = turns.mutate(
        until=turns["at"].lead().over(ordered), opens=turns.change.isin(("opened", "reopened")),
    )  # fmt: skip
    spans = turns.filter(turns.opens)
    lasts = spans.until.isnull() | (spans.until > spans["at"])  # what ends at once was never open beside another
    begins = spans.select("case_id", at="at", order=(spans.change == "opened").ifelse(_IS_CREATED, _OPENS_AGAIN),
                          change=lasts.cast("int32").cast("int64"))  # fmt: skip
    over = spans.filter(lasts & spans.until.notnull())
    ends = over.select("case_id", at=over.until, order=ibis.literal(_ENDS, "int8"), change=ibis.literal(-1, "int64"))
    marks = begins.union(ends).inner_join(cases, "case_id")
    before = ibis.window(group_by=subject, order_by=["at", "order", "case_id"], preceding=(None, 1))
    marks = marks.mutate(others=marks.change.sum().over(before).fill_null(0))
    created = marks.filter(marks.order == _IS_CREATED)
    return created.select("case_id", is_duplicate=created.others > 0)
