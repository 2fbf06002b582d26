"""What a queue is made of, gathered once: its segment of the log, arrivals, handle time, calendar and target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.case_log.cache import compute_once
from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.kpis.kpi_history import kpi_history, series
from ...features.kpis.volume_kpis import has_only_volumes
from ...forecasting.scenarios.adjustments import apply_adjustments
from ...forecasting.scenarios.sample_paths import sample_paths
from ...forecasting.staffing.handle_time_days import HandleTimeVariation, estimate_handle_time_variation
from ...forecasting.staffing.handle_times import estimate_handle_time_spread, estimate_handle_times, sum_by_interval
from ...forecasting.staffing.shrinkage import scheduled_agents, total_shrinkage
from ...forecasting.staffing.target import QueueTarget
from ...forecasting.volume.forecast import forecast
from ..project.project import Project
from ..project.specs import ShiftSpec, StaffingSpec
from ..state.adjustments import Adjustment
from ..words.facts import Finding
from ..words.figures import figure, setting
from ..words.words import format_list
from .adjusted import read_kept
from .adjusted_parts import carry_parts
from .forecast import forecast_context, read_known_columns

#: The table of what the sentences on staffing say and no other table holds.
FIGURES = "staff_figures"

#: Handle times are averaged over this many last days, so that they follow the desk.
AHT_WINDOW_DAYS = 56
#: From this share on, it is said how much days differ in handle time.
MIN_SAID_SPREAD = 0.01
#: Fewer handled contacts than this do not give a mean that can be planned with.
MIN_HANDLED_CONTACTS = 30
#: Past origins that the forecast of a queue rests on.
FORECAST_WINDOWS = 6


@dataclass(frozen=True)
class PlannedQueue:
    """One configured queue; what it needs from the log is read when it is first asked for, and kept."""

    project: Project
    name: str
    spec: StaffingSpec
    #: Time step -> methods that were proven for it: those of the forecast version in use.
    proven: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it stands in the configuration."""
        return f"[staffing.{self.name}]"

    @property
    def hours(self) -> float:
        """Length of an interval in hours."""
        return self.spec.interval_s / 3600

    @property
    def slots(self) -> int:
        """Intervals that are planned."""
        return round(self.spec.horizon_days * 86400 / self.spec.interval_s)

    @property
    def shrinkage(self) -> dict[str, Any]:
        """The shrinkage as :func:`deskcast.forecasting.scheduled_agents` takes it."""
        return read_shrinkage(self.spec)

    @property
    def total_shrinkage(self) -> float:
        """The share of paid time in which agents are not available."""
        return float(total_shrinkage(**self.shrinkage))

    @property
    def shifts(self) -> dict[str, ShiftSpec]:
        """Shifts that may cover it, by kind of contract."""
        return {kind: spec for kind, spec in self.project.config.shifts.items() if spec.queue == self.name}

    @property
    def calendar(self) -> BusinessCalendar | None:
        """Its opening hours, where they are configured."""
        return None if self.spec.calendar is None else self.project.log.calendars[self.spec.calendar]

    @property
    def target(self) -> QueueTarget:
        """What it promises; chats are not bound by occupancy."""
        spec, chats = self.spec, self.spec.kind == "chat"
        cap = None if chats else spec.max_occupancy
        held: dict[str, Any] = {"concurrency": spec.concurrency, "slowdown": spec.slowdown} if chats else {}
        return QueueTarget(spec.interval_s, spec.service_level, spec.within_s, cap, spec.patience_s, **held)

    @cached_property
    def where(self) -> dict[str, str]:
        """Its segment of the log."""
        return queue_segments(self.project.log, self.name, self.spec)

    @cached_property
    def handle_totals(self) -> HandleTotals | None:
        """What its handled contacts took, by interval; nothing where neither contacts nor a report tell it."""
        return read_handle_totals(self.project.log, self.where, self.spec)

    @cached_property
    def handle_time(self) -> tuple[float, Finding]:
        """Its mean handle time in seconds, and where that comes from, in words."""
        return describe_aht(self.handle_totals, self.spec, self.name)

    @cached_property
    def history(self) -> pd.DataFrame:
        """Its contacts so far."""
        return queue_arrivals(self.project.log, self.where, interval_freq(self.spec.interval_s))

    @cached_property
    def ahead(self) -> pd.DataFrame:
        """The forecast of its contacts that its agents are planned for, with what planners adjusted."""
        return self.adjust(self.forecast(self.history))

    @cached_property
    def kept(self) -> list[Adjustment]:
        """The adjustments of planners that are in force, of this queue and of others."""
        return read_kept(self.project)

    @cached_property
    def carried(self) -> tuple[list[Adjustment], dict[str, float]]:
        """The adjustments with those of its parts turned into ones of it, and the share of each such part."""
        is_contacts = self.spec.kind != "cases" and has_contacts(self.project.log, self.where)
        kpi = "contacts_offered" if is_contacts else "cases_opened"
        by = self.project.config.forecast.by
        return carry_parts(self.kept, self.adjusted_names, self.project.log, self.where, by, kpi)

    @property
    def adjusted_names(self) -> tuple[str, ...]:
        """What an adjustment calls it: its name, or a value of its segment."""
        return (self.name, *self.where.values())

    def adjust(self, ahead: pd.DataFrame) -> pd.DataFrame:
        """Apply the adjustments that touch it to a forecast or to sample paths."""
        return apply_adjustments(ahead, [one.change for one in self.carried[0]], self.adjusted_names)

    def handle_times(self, slots: Any) -> Any:
        """Return the handle time of each slot ahead."""
        return slot_handle_times(self.handle_totals, slots, self.handle_time[0])

    @cached_property
    def handle_time_variation(self) -> HandleTimeVariation:
        """How far the mean handle time of a day may be off, and with what it goes; nothing where it is configured."""
        if self.handle_totals is None or self.spec.kind == "cases":
            return HandleTimeVariation()
        return estimate_handle_time_variation(self.handle_totals.totals, self.history)

    def arrivals(self, kpi: str, by: tuple[str, ...] = ()) -> pd.DataFrame:
        """Return the history of a KPI in its segment and intervals, split further where that is asked for."""
        history = _count_by_interval(self.project.log, kpi, (*self.where, *by), interval_freq(self.spec.interval_s))
        return only_segment(history, self.where)

    def forecast(self, arrivals: pd.DataFrame, **context: Any) -> pd.DataFrame:
        """Forecast its arrivals over the days that are planned."""
        freq = interval_freq(self.spec.interval_s)
        return forecast(arrivals, self.slots, freq, **self._rules(context))

    def path_rules(self) -> dict[str, Any]:
        """Return the rules of its forecast, for paths that are drawn with those of other queues."""
        return self._rules({})

    def draw_paths(self, arrivals: pd.DataFrame, n: int) -> pd.DataFrame:
        """Draw sample paths of its arrivals over the days that are planned, by the rules of its forecast."""
        return self.adjust(
            sample_paths(arrivals, self.slots, interval_freq(self.spec.interval_s), n, **self._rules({}))
        )

    def _rules(self, context: Mapping[str, Any]) -> dict[str, Any]:
        known = forecast_context(self.project.config, self.project, self.spec.calendar)
        daily = read_known_columns(self.project.config)
        if "unique_id" in daily.get("regressors", ()):
            daily = {}  # they are of the segments of the forecast, which a queue is not
        proven = self.proven.get(interval_freq(self.spec.interval_s), {})
        return {"levels": (80, 95), "windows": FORECAST_WINDOWS, **known, **daily, **context, **proven}

    def schedule(self, agents: float) -> int:
        """Return the whole agents to schedule so that so many are at work."""
        return int(scheduled_agents(agents, **self.shrinkage))


