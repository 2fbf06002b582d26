"""A log seen through one choice of segments and periods: the rows that the KPIs are counted from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import ibis
import pandas as pd

from ..calendars.periods import parse_period_frequency, parse_zone
from ..case_log.backends import materialise
from ..case_log.cache import compute_once, find_first_of_log
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.schema import DERIVED_COLUMNS
from ..cases.business_times import case_business_times
from ..cases.conversation_turns import turns_expr
from ..cases.credits import Credit, acted_expr, credited_agents, has_agents
from ..cases.facts import EventFacts, case_history_table, inspect_events
from ..cases.transitions import transitions_expr
from ..durations import format_duration
from ..errors import InputError, did_you_mean
from .backlog_age import fetch_open_spans
from .cells import CUT_COLUMN, KPI_MEASURES, PeriodSpec, SegmentedRows, label_segments

_NON_SEGMENT_COLUMNS = {"case_id", "customer_id", "created_at", "amount"}
_CURRENT_VALUE_COLUMNS = ("current_priority", "current_team", "status")
#: Segment of the human agent whose work a row was; which one, says ``credit`` of the view.
AGENT = "agent"
#: Segment of the category of costs, which is no column of the cases.
COST_CATEGORY = "cost_category"
#: Rows that name a segment of their own, beside those of their case where they are linked to one.
_OWN_SEGMENTS: Mapping[str, tuple[str, ...]] = {
    "article_views": ("article_id",), "sessions": ("article_id",), "searches": ("article_id",),
    "costs": (COST_CATEGORY,), "team_stays": ("team",), "status_stays": ("status",),
}  # fmt: skip
#: KPIs that are named after the kind of survey that they count.
SURVEY_KINDS = ("csat", "nps", "ces", "agent_satisfaction")


@dataclass(frozen=True)
class Limits:
    """The limits that KPIs are counted with.

    Attributes
    ----------
    answer_s
        Of ``service_level``.
    repeat_days
        Within how many days a re-opening or a further case of the customer counts against a resolution.
    survey_days
        Within how many days an answer to a survey counts as a response.
    deflection_hours
        Within how many hours of reading a case counts against the article.
    calendar
        Name of the calendar of business time, where the log has several.
    """

    answer_s: float = 20.0
    repeat_days: float = 7.0
    survey_days: float = 7.0
    deflection_hours: float = 24.0
    calendar: str | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are not above 0."""
        for name in ("answer_s", "repeat_days", "survey_days", "deflection_hours"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError("a limit must be above 0", column=name, got=getattr(self, name), code="value.range")


def segment_columns(log: CaseLog) -> tuple[str, ...]:
    """Name the columns by which a history of this log can be split.

    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"],
    ...                                               "channel": ["phone"]}))
    >>> segment_columns(log)
    ('channel',)
    """
    names: list[str] = []
    if log.has("cases"):
        names += [c for c in log.table("cases").columns if c not in _NON_SEGMENT_COLUMNS and c not in DERIVED_COLUMNS]
        names += _CURRENT_VALUE_COLUMNS if log.has("events") else ()
    own = (("contacts", ("channel", "team")), ("agent_time", ("team",)), ("volumes", ("unique_id",)))
    for table, columns in (*own, ("article_views", ("article_id",))):
        names += [c for c in columns if log.has(table, c) and (table != "volumes" or not log.has("cases"))]
    names += [COST_CATEGORY] if log.has("costs", "category") else []
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class LogView:
    """The rows of a log by kind, each with segments and periods; every one is made when it is first asked for."""

    log: CaseLog
    by: tuple[str, ...]
    freq: str
    limits: Limits = field(default_factory=Limits)
    open_end: bool = False
    credit: Credit = "owner"

    @classmethod
    def of(
        cls, log: CaseLog, by: Sequence[str] | str, freq: str, limits: Limits | None = None, *, open_end: bool = False
    ) -> LogView:
        """Check the segments and the frequency, and bind them to the log."""
        names = (by,) if isinstance(by, str) else tuple(by)
        known = segment_columns(log)
        for name in names:
            if name == AGENT and name not in known:
                if not has_agents(log) and not log.has("contacts", "agent_id") and not log.has("agent_time"):
                    problem, ask = (
                        "nothing in this log tells which agent acted",
                        "name the columns of actor_id, actor_role",
                    )
                    raise InputError(problem, column="by", got=name, hint=ask, code="column.unknown")
            elif name not in known:
                hint = did_you_mean(name, known) if known else "this log has no column to split by"
                raise InputError("unknown column of the cases", column="by", got=name, hint=hint, code="column.unknown")
            if name in (*KPI_MEASURES, CUT_COLUMN, "kpi", "ds"):
                raise InputError(
                    "reserved column name: every history has it",
                    column="by",
                    got=name,
                    code="column.doubled",
                )
        if len(set(names)) < len(names):
            raise InputError("duplicate column", column="by", got=list(names), code="column.doubled")
        parse_zone(log.timezone)
        return cls(log, names, parse_period_frequency(freq).name, limits or Limits(), open_end)

    @property
    def by_agent(self) -> bool:
        """Return whether the rows are split by whose work they were."""
        return AGENT in self.by and AGENT not in segment_columns(self.log)

    def credited(self, credit: Credit) -> LogView:
        """Return the view that credits cases to other agents; the same where nothing is split by agent."""
        return replace(self, credit=credit) if self.by_agent and credit != self.credit else self

    def _with_agents(self, rows: Any) -> Any:
        """Add whose work each case was, where rows are split by it; several rows where it was that of several."""
        if not self.by_agent:
            return rows
        if not has_agents(self.log):
            return rows.mutate(**{AGENT: ibis.null("string")})
        who = credited_agents(self.log, self.credit).rename(_whose="case_id")
        joined = rows.left_join(who, rows.case_id == who["_whose"]).drop("_whose")
        if self.credit == "writer":
            joined = joined.mutate(agent_messages=joined.messages)
        return joined.drop("messages") if "messages" in joined.columns else joined

    @property
    def clock(self) -> PeriodSpec:
        """Length of the periods, the zone in which they begin, and the end of the log."""
        return PeriodSpec(self.freq, self.log.timezone, self.log.until, self.open_end)

    @cached_property
    def facts(self) -> EventFacts:
        """What the events of the log can tell."""
        return inspect_events(self.log)

    def last_mature_instant(self, days: float = 0.0, seconds: float = 0.0) -> Any:
        """Give the last instant from which that much time had passed at the end of the log."""
        return ibis.literal(self.log.until - pd.Timedelta(days=days) - pd.Timedelta(seconds=seconds))

    def _source(self, rows: Any, at: str, table: str = "") -> SegmentedRows:
        """Bind rows to segments, and let their history begin with the first of an instant, or that of their table."""
        return self._from(rows, find_first_of_log(self.log, self.log.table(table) if table else rows, at))

    def _from(self, rows: Any, found: Any) -> SegmentedRows:
        rows = label_segments(rows, self.by)
        return SegmentedRows(rows, self.by, None if pd.isna(found) else found, self.clock)

    @property
    def _history(self) -> Any:
        return case_history_table(self.log)

    @cached_property
    def _segments_of_cases(self) -> Any:
        """case_id and the segment columns; without events, straight from the table."""
        later = any(name in _CURRENT_VALUE_COLUMNS for name in self.by)
        rows = self._history if later else self.log.table("cases")
        return self._with_agents(rows).select("case_id", *self.by)

    @cached_property
    def opened(self) -> SegmentedRows:
        """Cases as created."""
        later = any(name in _CURRENT_VALUE_COLUMNS for name in self.by)
        return self._from(self._with_agents(self._history if later else self.log.table("cases")), self._first_case)

    @cached_property
    def cases(self) -> SegmentedRows:
        """Cases with all that happened to them."""
        return self.opened.over(label_segments(self._with_agents(self._history), self.by))

    @cached_property
    def cases_with_next(self) -> SegmentedRows:
        """Cases with all that happened to them, and when the customer came again."""
        rows = compute_once(self.log, "returns", lambda: materialise(_add_next_cases(self._history)))
        return self.opened.over(label_segments(self._with_agents(rows), self.by))

    @cached_property
    def in_business_time(self) -> SegmentedRows:
        """Cases with their durations in opening hours."""
        name = self.limits.calendar
        rows = compute_once(
            self.log,
            f"business time {name}",
            lambda: materialise(case_business_times(self.log, name, self._history)),
        )
        return self.opened.over(label_segments(self._with_agents(rows), self.by))

    @cached_property
    def _first_case(self) -> Any:
        return find_first_of_log(self.log, self.log.table("cases"), "created_at")

    @cached_property
    def transitions(self) -> SegmentedRows:
        """Every change of a case between open and not open."""
        rows = compute_once(self.log, "transitions", lambda: materialise(transitions_expr(self.log)))
        if self.opened.first is not None:  # what a stray stamp puts before the first period is there from its start
            rows = rows.mutate(at=ibis.greatest(rows["at"], ibis.literal(self.opened.first)))
        return self.opened.over(label_segments(self._with_segments(rows), self.by))

    @cached_property
    def open_spans(self) -> pd.DataFrame:
        """Stretches in which a case was open."""
        return fetch_open_spans(self.transitions, self.log.table("cases"))

    @cached_property
    def turns(self) -> SegmentedRows:
        """Turns of customers, with the segments of their case and the instant at which it ended."""
        turns = turns_expr(self.log, self.facts)
        cases = self._history.select(_of="case_id", ended_at="ended_at")
        joined = turns.inner_join(cases, turns.case_id == cases["_of"]).drop("_of")
        return self._from(self._with_segments(joined), self.opened.first)

    @cached_property
    def sessions(self) -> SegmentedRows:
        """Sessions in which help articles were read: their begin, and the first case that came of them.

        By article there is one row for each article of a session; a case that came of the session counts for all.
        """
        views, cases = self.log.table("article_views"), self.log.table("cases")
        born = cases.select(_of="case_id", _born="created_at")
        asked = views.inner_join(born, views.case_id == born["_of"])
        asked = asked.group_by("session_id").agg(asked_at=asked["_born"].min()).rename(_session="session_id")
        begun = views.group_by("session_id", *self.by).agg(begun_at=views.viewed_at.min())
        sessions = begun.left_join(asked, begun.session_id == asked["_session"]).drop("_session")
        return self._source(sessions, "begun_at")

    @cached_property
    def contacts(self) -> SegmentedRows:
        """Calls and chats, with their own channel and team, else those of the linked case."""
        return self._source(self._with_segments(self._own_agent(self.log.table("contacts"))), "queued_at", "contacts")

    @cached_property
    def surveys(self) -> SegmentedRows:
        """Surveys offered, with the segments of the linked case."""
        rows = self.log.table("surveys")
        if self.by_agent and "agent_id" in rows.columns and not self.log.has("surveys", "case_id"):
            rows = self._own_agent(rows)
        return self._source(self._with_segments(rows), "offered_at", "surveys")

    @cached_property
    def article_views(self) -> SegmentedRows:
        """Views of help articles, with the segments of the linked case."""
        return self._source(self._with_segments(self.log.table("article_views")), "viewed_at", "article_views")

    @cached_property
    def milestones(self) -> SegmentedRows:
        """Milestones of the SLA, with the segments of their case and the instant at which each was decided."""
        from ..sla.milestones import milestones

        table = compute_once(self.log, "milestones", lambda: milestones(self.log))
        rows = ibis.memtable(table[["case_id", "metric", "status", "decided_at"]])
        return self._from(self._with_segments(rows), self.opened.first)

    @cached_property
    def tasks(self) -> SegmentedRows:
        """Self-service tasks."""
        return self._source(self.log.table("tasks"), "started_at")

    @cached_property
    def repairs(self) -> SegmentedRows:
        """Failures of assets, with the segments of the linked case."""
        return self._source(self._with_segments(self.log.table("repairs")), "failed_at", "repairs")

    @cached_property
    def agent_time(self) -> SegmentedRows:
        """Stretches of agents' time."""
        return self._source(self._own_agent(self.log.table("agent_time")), "start", "agent_time")

    def _own_agent(self, rows: Any) -> Any:
        """Let a row that names its agent be that agent's work."""
        return rows.mutate(**{AGENT: rows.agent_id}) if self.by_agent and "agent_id" in rows.columns else rows

    @cached_property
    def requests(self) -> SegmentedRows:
        """Cases on which an agent acted in a period: one row for each of both, at the first time in it."""
        rows = self._with_segments(acted_expr(self.log)) if self.by else acted_expr(self.log)
        source = self._from(rows, self._first_case)
        rows = source.rows.mutate(_ds=source.period_of(source.rows["at"]), _who=source.rows.agent)
        rows = rows.group_by("case_id", "_who", "_ds", *self.by).agg(at=rows["at"].min())
        return source.over(materialise(rows))  # every split counts them again

    @cached_property
    def cases_of_agents(self) -> SegmentedRows:
        """Cases in the segments of the agents' time: a case is of the team that it was last with."""
        rows = self._with_agents(self._history)
        rows = rows.mutate(team=rows.current_team) if "team" in self.by else rows
        return self.agent_time.over(label_segments(rows, self.by))

    @cached_property
    def costs(self) -> SegmentedRows:
        """Money in spans of time."""
        rows = self.log.table("costs")
        return self._source(rows.mutate(**{COST_CATEGORY: rows.category}) if self.by else rows, "start")

    @cached_property
    def cases_of_costs(self) -> Any:
        """Cases with the segments of the costs: every case has a part in each category."""
        rows = self._history
        return rows.cross_join(self.costs.rows.select(*self.by).distinct()) if self.by else rows

    @cached_property
    def denominators(self) -> SegmentedRows:
        """Customers and units sold, by month."""
        return self._source(self.log.table("denominators"), "start")

    @cached_property
    def volumes(self) -> SegmentedRows:
        """Counts in slots, for a log that keeps no single cases."""
        rows = self.log.table("volumes")
        slot = fetch(rows.agg(slot=rows.slot_s.max()))["slot"].iloc[0]
        minutes = parse_period_frequency(self.freq).minutes
        if minutes is not None and not pd.isna(slot) and slot > minutes * 60:
            raise InputError(
                "periods must not be shorter than the intervals of the log",
                column="freq",
                got=self.freq,
                wanted=f"at least {format_duration(slot)}",
                code="kpi.unavailable",
            )
        return self._source(rows, "ds")

    def bind(self, rows: Any, at: str) -> SegmentedRows:
        """Bind rows of a table that is not in the log, with the segments of the linked case."""
        return self._from(self._with_segments(rows) if self.by else rows, find_first_of_log(self.log, rows, at))

    def has_segments(self, table: str) -> bool:
        """Return whether the rows of a table can be split by all the columns that were asked for."""
        own = set(self.log.table(table).columns) if table in self.log.tables else set()
        linked = ("case_id" in own or table.endswith("_stays")) and self.log.has("cases")
        reach = set(self._segments_reach) if linked else set()
        reach |= {AGENT} if self.by_agent else set()
        own = own if table in ("contacts", "agent_time", "volumes", "denominators") else set()
        return set(self.by) <= own | set(_OWN_SEGMENTS.get(table, ())) | reach

    def has_surveyed_cases(self, kpi: str) -> bool:
        """Return whether any survey of a KPI's kind is about a case, whose segments are then its own."""
        if not self.log.has("surveys", "case_id"):
            return False
        rows = self.log.table("surveys")
        found = rows.filter(rows.case_id.notnull()).select("kind").distinct()
        kinds = compute_once(self.log, "kinds of surveyed cases", lambda: set(fetch(found)["kind"]))
        return kpi in kinds if kpi in SURVEY_KINDS else bool(kinds)

    @property
    def _segments_reach(self) -> tuple[str, ...]:
        columns = [
            c for c in self.log.table("cases").columns if c not in _NON_SEGMENT_COLUMNS and c not in DERIVED_COLUMNS
        ]
        return (*columns, *(_CURRENT_VALUE_COLUMNS if self.log.has("events") else ()))

    def _with_segments(self, rows: Any) -> Any:
        """Add the segment columns of the linked case where the rows have none of their own."""
        wanted = [name for name in self.by if name not in rows.columns]
        if not wanted:
            return rows
        cases = self._segments_of_cases.select(_of="case_id", **{f"_{name}": name for name in wanted})
        joined = rows.left_join(cases, rows.case_id == cases["_of"]).drop("_of")
        return joined.rename({name: f"_{name}" for name in wanted})


def _add_next_cases(rows: Any) -> Any:
    """Add when the customer came again: with any case, and with one of the same type."""
    if "customer_id" not in rows.columns:
        return rows
    subject = [c for c in ("case_type",) if c in rows.columns]
    order = ["created_at", "case_id"]
    again = ibis.window(group_by=["customer_id"], order_by=order)
    same = ibis.window(group_by=["customer_id", *subject], order_by=order)
    later = rows.created_at.lead()
    return rows.mutate(next_case_at=later.over(again), next_same_at=later.over(same))
