"""Labels of dissatisfaction: from surveys, or from disputes and complaints that the source records."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import ibis
import pandas as pd

from ..case_log.events import add_missing_event_columns, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from .events import WEEK_S, _check_span

LABEL_COLUMNS = ("case_id", "label", "known_at", "answered", "offered_at")
#: Highest score that counts as dissatisfied: the lowest two of five, and the detractors (0 to 6 of 10).
MAX_DISSATISFIED_SCORES = {"csat": 2.0, "nps": 6.0}
DEFAULT_YES_VALUES = ("yes", "true", "1", "y")


def dissatisfaction_labels(
    log: CaseLog,
    *,
    within_s: float = WEEK_S,
    low: dict[str, float] | None = None,
    field: str | None = None,
    yes: Collection[str] = DEFAULT_YES_VALUES,
    blank: Literal["undecided", "no"] = "undecided",
) -> pd.DataFrame:
    """Label each case that was surveyed, or could complain: was the customer dissatisfied?

    Parameters
    ----------
    log
        A log with ``cases``, and ``surveys`` unless a ``field`` is named.
    within_s
        Seconds in which an answer (or a dispute) counts. Later ones do not, so that what is known stays known.
    low
        Kind of survey -> highest score that counts as dissatisfied; ``{"csat": 2, "nps": 6}`` by default. Other kinds
        are passed over. Of several surveys on a case the first one offered counts.
    field
        Instead of surveys: an attribute of the cases or the ``field`` of an event that tells a dispute or complaint.
        An event counts from when it was recorded; an attribute, which has no date of its own, from ``within_s`` after
        the first closing of its case.
    yes
        Values of the field that mean dissatisfied, in any case; any other value means that it was not.
    blank
        Whether a case without a value is never decided, or a "no" once the time has passed.

    Returns
    -------
    DataFrame
        One row for each case that was asked (by surveys) or has closed (by a field), by case_id: ``label`` (true =
        dissatisfied, missing = undecided or no answer), ``known_at`` (from when it was known what came, or that nothing
        did), ``answered`` (missing until that is known) and ``offered_at`` (survey offered, or case closed).

    Raises
    ------
    InputError
        If the log has no surveys and no such field, or a time span is not above 0.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2", "3"], "created_at": ["2024-03-01T09:00Z"] * 3})
    >>> surveys = pd.DataFrame({"survey_id": ["a", "b", "c"], "kind": "csat", "case_id": ["1", "2", "3"],
    ...                         "offered_at": ["2024-03-02T09:00Z", "2024-03-02T09:00Z", "2024-03-12T09:00Z"],
    ...                         "responded_at": ["2024-03-03T09:00Z", None, None], "score": [1.0, None, None]})
    >>> log = CaseLog.from_frames(cases=cases, surveys=surveys)
    >>> dissatisfaction_labels(log)[["case_id", "label", "answered"]].values.tolist()
    [['1', True, True], ['2', <NA>, False], ['3', <NA>, <NA>]]
    """
    _check_span(within_s, "within_s")
    within = pd.Timedelta(seconds=within_s)
    if field is None:
        return _settled(log, _asked(log, MAX_DISSATISFIED_SCORES if low is None else low), within, "undecided")
    disputes = _disputes(log, field, within, {str(v).casefold() for v in yes})
    return _settled(log, disputes, within, blank)


def _settled(log: CaseLog, frame: pd.DataFrame, within: pd.Timedelta, blank: str) -> pd.DataFrame:
    """Decide each row by its answer, where one came in time, or by the time that has passed."""
    limit = frame["offered_at"] + within
    answered = (frame["told_at"].notna() & (frame["told_at"] <= limit)).astype("boolean")
    known = frame["told_at"].where(answered.astype(bool), limit)
    over = known <= log.until
    said = frame["said"].where(answered.astype(bool), False if blank == "no" else pd.NA)
    out = frame[["case_id", "offered_at"]].assign(
        label=said.astype("boolean").where(over), known_at=known.where(over), answered=answered.where(over)
    )
    kinds = {"known_at": "datetime64[us, UTC]", "offered_at": "datetime64[us, UTC]", "case_id": "str"}
    return out[list(LABEL_COLUMNS)].astype(kinds).sort_values("case_id", ignore_index=True)


def _asked(log: CaseLog, low: dict[str, float]) -> pd.DataFrame:
    """Return the first survey of each case: when it was offered and answered, and whether the answer is low."""
    if not log.has("surveys", "case_id"):
        hint = "name field=, or add [source.surveys] to the configuration"
        raise InputError("the log has no surveys of cases", where="surveys", hint=hint, code="kpi.unavailable")
    surveys = log.table("surveys")
    absent = {
        c: t for c, t in (("responded_at", "timestamp('UTC', 6)"), ("score", "float64")) if c not in surveys.columns
    }
    surveys = surveys.mutate(**{c: ibis.null(t) for c, t in absent.items()}) if absent else surveys
    kept = surveys.filter(surveys.kind.isin(tuple(low)) & surveys.case_id.notnull() & (surveys.offered_at <= log.until))
    kept = kept.semi_join(log.table("cases"), "case_id")
    names = ("case_id", "survey_id", "kind", "offered_at", "responded_at", "score")
    frame = fetch(kept.select(*names).order_by(["case_id", "offered_at", "survey_id"])).drop_duplicates("case_id")
    told = frame["responded_at"].where(frame["score"].notna())
    said = (frame["score"] <= frame["kind"].map(low).astype("float64")).astype("boolean").where(told.notna())
    return frame[["case_id", "offered_at"]].assign(told_at=told, said=said).reset_index(drop=True)


def _disputes(log: CaseLog, field: str, within: pd.Timedelta, yes: set[str]) -> pd.DataFrame:
    """Return for each case that has closed what the field says of it, and from when that is taken as known."""
    if not log.has("events"):
        raise InputError(
            "a field is only known of cases that close, and the log has no events", column=field, code="kpi.unavailable"
        )
    events = add_missing_event_columns(log)
    events = events.mutate(seen=select_event_time(events, as_recorded=True))
    events = events.filter(events.seen <= log.until)
    closed = events.filter(events.kind == "closed").group_by("case_id").agg(offered_at=lambda t: t.seen.min())
    is_attribute = field in log.attributes and log.has("cases", field)
    if is_attribute:
        cases = log.table("cases")
        told = cases.select("case_id", value=cases[field].cast("string"))
        frame = fetch(closed.inner_join(told, "case_id").order_by("case_id"))
        frame["told_at"] = (frame["offered_at"] + within).where(frame["value"].notna())
    else:
        says = events.filter((events.kind == "field") & (events["field"] == field) & events.new.notnull())
        if not len(fetch(says.limit(1))):
            known = [c for c, k in log.attributes.items() if k == "outcome"]
            hint = did_you_mean(field, known) or "name an attribute of the cases or the field of an event"
            raise InputError(
                "nothing in the log has this field", column="field", got=field, hint=hint, code="column.unknown"
            )
        return _match_disputes(fetch(closed), fetch(says.select("case_id", "seen", value="new")), within, yes)
    return frame.assign(said=_is_yes(frame["value"], yes))


def _match_disputes(closed: pd.DataFrame, says: pd.DataFrame, within: pd.Timedelta, yes: set[str]) -> pd.DataFrame:
    """Join each closing with what is said: a yes counts from when it is said, a no once the time has passed."""
    both = closed.merge(says, on="case_id", how="left")
    limit = both["offered_at"] + within
    said = _is_yes(both["value"], yes).where(both["seen"] <= limit)
    from_then_on = both["seen"].where(both["seen"] > both["offered_at"], both["offered_at"])
    both["told_at"] = from_then_on.where(said.eq(True).fillna(False), limit).where(said.notna())
    both = both.assign(said=said)
    both["refused"] = ~both["said"].fillna(False).astype(bool)  # at one instant a yes goes before a no
    both = both.sort_values(["case_id", "told_at", "refused"], kind="stable").drop_duplicates("case_id")
    return both[["case_id", "offered_at", "told_at", "said"]].reset_index(drop=True)


def _is_yes(values: pd.Series[Any], yes: set[str]) -> pd.Series[Any]:
    return values.str.strip().str.casefold().isin(yes).astype("boolean").where(values.notna())