def read_shrinkage(spec: StaffingSpec) -> dict[str, Any]:
    """Return the shrinkage of a queue as arguments: a share, or its parts and how they go together.

    >>> read_shrinkage(StaffingSpec())
    {'shrinkage': 0.3, 'parts': 'multiply'}
    """
    given = dict(spec.shrinkage) if isinstance(spec.shrinkage, Mapping) else spec.shrinkage
    return {"shrinkage": given, "parts": spec.shrinkage_parts}


def shrinkage_words(spec: StaffingSpec) -> Finding:
    """Write the shrinkage, and of several parts what they add up to by the other reading.

    >>> shrinkage_words(StaffingSpec(shrinkage={"leave": 0.2, "breaks": 0.1}))
    'shrinkage 28% (multiplied; added 30%)'
    """
    whole = setting("shrinkage", float(total_shrinkage(**read_shrinkage(spec))), "share")
    if not isinstance(spec.shrinkage, Mapping) or len(spec.shrinkage) < 2:
        return Finding(f"shrinkage {whole:%}", whole)
    if spec.shrinkage_parts == "add":
        other = setting("shrinkage", float(total_shrinkage(read_shrinkage(spec)["shrinkage"])), "share")
        return Finding(f"shrinkage {whole:%} (added; multiplied {other:%})", whole, other)
    other = setting("shrinkage", sum(float(share) for share in spec.shrinkage.values()), "share")
    return Finding(f"shrinkage {whole:%} (multiplied; added {other:%})", whole, other)


