"""What a configuration says, section by section, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from ...features.case_log.schema import TABLES
from ...features.errors import InputError, did_you_mean
from ...features.sla.policies import SLA_METRICS
from ...features.sla.presets import POLICY_OPTIONS, PRESETS
from ...features.sources.spec import SourceSpec
from ...forecasting.staffing.lagged_load import LOADS
from ...forecasting.staffing.path_plan import PERIODS
from ...forecasting.staffing.shrinkage import SHRINKAGE_PARTS
from . import fields
from .break_texts import parse_break
from .checks import check_condition, check_local_path
from .engine_specs import EngineSpec
from .fields import SECTION, one_of
from .goal_specs import AdviceSpec, GoalSpec
from .night_specs import AlarmSpec, MailSpec, ResultsSpec, RunSpec
from .page_specs import PageSpec, ServeSpec, UserSpec
from .people_specs import ChangeSpec, PeopleSpec
from .record_specs import ModelSpec, PluginsSpec, StateSpec
from .state_place import StatePlace

#: How the days off of a week may lie.
DAYS_OFF = ("together", "apart")
#: How segments are made to add up.
RECONCILE_METHODS = ("wls", "variance", "bottom_up", "none")


@dataclass(frozen=True, config=SECTION)
class SourceSection(SourceSpec):
    """A source as a configuration gives it: a file, several of one form, or a database."""

    timezone: fields.Zone = "UTC"

    @model_validator(mode="after")
    def _check(self) -> SourceSection:
        given = [k for k in ("path", "files", "database") if getattr(self, k)]
        if len(given) == 2 or not (given or self.parts):
            wanted = "one of path = 'FILE', parts = { ... } and database = 'postgresql://...'"
            problem = "a source is either a path or a database" if given else "missing key"
            raise InputError(problem, column="path", wanted=wanted, code="setting.invalid")
        for path in (self.path, *self.files, *(() if self.database else self.parts.values())):
            check_local_path(path or "", "", "a source is a file or a folder of this machine")
        if self.table not in TABLES:
            hint = did_you_mean(self.table, tuple(TABLES))
            raise InputError("unknown canonical table", column="table", got=self.table, hint=hint, code="table.unknown")
        return self


@dataclass(frozen=True, config=SECTION)
class CalendarSpec:
    """Opening hours of a team: a zone, weekly hours, and holidays by country or date."""

    timezone: fields.Zone = "UTC"
    open: Mapping[str, Any] = field(default_factory=dict)
    holidays: str | list[str] = ""


@dataclass(frozen=True, config=SECTION)
class SlaSpec:
    """One promise: a metric, its target in seconds, and the clock that it runs on.

    With ``clock = "source"`` the exporting system decides, and a flag of that name in the log is the outcome. With
    ``clock = "due"`` each case has a due time of its own for the metric (first_response, next_response, resolution): of
    the columns ``due_at``, ``first_response_due_at``, ``next_response_due_at``, or of events. A
    ``preset`` (zendesk, salesforce, servicenow, jira) fills in the options that the promise leaves open; ``when``
    are the attributes of the cases that it is for, several values divided by ``|``.
    """

    metric: str
    target_s: float | None = None
    priority: str | None = None
    policy: str = "default"
    clock: Annotated[str, one_of("unknown clock", lambda: ("calendar", "business", "due", "source"))] = "calendar"
    calendar: str | None = None
    pause_on: tuple[str, ...] = ()
    valid_from: str | None = None
    preset: Annotated[str | None, one_of("unknown preset", lambda: [name for name in PRESETS if name])] = None
    when: Mapping[str, str] = field(default_factory=dict)
    match: Annotated[str | None, one_of("unknown match", lambda: POLICY_OPTIONS["match"])] = None
    on_change: Annotated[str | None, one_of("unknown on_change", lambda: POLICY_OPTIONS["on_change"])] = None
    cycles: Annotated[str | None, one_of("unknown cycles", lambda: POLICY_OPTIONS["cycles"])] = None
    versions: Annotated[str | None, one_of("unknown versions", lambda: POLICY_OPTIONS["versions"])] = None
    starts: Annotated[str | None, one_of("unknown starts", lambda: POLICY_OPTIONS["starts"])] = None

    @model_validator(mode="after")
    def _check(self) -> SlaSpec:
        if self.clock not in ("source", "due") and self.target_s is None:
            raise InputError("missing key", column="target", hint="a duration such as '6h'", code="setting.missing")
        if self.clock == "business" and self.calendar is None:
            raise InputError("a business clock needs a calendar", column="calendar", code="calendar.unknown")
        if self.clock != "source" and self.metric not in SLA_METRICS:
            hint = f"{did_you_mean(self.metric, SLA_METRICS)}; a flag of the exporting system needs clock = 'source'"
            raise InputError("unknown metric", column="metric", got=self.metric, hint=hint, code="metric.unknown")
        return self


@dataclass(frozen=True, config=SECTION)
class HistorySpec:
    """Which KPIs are kept as history, by which segments, and how often.

    A re-opening or a further case within ``repeat`` counts against a resolution, an answer to a survey within
    ``survey`` as a response, and a case within ``deflection`` against the article. ``calendar`` is the one of business
    time, where there are several.
    """

    by: tuple[str, ...] = ()
    freq: fields.Frequency = "D"
    kpis: fields.KpiNames = ()
    repeat_s: float = 7 * 86400.0
    survey_s: float = 7 * 86400.0
    deflection_s: float = 86400.0
    calendar: str | None = None


@dataclass(frozen=True, config=SECTION)
class ForecastSpec:
    """What is forecast, how far ahead, and in which slots.

    ``kpi`` is another KPI of the history instead of what arrives; ``models`` are ``auto``, ``all`` or names;
    ``regressors`` is a file of ``ds`` and what is known for the past and the days ahead, one column each;
    ``reconcile`` is how segments are made to add up: ``wls``, ``variance``, ``bottom_up`` or ``none``.
    """

    by: tuple[str, ...] = ()
    freq: fields.Frequency = "D"
    horizon: fields.Horizon = 28
    windows: fields.Count = 12
    levels: fields.Levels = (80, 95)
    calendar: str | None = None
    holidays: str | list[str] = ""
    kpi: fields.KpiName = ""
    models: fields.ModelNames = ("auto",)
    reconcile: Annotated[str, one_of("unknown way to add up", lambda: RECONCILE_METHODS)] = "wls"
    regressors: str = ""


@dataclass(frozen=True, config=SECTION)
class EventSpec:
    """A known event: days that are open but different."""

    name: str
    start: str
    end: str

    @model_validator(mode="after")
    def _check(self) -> EventSpec:
        if self.end < self.start:
            raise InputError("the event ends before it starts", column="end", got=self.end, code="time.order")
        return self


@dataclass(frozen=True, config=SECTION)
class StaffingSpec:
    """What a queue promises, and what its agents need.

    ``kind`` is ``calls`` (one at a time), ``chat`` (``concurrency`` at a time, each slower by ``slowdown`` for every
    other one) or ``cases`` (work that can wait until it is due: in ``sla``, or by the promises on resolution).
    ``where`` chooses the arrivals of the queue by segment, such as ``{ channel = "phone" }``; by default the
    channel of the queue's name, or everything where no channel has it. ``aht`` is taken from the
    contacts where it is not given. ``shrinkage`` is a share, or a table of parts: by ``shrinkage_parts``
    each is a share of what the others leave (``multiply``) or of all paid time (``add``). With ``target_over`` the
    target is met over each ``day`` or ``week`` with probability ``confidence``, by joint sample paths. ``skills`` are
    what its contacts ask of an agent, all of them; queues with skills share the groups of ``[agents.NAME]``, and those
    of a lower ``priority`` number are answered first. ``load`` of calls is that of the contacts of an ``interval``, or
    the ``offered_load``: the work that is in it, whenever it came; ``auto`` where calls last half an interval or more.
    """

    kind: Annotated[str, one_of("unknown kind", lambda: ("calls", "chat", "cases"))] = "calls"
    service_level: fields.Share = 0.80
    within_s: float = 20.0
    patience_s: fields.SomeTime | None = None
    shrinkage: fields.Shares = 0.30
    shrinkage_parts: Annotated[str, one_of("unknown way to join parts", lambda: SHRINKAGE_PARTS)] = "multiply"
    max_occupancy: fields.Occupancy = 0.85
    aht_s: fields.SomeTime | None = None
    interval_s: fields.Interval = 1800.0
    horizon_days: fields.Days = 7
    confidence: fields.Share | None = None
    target_over: Annotated[str, one_of("unknown period", lambda: PERIODS)] = "interval"
    concurrency: fields.FromOne = 3.0
    slowdown: fields.FromZero = 0.0
    sla_s: float | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    calendar: str | None = None
    skills: tuple[str, ...] = ()
    priority: fields.Count = 1
    load: Annotated[str, one_of("unknown way to take the load", lambda: LOADS)] = "auto"

    @model_validator(mode="after")
    def _check(self) -> StaffingSpec:
        if self.skills and self.kind != "calls":
            problem, wanted = "skills are for queues of calls", 'kind = "calls"'
            raise InputError(problem, column="skills", got=self.kind, wanted=wanted, code="setting.invalid")
        if self.load != "auto" and self.kind != "calls":
            problem, wanted = "the load is chosen for queues of calls", 'kind = "calls"'
            raise InputError(problem, column="load", got=self.kind, wanted=wanted, code="setting.invalid")
        if self.target_over != "interval" and self.confidence is None:
            problem, hint = "a target over a day or week needs a confidence", "such as confidence = 0.8"
            raise InputError(problem, column="confidence", hint=hint, code="setting.missing")
        added = sum(self.shrinkage.values()) if isinstance(self.shrinkage, Mapping) else self.shrinkage
        if self.shrinkage_parts == "add" and added >= 1:
            problem, wanted = "parts must leave some time", "a sum below 1"
            raise InputError(problem, column="shrinkage", got=added, wanted=wanted, code="setting.invalid")
        return self


@dataclass(frozen=True, config=SECTION)
class ShiftSpec:
    """Shifts of one kind of contract that may cover a queue: lengths, begins, breaks, days a week.

    Times of day are texts such as ``07:00``; an end after midnight is written above 24, such as ``26:00``. ``starts``
    are the begins of a desk that never closes, in place of all between ``first_start`` and ``last_end``. ``breaks``
    are placed by the plan, each between two times after the begin, such as ``30min from 3h to 5h``; they replace
    ``break``. Days off lie together, or ``apart``.
    """

    queue: str
    lengths: tuple[str, ...] = ("8h30min",)
    days: tuple[str, ...] = ("mon-sun",)
    first_start: str = "07:00"
    last_end: str = "22:00"
    step_s: float = 1800.0
    break_s: float = 1800.0
    days_per_week: fields.Count = 5
    max_agents: fields.Count | None = None
    min_agents: fields.Count | None = None
    starts: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    days_off: Annotated[str, one_of("unknown way to lay days off", lambda: DAYS_OFF)] = "together"
    min_rest_s: fields.SomeTime | None = None

    @model_validator(mode="after")
    def _check(self) -> ShiftSpec:
        if not self.lengths:
            raise InputError(
                "missing lengths of shifts", column="lengths", hint='such as "8h30min"', code="setting.missing"
            )
        for text in self.breaks:
            parse_break(text)
        if self.min_agents is not None and self.max_agents is not None and self.min_agents > self.max_agents:
            problem, wanted = "minimum must not exceed maximum", f"at most max_agents = {self.max_agents}"
            raise InputError(problem, column="min_agents", got=self.min_agents, wanted=wanted, code="plan.impossible")
        return self


@dataclass(frozen=True, config=SECTION)
class AgentsSpec:
    """A group of agents who have the same skills: they can serve every queue that asks for no others.

    ``cost`` is that of an agent beside those of other groups.
    """

    skills: tuple[str, ...]
    cost: fields.AboveZero = 1.0
    max_agents: fields.Count | None = None

    @model_validator(mode="after")
    def _check(self) -> AgentsSpec:
        if not self.skills:
            hint = "the skills of a queue in [staffing.NAME]"
            raise InputError("missing skills", column="skills", hint=hint, code="setting.missing")
        return self


@dataclass(frozen=True, config=SECTION)
class ActionSpec:
    """What to do about a case at risk: the first action whose conditions hold is suggested.

    ``when`` are conditions on the leading ``reason`` (a group such as ``reply`` or ``transfers``), the ``risk_level``,
    and ``priority``, ``team``, ``owner``, ``status``, ``channel``, ``product``, ``region``, ``case_type`` or
    ``paused``; several values are divided by ``|``. ``success_rate`` is the chance that it prevents the breach when it
    comes in time, ``effort`` the work that it takes.
    """

    do: str
    when: Mapping[str, str] = field(default_factory=dict)
    success_rate: fields.Probability = 1.0
    effort_s: fields.Work | None = None

    @model_validator(mode="after")
    def _check(self) -> ActionSpec:
        for key, values in self.when.items():
            check_condition(key, values)
        return self


@dataclass(frozen=True, config=SECTION)
class RiskSpec:
    """When the open cases are looked at, how many are listed, and how many can be taken up.

    ``cases_per_day`` cases, or ``capacity`` of work a day, are picked by what is expected to be saved: a case takes
    ``effort``, and a breach costs ``cost`` (a number, or one by priority). None below ``min_probability`` is picked,
    even if there is room. ``segments`` are columns of the cases whose track record tells dissatisfaction. A hand-over
    to a team of ``escalated_to`` (``"*"``: to any other) is an escalation, as events of the kind ``escalated`` are.
    Where no model was promoted, runs train one ``train_every`` so often and bring it up to date in between.
    """

    at: fields.Clock = "08:00"
    top: fields.Count = 10
    train_days: fields.Days = 120
    train_every_s: fields.SomeTime = 604800.0
    actions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    cases_per_day: fields.Count | None = None
    capacity_s: fields.SomeTime | None = None
    effort_s: fields.SomeTime = 1800.0
    min_probability: fields.Probability = 0.1
    cost: fields.Costs = 1.0
    segments: tuple[str, ...] = ()
    escalated_to: tuple[str, ...] = ()


@dataclass(frozen=True, config=SECTION)
class WatchSpec:
    """Which KPIs are watched for shifts, in which segments, and how many false alarms a week are borne.

    By default the KPIs that matter, in the segments of the history. ``min_volume`` are the cases that a value must rest
    on, ``min_effect`` the least change that is worth a word (0.1 is 10 %, for shares 2 points).
    """

    kpis: fields.KpiNames = ()
    by: tuple[str, ...] = ()
    false_alerts_per_week: fields.AboveZero = 1.0
    min_volume: fields.FromZero = 5.0
    min_effect: fields.FromZero = 0.1
    default_advice: bool = True


@dataclass(frozen=True, config=SECTION)
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
    agents: Mapping[str, AgentsSpec] = field(default_factory=dict)
    risk: RiskSpec = RiskSpec()
    watch: WatchSpec = WatchSpec()
    goals: tuple[GoalSpec, ...] = ()
    run: RunSpec = RunSpec()
    alarms: tuple[AlarmSpec, ...] = ()
    mail: MailSpec = MailSpec()
    model: ModelSpec = ModelSpec()
    actions: tuple[ActionSpec, ...] = ()
    people: PeopleSpec = PeopleSpec()
    changes: tuple[ChangeSpec, ...] = ()
    advice: tuple[AdviceSpec, ...] = ()
    plugins: PluginsSpec = PluginsSpec()
    state: StateSpec = StateSpec()
    page: PageSpec = PageSpec()
    serve: ServeSpec = ServeSpec()
    users: tuple[UserSpec, ...] = ()
    engine: EngineSpec = EngineSpec()
    tracking_uri: str = "sqlite:///mlflow.db"
    experiment: str = "deskcast"
    tracking_keep_s: float | None = None
    results: str = "results"
    results_copy: ResultsSpec = ResultsSpec()

    @property
    def results_folder(self) -> Path:
        """Folder of the result tables."""
        return self.folder / self.results

    @property
    def state_place(self) -> StatePlace:
        """Where this desk keeps what it remembers."""
        spec, folder = self.state, self.folder.resolve().name
        desk = spec.desk or (folder if spec.database else "")  # a folder may be renamed with the file in it
        return StatePlace(self.results_folder, spec.database or "", spec.keep_s / 86400, desk)

    def path(self, name: str) -> Path:
        """Return a path of the configuration, resolved against its folder."""
        return self.folder / name
