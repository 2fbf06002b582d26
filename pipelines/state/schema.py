"""Tables of the state: what they hold, and how instants and quantiles are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect


class Instant(TypeDecorator[pd.Timestamp]):
    """An instant with its zone: UTC text in SQLite, ``timestamptz`` in PostgreSQL, a UTC timestamp in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime | None:
        """Write an instant in UTC; one without a zone is refused."""
        if value is None or pd.isna(value):
            return None
        at = pd.Timestamp(value).tz_convert("UTC").to_pydatetime(warn=False)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: Any, _: Dialect) -> pd.Timestamp | None:
        """Read an instant in UTC."""
        if value is None:
            return None
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return pd.Timestamp(at).as_unit("us")


METADATA = MetaData()


def _table(name: str, *parts: Any) -> Table:
    """Return a table whose rows lie in the order of their key: half the size where the key is most of a row."""
    return Table(name, METADATA, *parts, sqlite_with_rowid=False)


SCHEMA_VERSION = Table(
    "schema_version", METADATA, Column("version", Integer, primary_key=True), Column("migrated_at", Instant)
)
#: Single values by name: until when alerts are remembered, and which files of earlier versions were read in.
MARKS = _table("marks", Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
#: Names that many rows bear (series, cases, goals), each once; rows hold their numbers.
TEXTS = Table(
    "texts",
    METADATA,
    Column("text_id", Integer, primary_key=True),
    Column("text", Text, nullable=False, unique=True),
)
#: One act of issuing: what (``kind``), of what (``scope``: KPI and time step, queue, SLA metric), when, by which model.
ISSUES = Table(
    "issues",
    METADATA,
    Column("issue_id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("data_until", Instant, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("model", Text, nullable=False),
    Column("settings", Text, nullable=False),
    UniqueConstraint("kind", "scope", "as_of"),
)


def _text(name: str, default: str | None = None) -> Column[Any]:
    return Column(name, Text, nullable=False, default=default)


def _texts(*names: str) -> list[Column[Any]]:
    return [_text(name) for name in names]


def _issued(name: str, *columns: Column[Any]) -> Table:
    return _table(
        name,
        Column("issue_id", ForeignKey("issues.issue_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        *columns,
    )


def _key(name: str) -> Column[Any]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _packed(*names: str) -> list[Column[Any]]:
    return [Column(name, LargeBinary, nullable=False) for name in ("ds", *names)]


#: Time steps are packed, one row a series or queue and night: ``ds`` are little-endian 4-byte whole numbers (start of
#: each step on the desk's own clock, in minutes since 1970), everything else little-endian 4-byte floats, NaN where a
#: value is missing. ``quantiles`` holds those of the first step, then of the second, in the order of the levels in
#: ``issues.settings``, from the lowest to the highest.
ISSUED_FORECASTS = _issued("issued_forecasts", _key("series_id"), *_packed("forecast", "seasonal_naive", "quantiles"))
ISSUED_STAFFING = _issued(
    "issued_staffing",
    *_packed("calls", "aht_s", "agents", "agents_to_schedule", "agents_hi"),
    *_packed("service_level", "expected_service_level", "miss_probability")[1:],
)
ISSUED_CASEWORK = _issued(
    "issued_casework",
    *_packed("arrived", "agents", "agents_to_schedule", "backlog", "breaches", "breach_risk"),
)
#: Shift schedules as they were issued, one JSON text a queue.
ISSUED_PLANS = _issued("issued_plans", Column("body", Text, nullable=False))
#: Every open case with a probability, whether or not it was selected (``work_first``).
ISSUED_RISKS = _issued(
    "issued_risks",
    _key("case_id"),
    Column("probability", Double),
    Column("work_first", Boolean, nullable=False),
    Column("action_id", Integer),
    Column("expected_benefit", Double),
    Column("left_s", Double),
)
ISSUED_GOALS = _issued(
    "issued_goals",
    _key("goal_id"),
    Column("kpi", Text),
    Column("better", Text),
    Column("target", Double),
    Column("start", Text),
    Column("end", Text),
    Column("so_far", Double),
    Column("forecast", Double),
    Column("low", Double),
    Column("high", Double),
    Column("probability", Double),
    Column("series", Text),
)
ISSUED_ALERTS = _issued(
    "issued_alerts",
    _key("alert_id"),
    Column("state", Text, nullable=False),
    Column("news", Text, nullable=False),
    Column("kpi", Text),
    Column("series", Text),
    Column("direction", Text),
    Column("started_at", Text),
    Column("before", Double),
    Column("after", Double),
    Column("z", Double),
)
#: Kind of what is issued -> its table.
ISSUED_TABLES = {
    "forecast": ISSUED_FORECASTS,
    "staffing": ISSUED_STAFFING,
    "casework": ISSUED_CASEWORK,
    "plan": ISSUED_PLANS,
    "risk": ISSUED_RISKS,
    "goal": ISSUED_GOALS,
    "alert": ISSUED_ALERTS,
}

#: The ledger of KPI alerts; ``body`` is JSON with the columns that have none of their own here.
ALERTS = _table(
    "alerts",
    Column("alert_id", Text, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("kpi", Text),
    Column("series", Text),
    Column("state", Text),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Text),
    Column("note", Text),
    Column("silenced_until", Text),
    Column("body", Text, nullable=False),
)
ALERT_DETECTIONS = _table(
    "alert_detections", Column("detection", Text, primary_key=True), Column("alert_id", Text, nullable=False)
)
MUTES = _table("mutes", Column("what", Text, primary_key=True), Column("until", Text, nullable=False))
#: Cases to work on first, by morning.
FLAGGED_CASES = _table(
    "flagged_cases",
    Column("metric", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("at", Instant, primary_key=True),
)


def _record(name: str, *columns: Column[Any] | UniqueConstraint) -> Table:
    return Table(
        name,
        METADATA,
        Column("id", Integer, primary_key=True),
        Column("at", Instant, nullable=False),
        Column("by", Text, nullable=False),
        *columns,
    )


#: What somebody says of a suggested action: ``verdict`` is ``done``, ``helped``, ``no help`` or ``not needed``.
FEEDBACK = _record("feedback", *_texts("kind", "subject", "verdict"), _text("note", ""))
NOTES = _record("notes", *_texts("kind", "subject", "text"))
SCENARIOS = _record("scenarios", *_texts("name", "body"))
DECISIONS = _record(
    "decisions", _text("model"), _text("version", ""), *_texts("decision", "reason"), _text("body", "{}")
)
#: An alarm is sent once for each (kind, as_of, key, target).
ALARMS_SENT = _record(
    "alarms_sent",
    _text("kind"),
    Column("as_of", Instant, nullable=False),
    *_texts("key", "target"),
    _text("error", ""),
    UniqueConstraint("kind", "as_of", "key", "target"),
)
#: An alarm that is to be sent, one row for each receiver; ``claimed_at`` is set while it is being sent.
ALARMS_WAITING = Table(
    "alarms_waiting",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("made_at", Instant, nullable=False),
    _text("kind"),
    Column("as_of", Instant, nullable=False),
    *_texts("key", "target", "body"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", Instant, nullable=False),
    Column("claimed_at", Instant),
    _text("error", ""),
    UniqueConstraint("kind", "key", "target"),
)
#: What users of the page keep: ``kind`` is ``view`` (a list with its filters), ``snooze`` (a case, until a day),
#: ``plan`` or ``look`` (when somebody looked last). The last row of a kind and name holds; an empty body deletes it.
SAVED = _record("saved", *_texts("kind", "name"), _text("body", ""))
Index("saved_name", SAVED.c.kind, SAVED.c.name)
AUDIT = _record("audit", *_texts("action", "subject"), _text("body", "{}"))
#: Tables to which people and programs add a row at a time, by name.
RECORD_TABLES = {t.name: t for t in (FEEDBACK, NOTES, SCENARIOS, DECISIONS, ALARMS_SENT, SAVED, AUDIT)}
Index("feedback_subject", FEEDBACK.c.kind, FEEDBACK.c.subject)
