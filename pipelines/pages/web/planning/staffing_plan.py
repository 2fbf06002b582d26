"""Targets that a planner moves with sliders, and the staffing plan for them by the functions of the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from .....forecasting.staffing.confidence_curve import confidence_curve
from .....forecasting.staffing.staffing_plan import plan_for_target
from .....forecasting.staffing.target import QueueTarget
from ....words.facts import Cell
from ..frame.snapshot import Snapshot


@dataclass(frozen=True)
class Slider:
    """A target that can be moved: what it is called, its ends, step and unit, and how many of it are 1 of the model."""

    name: str
    label: str
    low: int
    high: int
    step: int
    unit: str
    scale: float
    hint: str = ""


#: Sliders in their order; each is a column of ``staffing_settings``.
SLIDERS = (
    Slider("service_level", "Service level target", 50, 99, 1, "%", 100),
    Slider("patience_s", "Patience", 0, 900, 10, " s", 1, "0: callers wait as long as it takes"),
    Slider("shrinkage", "Shrinkage", 0, 60, 1, "%", 100),
    Slider("max_occupancy", "Highest occupancy", 50, 100, 1, "%", 100),
    Slider("confidence", "Confidence", 50, 99, 1, "%", 100, "50: plan for the forecast itself"),
)
#: What a slider shows where its target does not bind.
_UNBOUND = {"patience_s": 0, "max_occupancy": 100, "confidence": 50}


@dataclass(frozen=True)
class QueueSettings:
    """Settings of a queue; ``None`` where one does not bind.

    Attributes
    ----------
    queue, kind, interval_s
        Name, ``calls``, ``chat`` or ``cases``, and length of an interval.
    service_level, within_s, patience_s, max_occupancy, shrinkage, confidence, concurrency, slowdown
        As in the section ``[staffing.NAME]``.
    aht_spread
        How far the mean handle time of a day may be off, as a share.
    aht_with_volume
        Percent by which contacts take longer on a day with 1% more of them.
    target_over
        ``interval``, ``day`` or ``week``: what the target is met over. Sliders plan by interval.
    """

    queue: str
    kind: str
    interval_s: float
    service_level: float
    within_s: float
    patience_s: float | None
    max_occupancy: float | None
    shrinkage: float
    confidence: float | None
    concurrency: float | None
    slowdown: float | None
    aht_spread: float | None = None
    target_over: str | None = None
    aht_with_volume: float | None = None

    @property
    def target(self) -> QueueTarget:
        """What the queue promises."""
        held: dict[str, Any] = {}
        if self.kind == "chat":
            held = {"concurrency": self.concurrency, "slowdown": self.slowdown or 0.0}
        return QueueTarget(
            self.interval_s, self.service_level, self.within_s, self.max_occupancy, self.patience_s, **held
        )

    @property
    def values(self) -> dict[str, int]:
        """Where the sliders stand."""
        held = asdict(self)
        return {
            s.name: _UNBOUND[s.name] if held[s.name] is None else min(max(round(held[s.name] * s.scale), s.low), s.high)
            for s in self.sliders
        }

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """Sliders of this kind of work: occupancy does not bind chats."""
        return tuple(s for s in SLIDERS if not (self.kind == "chat" and s.name == "max_occupancy"))

    @property
    def required(self) -> str:
        """Column of a plan that is planned with: sure agents where a confidence is set."""
        return "agents" if self.confidence is None else "agents_sure"

    @property
    def scheduled(self) -> str:
        """The same with shrinkage."""
        return "agents_to_schedule" if self.confidence is None else "agents_to_schedule_sure"


def read_settings(results: Snapshot) -> dict[str, QueueSettings]:
    """Return the settings that the run planned each queue with."""
    frame = results.frame("staffing_settings")
    found = {}
    for row in frame.to_dict("records"):
        plain: dict[str, Any] = {str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
        plain["kind"] = plain.pop("queue_kind")
        found[str(row["queue"])] = QueueSettings(**plain)
    return found


def move_sliders(settings: QueueSettings, asked: Mapping[str, str]) -> QueueSettings:
    """Return settings as the sliders of an address stand; what is no number stays as it is configured.

    Examples
    --------
    >>> own = QueueSettings("phone", "calls", 1800, 0.8, 20, None, 0.85, 0.3, None, None, None)
    >>> moved = move_sliders(own, {"service_level": "90", "patience_s": "120", "confidence": "x"})
    >>> moved.service_level, moved.patience_s, moved.confidence, move_sliders(own, {"shrinkage": "30"}) == own
    (0.9, 120.0, None, True)
    """
    changed: dict[str, Any] = {}
    now = settings.values
    for slider in settings.sliders:
        text = asked.get(slider.name, "")
        if not text.isdecimal() or len(text) > 4 or int(text) == now[slider.name]:
            continue
        value = min(max(int(text), slider.low), slider.high)
        free = _UNBOUND.get(slider.name) == value
        changed[slider.name] = None if free else value / slider.scale
    return QueueSettings(**(asdict(settings) | changed))


def make_plan(results: Snapshot, own: QueueSettings, moved: QueueSettings) -> pd.DataFrame:
    """Return the plan of a queue: that of the run where nothing was moved, else one for the new targets.

    Shrinkage alone changes only the agents to schedule.
    """
    rows = results.query("SELECT * FROM {staffing} WHERE queue = ? ORDER BY ds", [own.queue])
    rows = rows.assign(ds=pd.to_datetime(rows["ds"]))
    if moved == own or rows.empty:
        return rows
    ahead = read_ahead(results, own.queue)
    off = {"shrinkage": moved.shrinkage}
    return plan_for_target(
        ahead,
        rows["aht_s"].to_numpy(),
        moved.target,
        off,
        _levels(ahead),
        own.queue,
        moved.confidence,
        own.aht_spread or 0.0,
        own.aht_with_volume or 0.0,
    )


def read_ahead(results: Snapshot, queue: str) -> pd.DataFrame:
    """Return the forecast that a queue was planned for."""
    found = results.query("SELECT * FROM {staffing_forecast} WHERE queue = ? ORDER BY ds", [queue])
    return found.assign(ds=pd.to_datetime(found["ds"]), unique_id=queue)


def _levels(ahead: pd.DataFrame) -> tuple[int, ...]:
    return tuple(sorted(int(str(c).rsplit("-", 1)[1]) for c in ahead if str(c).startswith("deskcast-lo-")))


def summarise_plan(plan: pd.DataFrame, settings: QueueSettings) -> dict[str, float]:
    """Return peak, hours and risk of a plan.

    ``peak`` (agents to schedule, rounded up), ``required`` (at the peak, on contacts), ``hours`` (to schedule),
    ``contact_hours``, ``service_level`` (expected, over all contacts) and ``day_risk`` (of a day below target,
    weighted by contacts), as the sentences of the run have them.
    """
    hours = settings.interval_s / 3600
    crew, agents = plan[settings.scheduled].to_numpy(float), plan[settings.required].to_numpy(float)
    return {
        "peak": math.ceil(crew.max() - 1e-9) if len(crew) else 0,
        "required": float(agents.max()) if len(agents) else 0,
        "hours": float(crew.sum()) * hours,
        "contact_hours": float(agents.sum()) * hours,
        "service_level": _mean(plan, "expected_service_level"),
        "day_risk": _mean(plan, "day_miss_probability"),
    }


def _mean(plan: pd.DataFrame, column: str) -> float:
    """Return a mean over contacts, as the sentences of the run take it; missing where no interval has a value."""
    if plan[column].isna().all():
        return math.nan
    return Cell("staffing", column, take="mean", weight="calls").read({"staffing": plan})


def draw_curve(results: Snapshot, moved: QueueSettings) -> pd.DataFrame:
    """Return cost against risk of a queue for its targets."""
    ahead = read_ahead(results, moved.queue)
    rows = results.query("SELECT aht_s FROM {staffing} WHERE queue = ? ORDER BY ds", [moved.queue])
    off = {"shrinkage": moved.shrinkage}
    days: dict[str, Any] = {"aht_spread": moved.aht_spread or 0.0, "aht_with_volume": moved.aht_with_volume or 0.0}
    return confidence_curve(ahead, rows["aht_s"].to_numpy(), moved.target, off, levels=_levels(ahead), **days)
