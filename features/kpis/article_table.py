"""Help articles one by one: read, left, searched for in vain, begun from, and how often a case came all the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..case_log.log import CaseLog
from ..errors import InputError
from ..statistics.intervals import wilson_interval
from .availability import describe_missing_data
from .cells import MISSING_SEGMENT
from .counted_rows import fetch_counted_rows
from .view import Limits, LogView

ARTICLE = "article_id"
#: KPIs of articles -> the column that the number of their rows makes, and the one of those that count.
_COUNTS = {
    "article_views": ("views", ""),
    "article_left_within_10s": ("known_reads", "left"),
    "failed_search_rate": ("searches", "failed_searches"),
    "article_contacts": ("contacts", ""),
    "deflection_rate": ("sessions", "deflected"),
}
ARTICLE_COLUMNS = (
    *(ARTICLE, "views", "read_median_s", "left_within_10s", "left_lo", "left_hi", "searches", "failed_searches"),
    *("contacts", "sessions", "cases", "deflection_rate", "lo", "hi"),
)


def fetch_article_rows(log: CaseLog, kpi: str, since: pd.Timestamp | None, limits: Limits | None) -> pd.DataFrame:
    """Fetch the rows of one KPI by article, of known articles, from a day of the desk's clock on."""
    desk = LogView.of(log, (ARTICLE,), "D", limits, open_end=True)
    rows = fetch_counted_rows(desk, kpi)
    rows = rows[(rows[ARTICLE] != MISSING_SEGMENT) & rows["ds"].notna()]
    return rows if since is None else rows[rows["ds"] >= since]


def measure_articles(log: CaseLog, since: pd.Timestamp | None = None, limits: Limits | None = None) -> pd.DataFrame:
    """Measure every help article.

    Parameters
    ----------
    log
        A log with ``article_views`` and ``cases``.
    since
        First day on the desk's clock; the whole log by default.
    limits
        Among them the hours in which a case counts against the article.

    Returns
    -------
    DataFrame
        One row an article, by name: article_id, views, read_median_s, left_within_10s (share) with left_lo and
        left_hi, searches and failed_searches of the sessions that read it, contacts that began on it, sessions (old
        enough to tell), cases (sessions after which one came in time), deflection_rate with lo and hi (Wilson). What
        the log cannot tell is missing. A session counts for each article that it read.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> views = pd.DataFrame({"session_id": ["s", "t"], "article_id": "reset", "case_id": ["1", None],
    ...     "viewed_at": ["2024-03-01T08:50Z", "2024-03-01T10:00Z"], "read_s": [5.0, 80.0]})
    >>> table = measure_articles(CaseLog.from_frames(cases=cases, article_views=views, until="2024-03-04T00:00Z"))
    >>> table[["views", "left_within_10s", "cases", "deflection_rate"]].values.tolist()
    [[2.0, 0.5, 1.0, 0.5]]
    """
    lack = describe_missing_data(log, "deflection_rate")
    if lack:
        raise InputError(f"articles cannot be measured: the log {lack}", where="article_views", code="kpi.unavailable")
    table = pd.DataFrame(index=pd.Index([], dtype="str", name=ARTICLE))
    for kpi, (size, hits) in _COUNTS.items():
        if describe_missing_data(log, kpi):
            continue
        grouped = fetch_article_rows(log, kpi, since, limits).groupby(ARTICLE)[["n", "numerator"]].sum()
        table = table.reindex(table.index.union(grouped.index))
        table[[size, hits] if hits else [size]] = grouped[["n", "numerator"] if hits else ["n"]].reindex(table.index)
    counts = [c for pair in _COUNTS.values() for c in pair if c in table]
    table[counts] = table[counts].fillna(0.0)
    if not describe_missing_data(log, "article_read_time"):
        reads = fetch_article_rows(log, "article_read_time", since, limits)
        table["read_median_s"] = reads.groupby(ARTICLE)["amount"].median().reindex(table.index)
        _add_share(table, "left", "known_reads", "left_within_10s", "left_lo", "left_hi")
    _add_share(table, "deflected", "sessions", "deflection_rate", "lo", "hi")
    table["cases"] = table["sessions"] - table["deflected"]
    return table.rename_axis(ARTICLE).reset_index().reindex(columns=list(ARTICLE_COLUMNS))


def _add_share(table: pd.DataFrame, hits: str, of: str, name: str, low: str, high: str) -> None:
    n = table[of].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        table[name] = np.where(n > 0, table[hits] / n, np.nan)
    table[low], table[high] = wilson_interval(table[hits].to_numpy(dtype=float), n)
