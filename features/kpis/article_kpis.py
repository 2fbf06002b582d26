"""How the KPIs of searches and of contacts that began on an article are counted."""

from __future__ import annotations

from .aggregate import aggregate_count, aggregate_share
from .cells import MISSING_SEGMENT
from .queries import SumQuery
from .view import LogView


def article_contacts(desk: LogView) -> SumQuery:
    """Count calls and chats that began on an article."""
    source = desk.contacts
    article = source.rows.article_id
    rows = source.rows.filter(article.notnull() & (article != MISSING_SEGMENT))  # by article it is text by now
    return aggregate_count(source.over(rows), "queued_at")


def failed_search_rate(desk: LogView) -> SumQuery:
    """Count searches that found nothing; by article those of the sessions that read it."""
    rows = desk.log.table("searches")
    if desk.by:
        views = desk.log.table("article_views")
        read = views.select(_session="session_id", article_id="article_id").distinct()
        rows = rows.left_join(read, rows.session_id == read["_session"]).drop("_session")
    source = desk.bind(rows, "searched_at")
    return aggregate_share(source, "searched_at", ~source.rows.found, source.rows.found.notnull())
