"""A forecast together with the past forecasts that it rests on, for all that is built on top of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats, Ints
from ..grid.grid import Grid, check_count, make_grid
from ..grid.special_days import SpecialDays, format_special_days, mark_special_days
from ..grid.yearly_days import add_yearly_days
from ..methods.registry import AUTO, check_models
from .folds import Fold, MethodForecasts, forecast_fold
from .intervals import check_levels

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


@dataclass(frozen=True)
class Issued:
    """A panel, what is forecast at its end, and what was forecast at the origins before.

    Attributes
    ----------
    grid, special, horizon, levels, windows
        The panel, its special days, and what was asked for.
    fold
        The forecast, with its intervals and the method that was chosen.
    seen
        Outlooks by origin, that of the forecast and those of the past.
    notes
        What a reader should know.
    candidates
        Methods that the forecast may be made of.
    """

    grid: Grid
    special: SpecialDays
    horizon: int
    levels: tuple[float, ...]
    windows: int
    fold: Fold
    seen: dict[int, MethodForecasts]
    notes: tuple[str, ...]
    candidates: tuple[str, ...] = (AUTO,)

    @property
    def past(self) -> list[int]:
        """Origins of the past, the latest first."""
        return sorted((o for o in self.seen if o != self.fold.origin), reverse=True)

    @property
    def point(self) -> Floats:
        """N x H recommended forecast, in volume of a slot that comes once."""
        return self.fold.points[self.fold.chosen]

    @property
    def alive(self) -> npt.NDArray[np.bool_]:
        """N; which series have a forecast."""
        return np.asarray(~np.isnan(self.point).all(axis=1), dtype=bool)

    @property
    def clock(self) -> Floats:
        """H; how often each slot comes; where the clock leaves one out it is closed."""
        clock = self.grid.clock[self.fold.origin : self.fold.origin + self.horizon]
        return np.where(clock > 0, clock, 1.0)

    def stamps(self) -> npt.NDArray[np.datetime64]:
        """Return the local starts of the slots ahead, H."""
        return self.grid.stamps(self.fold.origin, self.fold.origin + self.horizon)

    def past_points(self) -> Floats:
        """Return what the recommended forecast would have been at each past origin, O x N x H."""
        return self.fold.combination.past

    def sizes(self) -> Floats:
        """Return the spread of the forecast, and of those of the past origins, (1 + O) x N x H."""
        return self.fold.sizes

    def past_days(self) -> Ints:
        """Return the day of each past target, O x H."""
        return (self.targets() + self.grid.first) // max(self.grid.frequency.per_day, 1)

    def targets(self) -> Ints:
        """Return the slots that were forecast at the past origins, O x H."""
        return np.array(self.past, dtype=np.int64)[:, None] + np.arange(self.horizon)

    def outcomes(self) -> Floats:
        """Return what came in those slots, O x N x H; NaN where closed, missing, certain to be 0, or not credible."""
        targets = self.targets()
        came = self.grid.y[:, targets].transpose(1, 0, 2)
        is_open = np.broadcast_to(self.grid.is_open, (len(self.grid.ids), self.grid.is_open.shape[1]))
        quiet = np.stack([self.seen[o].quiet for o in self.past])
        counts = is_open[:, targets].transpose(1, 0, 2) & ~(quiet & (came == 0))
        return np.where(counts & ~(came > self.fold.now.limit[None, :, None]), came, np.nan)


def issue(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    windows: int = 12,
    since: object = None,
    until: object = None,
    outages: object = None,
    models: str | Sequence[str] = AUTO,
) -> Issued:
    """Forecast as :func:`deskcast.forecasting.forecast` does, and keep what it was made of.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=70, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(70) % 3
    >>> found = issue(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=7, freq="D")
    >>> found.point.shape, len(found.past)
    ((1, 7), 6)
    """
    chosen_levels = check_levels(levels)
    windows = check_count(windows, "windows")
    grid = make_grid(history, horizon, freq, calendar, since, until, outages, holidays=holidays, events=events)
    special, said = mark_special_days(grid, holidays, events)
    return issue_on(grid, special, horizon, chosen_levels, windows, (*grid.notes, *said), check_models(models))


def issue_on(
    grid: Grid,
    special: SpecialDays,
    horizon: int,
    levels: Sequence[float],
    windows: int,
    notes: Sequence[str] = (),
    candidates: tuple[str, ...] = (AUTO,),
) -> Issued:
    """Forecast a panel that is on its grid already."""
    seen: dict[int, MethodForecasts] = {}
    fold = forecast_fold(grid, special, grid.length, horizon, levels, windows, candidates, seen)
    again = add_yearly_days(grid, special, grid.length, horizon)
    said = (*notes, *format_special_days(again, grid.length, horizon))
    return Issued(grid, special, horizon, tuple(levels), windows, fold, seen, said, candidates)
