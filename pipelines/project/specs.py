"""What a configuration says, section by section, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...features.sources.spec import SourceSpec


@dataclass(frozen=True)
class CalendarSpec:
    """Opening hours of a team: a zone, weekly hours, and holidays by country or date."""

    timezone: str = "UTC"
    open: Mapping[str, list[str]] = field(default_factory=dict)
    holidays: str | list[str] = ""


@dataclass(frozen=True)
class SlaSpec:
    """One promise: a metric, its target in seconds, and the clock that it runs on.

    With ``clock = "source"`` the exporting system decides, and a flag of that name in the log is the outcome. A
    ``preset`` (zendesk, salesforce, servicenow, jira) fills in the options that the promise leaves open; ``when``
    are the attributes of the cases that it is for, several values divided by ``|``.
    """

    metric: str
    target_s: float | None = None
    priority: str | None = None
    policy: str = "default"
    clock: str = "calendar"
    calendar: str | None = None
    pause_on: tuple[str, ...] = ()
    valid_from: str | None = None
    preset: str | None = None
    when: Mapping[str, str] = field(default_factory=dict)
    match: str | None = None
    on_change: str | None = None
    cycles: str | None = None
    versions: str | None = None
    starts: str | None = None


@dataclass(frozen=True)
class HistorySpec:
    """Which KPIs are kept as history, by which segments, and how often.

    A re-opening or a further case within ``repeat`` counts against a resolution, an answer to a survey within
    ``survey`` as a response, and a case within ``deflection`` against the article. ``calendar`` is the one of business
    time, where there are several.
    """

    by: tuple[str, ...] = ()
    freq: str = "D"
    kpis: tuple[str, ...] = ()
    repeat_s: float = 7 * 86400.0
    survey_s: float = 7 * 86400.0
    deflection_s: float = 86400.0
    calendar: str | None = None


@dataclass(frozen=True)
class ForecastSpec:
    """What is forecast, how far ahead, and in which slots.

    ``kpi`` is another KPI of the history instead of what arrives; ``models`` are ``auto``, ``all`` or names;
    ``reconcile`` is how segments are made to add up: ``wls``, ``variance``, ``bottom_up`` or ``none``.
    """

    by: tuple[str, ...] = ()
    freq: str = "D"
    horizon: int = 28
    windows: int = 12
    levels: tuple[int, ...] = (80, 95)
    calendar: str | None = None
    holidays: str | list[str] = ""
    kpi: str = ""
    models: tuple[str, ...] = ("auto",)
    reconcile: str = "wls"


@dataclass(frozen=True)
class EventSpec:
    """A known event: days that are open but different."""

    name: str
    start: str
    end: str


@dataclass(frozen=True)
class StaffingSpec:
    """What a queue promises, and what its agents need.

    ``kind`` is ``calls`` (one at a time), ``chat`` (``concurrency`` at a time, each slower by ``slowdown`` for every
    other one) or ``cases`` (work that can wait until it is due: in ``sla``, or by the promises on resolution).
    ``where`` chooses the arrivals of the queue by segment, such as ``{ channel = "phone" }``; by default the
    channel of the queue's name, or everything where there is no such channel. ``aht`` is taken from the
    contacts where it is not given. ``shrinkage`` is a share, or a table of parts: by ``shrinkage_parts``
    each is a share of what the others leave (``multiply``) or of all paid time (``add``).
    """

    kind: str = "calls"
    service_level: float = 0.80
    within_s: float = 20.0
    patience_s: float | None = None
    shrinkage: float | Mapping[str, float] = 0.30
    shrinkage_parts: str = "multiply"
    max_occupancy: float = 0.85
    aht_s: float | None = None
    interval_s: float = 1800.0
    horizon_days: int = 7
    confidence: float | None = None
    concurrency: float = 3.0
    slowdown: float = 0.0
    sla_s: float | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    calendar: str | None = None


@dataclass(frozen=True)
class ShiftSpec:
    """Shifts of one kind of contract that may cover a queue: lengths, begins, breaks, days a week.

    Times of day are texts such as ``07:00``; an end after midnight is written above 24, such as ``26:00``.
    """

    queue: str
    lengths: tuple[str, ...] = ("8h30min",)
    days: tuple[str, ...] = ("mon-sun",)
    first_start: str = "07:00"
    last_end: str = "22:00"
    step_s: float = 1800.0
    break_s: float = 1800.0
    days_per_week: int = 5
    max_agents: int | None = None


@dataclass(frozen=True)
class ActionSpec:
    """What to do about a case at risk: the first action whose conditions hold is suggested.

    ``when`` are conditions on the leading ``reason`` (a group such as ``reply`` or ``transfers``), the ``risk_level``,
    and ``priority``, ``team``, ``owner``, ``status``, ``channel``, ``product``, ``region``, ``case_type`` or
    ``paused``; several values are divided by ``|``. ``success_rate`` is the chance that it prevents the breach when it
    comes in time, ``effort`` the work that it takes.
    """

    do: str
    when: Mapping[str, str] = field(default_factory=dict)
    success_rate: float = 1.0
    effort_s: float | None = None


@dataclass(frozen=True)
class RiskSpec:
    """When the open cases are looked at, how many are listed, and how many can be taken up.

    ``cases_per_day`` cases, or ``capacity`` of work a day, are picked by what is expected to be saved: a case takes
    ``effort``, and a breach costs ``cost`` (a number, or one by priority). None below ``min_probability`` is picked,
    even if there is room. ``segments`` are columns of the cases whose track record tells dissatisfaction.
    """

    at: str = "08:00"
    top: int = 10
    train_days: int = 120
    actions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cases_per_day: int | None = None
    capacity_s: float | None = None
    effort_s: float = 1800.0
    min_probability: float = 0.1
    cost: float | Mapping[str, float] = 1.0
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class WatchSpec:
    """Which KPIs are watched for shifts, in which segments, and how many false alarms a week are borne.

    By default the KPIs that matter, in the segments of the history. ``min_volume`` are the cases that a value must rest
    on, ``min_effect`` the least change that is worth a word (0.1 is 10 %, for shares 2 points).
    """

    kpis: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    false_alerts_per_week: float = 1.0
    min_volume: float = 5.0
    min_effect: float = 0.1


@dataclass(frozen=True)
class GoalSpec:
    """A goal: a KPI and the value that it should reach by the end of a period (``W``, ``MS``, ``QS`` or ``YS``).

    ``better`` is ``higher`` or ``lower``; where it is not given, the KPI tells.
    """

    name: str
    kpi: str
    target: float
    better: str | None = None
    period: str = "MS"


@dataclass(frozen=True)
class RunSpec:
    """What every run is held to: data that end longer than ``fresh`` ago are stale; off until it is set."""

    fresh_s: float | None = None


@dataclass(frozen=True)
class Config:
    """Everything that one run needs to know; relative paths are resolved against ``folder``."""

    folder: Path
    sources: tuple[SourceSpec, ...]
    timezone: str = "UTC"
    calendars: Mapping[str, CalendarSpec] = field(default_factory=dict)
    slas: tuple[SlaSpec, ...] = ()
    history: HistorySpec = HistorySpec()
    forecast: ForecastSpec = ForecastSpec()
    events: tuple[EventSpec, ...] = ()
    staffing: Mapping[str, StaffingSpec] = field(default_factory=dict)
    shifts: Mapping[str, ShiftSpec] = field(default_factory=dict)
    risk: RiskSpec = RiskSpec()
    watch: WatchSpec = WatchSpec()
    goals: tuple[GoalSpec, ...] = ()
    run: RunSpec = RunSpec()
    actions: tuple[ActionSpec, ...] = ()
    tracking_uri: str = "sqlite:///mlflow.db"
    experiment: str = "deskcast"
    results: str = "results"

    @property
    def results_folder(self) -> Path:
        """Folder of the result tables."""
        return self.folder / self.results

    def path(self, name: str) -> Path:
        """Return a path of the configuration, resolved against its folder."""
        return self.folder / name
