"""The further columns of a source as features: as they stood at creation, or as last changed by an instant."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from ..calendars.business_calendar import to_micros
from ..case_log.asof import factorize_columns, find_last_as_of, sum_as_of
from ..case_log.events import add_missing_event_columns, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog

#: A text that fewer cases showed by then is named so: it may be free text or a name, and teaches little.
UNCOMMON_LABEL = "(uncommon)"
MIN_CASES = 20
_PERSON = re.compile(
    r"caller|customer|client|user|requester|requestor|contact|agent|assignee|assigned|owner|account|person|employee|"
    r"mail|phone|address|(opened|created|updated|resolved|closed|reported|submitted)[ _]?by|(first|last|full)[ _]?name"
    r"|[ _]id$|^id$",
    re.IGNORECASE,
)
_TEXT = re.compile(r"subject|summary|title|description|narrative|body|text|comment|message|details", re.IGNORECASE)


def build_attribute_features(log: CaseLog, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes of each row's case that were known at its instant, and the length of its text.

    Which columns there are depends on the names and types that the log declares, never on its values, so that a log
    cut at any instant has the same. Columns whose name says that they identify a person are left out.

    Parameters
    ----------
    log
        Its ``attributes`` say when each is known: ``creation`` ones are given as they are, ``event`` ones by the last
        event of kind ``field`` that names them; ``outcome`` ones never.
    rows
        Columns ``case_id`` and ``at``, n rows.

    Returns
    -------
    DataFrame
        n rows: ``attr_<name>``, numbers as floats and texts as names (``(uncommon)`` if fewer than 20 cases created by
        then have it); ``text_length``, the characters of columns such as subject or description, never the text.
    """
    cases = log.table("cases")
    named = {n: k for n, k in log.attributes.items() if n in cases.columns and k != "outcome" and not _PERSON.search(n)}
    texts = [n for n, k in named.items() if k == "creation" and _TEXT.search(n) and cases[n].type().is_string()]
    known = [n for n, k in named.items() if k == "creation" and n not in texts and _usable(cases[n])]
    moving = [n for n, k in named.items() if k == "event" and _usable(cases[n])]
    frame = fetch(cases.select("case_id", "created_at", *known, *[cases[n].length().name(n) for n in texts]))
    place = pd.Index(frame["case_id"]).get_indexer(pd.Index(rows["case_id"]))
    out: dict[str, Any] = {"text_length": np.full(len(rows), np.nan)}
    if texts:
        lengths = frame[texts].astype("float64").sum(axis=1, min_count=1)
        out["text_length"] = lengths.to_numpy()[place]
    for name in known:
        if cases[name].type().is_string():
            out[f"attr_{name}"] = _mask_uncommon_values(frame[name], frame["created_at"], place, rows["at"])
        else:
            out[f"attr_{name}"] = frame[name].astype("float64").to_numpy()[place]
    changed = _changed(log, moving, rows) if moving else {}
    for name in moving:
        text = changed[name]
        kind = cases[name].type()
        words = {"true": 1.0, "false": 0.0}
        out[f"attr_{name}"] = (
            text if kind.is_string() else text.str.lower().map(words) if kind.is_boolean()
            else pd.to_numeric(text, errors="coerce").astype("float64")
        )  # fmt: skip
    return pd.DataFrame(out, index=rows.index)


def _usable(column: Any) -> bool:
    kind = column.type()
    return bool(kind.is_string() or kind.is_numeric() or kind.is_boolean())


def _mask_uncommon_values(
    values: pd.Series[Any], created: pd.Series[Any], place: Any, at: pd.Series[Any]
) -> pd.Series[Any]:
    """Return each case's value, unless too few cases had shown it by then."""
    code = factorize_columns(values)[0]
    there = code >= 0
    mine = code[place]
    seen = sum_as_of(code[there], to_micros(created[there], "created_at"), mine, to_micros(at, "at"))
    shown = pd.Series(values.array[place], index=at.index, dtype="str")
    return shown.mask((mine >= 0) & (seen < MIN_CASES), UNCOMMON_LABEL)


def _changed(log: CaseLog, names: list[str], rows: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Return for each field its last value that was known at each row's instant."""
    events = add_missing_event_columns(log)
    events = events.mutate(_seen=select_event_time(events, as_recorded=True))
    told = events.filter((events.kind == "field") & events["field"].isin(names) & (events["_seen"] <= log.until))
    told = told.select("case_id", "field", "new", "seq", seen="_seen")
    frame = fetch(told.order_by(["field", "case_id", "seen", "seq"]))
    when, out = to_micros(rows["at"], "at"), {}
    for name in names:
        mine = frame[frame["field"] == name]
        case, asked = factorize_columns(mine["case_id"], rows["case_id"])
        at = to_micros(mine["seen"], "seen")
        order = np.argsort(case, kind="stable")
        found = find_last_as_of(case[order], at[order], asked, when)
        values = mine["new"].array[order].take(np.where(found < 0, -1, found), allow_fill=True)
        out[name] = pd.Series(values, index=rows.index, dtype="str")
    return out