def only_segment(rows: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of a segment, by those of its columns that the frame has."""
    for column, value in where.items():
        rows = rows[rows[column] == value] if column in rows else rows
    return rows


def interval_freq(interval_s: float) -> str:
    """Return the name of a frequency for an interval in seconds.

    >>> interval_freq(1800), interval_freq(3600)
    ('30min', 'h')
    """
    minutes = round(interval_s / 60)
    return "h" if minutes == 60 else f"{minutes}min"


def queue_segments(log: CaseLog, name: str, spec: StaffingSpec) -> dict[str, str]:
    """Return the segment of a queue: as configured, else the channel of its name, else everything."""
    if spec.where:
        return dict(spec.where)
    known = any(name in _find_channels(log, table) for table in ("contacts", "cases") if log.has(table, "channel"))
    return {"channel": name} if known else {}


def _find_channels(log: CaseLog, table: str) -> frozenset[str]:
    """Return the channels of a table; several queues ask for them."""

    def find() -> frozenset[str]:
        return frozenset(log.frame(log.table(table).select("channel").distinct())["channel"].dropna())

    return compute_once(log, ("channels", table), find)


def queue_arrivals(log: CaseLog, where: dict[str, str], freq: str) -> pd.DataFrame:
    """Return the arrivals of one queue by interval: its contacts where they are recorded, else its cases."""
    kpi = "contacts_offered" if has_contacts(log, where) else "cases_opened"
    history = only_segment(_count_by_interval(log, kpi, tuple(where), freq), where)
    if history.empty or history["value"].sum() == 0:
        raise InputError(
            "missing contacts or cases in this queue",
            column=format_list(list(where)) if where else None,
            got=where,
            code="queue.empty",
        )
    clock = history.loc[history["value"] > 0, "ds"]
    if ((clock.dt.hour == 0) & (clock.dt.minute == 0)).mean() > 0.9:
        raise InputError(
            "the arrivals have no time of day",
            hint="agents per interval need the time of each arrival",
            code="time.unreadable",
        )
    return series(history, kpi)


def _count_by_interval(log: CaseLog, kpi: str, by: tuple[str, ...], freq: str) -> pd.DataFrame:
    """Return the history of a KPI by segment: queues of other segments ask for the same one."""
    history = compute_once(log, ("history", kpi, by, freq), lambda: kpi_history(log, [kpi], by, freq))
    return history.copy(deep=False)


def counted_noun(queue: PlannedQueue) -> str:
    """Return what arrives in a queue: a desk without contacts and counts of them plans its cases as they come."""
    log = queue.project.log
    return "cases" if log.has("cases") and not has_contacts(log, queue.where) else "contacts"


def has_contacts(log: CaseLog, where: dict[str, str]) -> bool:
    """Return whether contacts of this queue are recorded."""
    if not log.has("contacts", *where):
        return False
    return compute_once(log, ("contacts", *sorted(where.items())), lambda: _has_rows(log, where))


def _has_rows(log: CaseLog, where: dict[str, str]) -> bool:
    rows = log.table("contacts")
    for column, value in where.items():
        rows = rows.filter(rows[column] == value)
    return len(fetch(rows.limit(1))) > 0


@dataclass(frozen=True)
class HandleTotals:
    """What contacts of the last weeks took: ``ds`` (start of an interval, local clock), ``handle_s`` and ``n``."""

    totals: pd.DataFrame
    from_report: bool

    @property
    def contacts(self) -> int:
        """Contacts behind it."""
        return round(self.totals["n"].sum())


def read_handle_totals(log: CaseLog, where: Mapping[str, str], spec: StaffingSpec) -> HandleTotals | None:
    """Return what the contacts of a queue took by interval, from single contacts or a report; nothing if configured."""
    if spec.aht_s is not None:
        return None
    for from_report in (False, True):
        totals = reported_handle_times(log, where) if from_report else contact_handle_times(log, where, spec.interval_s)
        if totals is not None and totals["n"].sum() >= MIN_HANDLED_CONTACTS:
            return HandleTotals(totals, from_report)
    return None


def describe_aht(read: HandleTotals | None, spec: StaffingSpec, name: str) -> tuple[float, Finding]:
    """Return the mean of what contacts took, or the configured handle time, and where it comes from, in words."""
    if spec.aht_s is not None:
        return spec.aht_s, Finding(" (configured)")
    if read is None:
        raise InputError(
            "missing AHT",
            where=f"[staffing.{name}]",
            column="aht",
            hint="add a line such as aht = '4min'",
            code="queue.empty",
        )
    mean = float(read.totals["handle_s"].sum() / read.totals["n"].sum())
    count = figure(FIGURES, "contacts behind the handle time", name, read.contacts)
    said, facts = f", from {count:contact} of the report, by interval and weekday", [count]
    if not read.from_report:
        weeks = setting("handle time window in weeks", AHT_WINDOW_DAYS / 7)
        said, facts = f", from {count:contact} in the last {weeks:week}, by interval and weekday", [count, weeks]
    spread = estimate_handle_time_spread(read.totals)
    if spread < MIN_SAID_SPREAD:
        return mean, Finding(said, *facts)
    off = figure(FIGURES, "days differ in handle time by", name, spread, "share")
    return mean, Finding(f"{said}; days differ by {off:%}", *facts, off)


def contact_handle_times(log: CaseLog, where: Mapping[str, str], interval_s: float) -> pd.DataFrame | None:
    """Return ``ds`` (local clock), ``handle_s`` and ``n`` of the single contacts of the last days, if any ended."""
    if not log.has("contacts", "answered_at", "ended_at"):
        return None
    contacts = log.table("contacts")
    recent = contacts.filter(contacts.queued_at > log.until - pd.Timedelta(days=AHT_WINDOW_DAYS))
    for column, value in where.items():
        if column in contacts.columns:
            recent = recent.filter(recent[column] == value)
    rows = log.frame(recent.filter(recent.answered_at.notnull() & recent.ended_at.notnull()))
    seconds = (rows["ended_at"] - rows["answered_at"]).dt.total_seconds()
    if "wrap_s" in rows and rows["wrap_s"].notna().any():  # where it is not recorded it is not 0 but as elsewhere
        seconds = seconds + rows["wrap_s"].fillna(rows["wrap_s"].mean())
    local = rows["queued_at"].dt.tz_convert(log.timezone).dt.tz_localize(None)
    return sum_by_interval(local, seconds, interval_s)


def reported_handle_times(log: CaseLog, where: Mapping[str, str]) -> pd.DataFrame | None:
    """Return ``ds`` (local clock), ``handle_s`` and ``n`` of the last days of an interval report, if it has them."""
    if not has_only_volumes(log) or not log.has("volumes", "handle_s", *where):
        return None
    rows = log.table("volumes")
    rows = rows.filter(rows.handle_s.notnull() & (rows.ds > log.until - pd.Timedelta(days=AHT_WINDOW_DAYS)))
    for column, value in where.items():
        rows = rows.filter(rows[column] == value)
    frame = log.frame(rows)
    handled = frame["answered"].fillna(frame["y"]) if "answered" in frame else frame["y"]
    local = frame["ds"].dt.tz_convert(log.timezone).dt.tz_localize(None)
    return pd.DataFrame({"ds": local, "handle_s": frame["handle_s"], "n": handled})


def slot_handle_times(read: HandleTotals | None, slots: Any, aht: float) -> Any:
    """Return the handle time of each slot ahead where contacts or a report tell it, else the one that is given."""
    return aht if read is None else estimate_handle_times(read.totals, slots)
