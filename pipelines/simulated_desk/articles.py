"""The help centre of the simulated desk: views, searches, contacts that begin on an article, and one weak article."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .arrivals import CHAT, PHONE, Cases
from .columns import boolean_column, format_ids, seconds_column, text_column, time_column
from .contacts import Contacts
from .world import END_S, PRODUCTS, Array

#: The article that answers nothing: the second on one subject of the first product. Who ends with a case read it
#: rather than its neighbour, is sooner gone, and found less by searching.
WEAK_ARTICLE = 3
_DRAWN_TO_IT, _READING_SHARE = 0.8, 0.3
_SEARCHED, _FAILED, _FAILED_WEAK = 0.6, 0.15, 0.5
#: Share of the calls and chats of who read before them that were begun on the article.
_BEGUN_THERE = 0.5
ARTICLES = tuple(f"{PRODUCTS[i // 10].lower()}-{i % 10 + 1}" for i in range(40))


@dataclass(frozen=True)
class Views:
    """Views of help articles in order of time; ``case`` is the position of the case that came of it, or -1."""

    case: Array
    at: Array
    article: Array
    read_s: Array

    @property
    def session_ids(self) -> Any:
        """Ids of the sessions; each has one view."""
        return format_ids("V", np.arange(1, len(self.at) + 1), 7)


def draw_views(cases: Cases, rng: np.random.Generator) -> Views:
    """Draw views of help articles: before a case that was opened all the same, and in place of one."""
    n = len(cases)
    tried = np.flatnonzero(rng.random(n) < np.array([0.10, 0.25, 0.25, 0.40])[cases.channel])
    alike = rng.integers(0, n, n // 2)
    case = np.concatenate([tried, np.full(len(alike), -1)])
    like = np.concatenate([tried, alike])
    before = rng.integers(60, 1800, len(like))
    at = np.where(case >= 0, cases.at[like] - before, cases.at[like] + before * rng.integers(-8, 9, len(like)))
    at = np.clip(at, 0, END_S - 1)
    article = cases.product[like] * 10 + cases.type[like] * 2 + rng.integers(0, 2, len(like))
    order = np.argsort(at, kind="stable")
    read = np.round(rng.lognormal(np.log(55), 1.0, len(order)))
    return Views(case[order], at[order], article[order], read)


def weaken_article(views: Views, rng: np.random.Generator) -> Views:
    """Let those who ask all the same have read the weak article rather than its neighbour on the same subject."""
    pair = np.isin(views.article, (WEAK_ARTICLE - 1, WEAK_ARTICLE)) & (views.case >= 0)
    drawn = np.where(rng.random(len(pair)) < _DRAWN_TO_IT, WEAK_ARTICLE, WEAK_ARTICLE - 1)
    article = np.where(pair, drawn, views.article)
    shorter = (article == WEAK_ARTICLE) & (rng.random(len(pair)) < 0.7)
    read = np.where(shorter, np.ceil(views.read_s * _READING_SHARE), views.read_s)
    return replace(views, article=article, read_s=read)


def views_frame(views: Views, case_ids: Any) -> pd.DataFrame:
    """Return the views as a canonical table."""
    columns = {
        "session_id": text_column(np.arange(len(views.at)), views.session_ids),
        "article_id": text_column(views.article, ARTICLES),
        "viewed_at": time_column(views.at),
        "read_s": seconds_column(views.read_s),
        "case_id": text_column(views.case, case_ids),
    }
    return pd.DataFrame(columns, copy=False)


def searches_frame(views: Views, rng: np.random.Generator) -> pd.DataFrame:
    """Return the searches before the views: who finds nothing looks on, and reads what comes nearest."""
    size = len(views.at)
    looked = np.flatnonzero(rng.random(size) < _SEARCHED)
    failed = np.where(views.article[looked] == WEAK_ARTICLE, _FAILED_WEAK, _FAILED)
    columns = {
        "session_id": text_column(looked, views.session_ids),
        "searched_at": time_column(np.maximum(views.at[looked] - 20, 0)),
        "found": boolean_column((rng.random(len(looked)) >= failed).astype(np.int64)),
    }
    return pd.DataFrame(columns, copy=False)


def articles_of_contacts(views: Views, cases: Cases, contacts: Contacts, rng: np.random.Generator) -> Array:
    """Return the article on which each call or chat began, -1 for none: those of readers, and only of their case."""
    read = np.full(len(cases), -1)
    there = views.case >= 0
    read[views.case[there]] = views.article[there]
    begun = np.isin(cases.channel, (PHONE, CHAT)) & (rng.random(len(cases)) < _BEGUN_THERE)
    read = np.where(begun, read, -1)
    return np.where(contacts.case >= 0, read[contacts.case], -1)


def article_truth(views: Views) -> dict[str, Any]:
    """Return what is true of the weak article: how many sessions read it, and how many of them asked all the same."""
    own = views.article == WEAK_ARTICLE
    asked, others = views.case >= 0, ~own
    return {
        "article_id": ARTICLES[WEAK_ARTICLE],
        "sessions": int(own.sum()),
        "sessions_with_a_case": int((own & asked).sum()),
        "share_of_others_with_a_case": round(float((others & asked).sum() / max(others.sum(), 1)), 6),
    }
