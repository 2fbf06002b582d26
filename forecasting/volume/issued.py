"""A forecast together with the past forecasts that it rests on, for all that is built on top of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ..grid.grid import Grid
from ..grid.special_days import SpecialDays, format_special_days
from ..grid.yearly_days import add_yearly_days
from .folds import Fold, credible_outcomes, forecast_fold
from .method_forecasts import MethodForecasts
from .request import ForecastRequest


@dataclass(frozen=True)
class Issued:
    """A panel, what is forecast at its end, and what was forecast at the origins before.

    Attributes
    ----------
    grid, special, request
        The panel, its special days, and what was asked for.
    fold
        The forecast, with its intervals and the method that was chosen.
    seen
        Outlooks by origin, that of the forecast and those of the past.
    notes
        What a reader should know.
    """

    grid: Grid
    special: SpecialDays
    request: ForecastRequest
    fold: Fold
    seen: dict[int, MethodForecasts]
    notes: tuple[str, ...] = ()

    @property
    def horizon(self) -> int:
        """Slots ahead."""
        return self.request.horizon

    @property
    def levels(self) -> Sequence[float]:
        """Percent that each interval is to cover."""
        return self.request.levels

    @property
    def past(self) -> list[int]:
        """Origins of the past, the latest first."""
        return sorted((o for o in self.seen if o != self.fold.origin), reverse=True)

    @property
    def point(self) -> Floats:
        """N x H recommended forecast, in volume of a slot that comes once."""
        return self.fold.points[self.fold.chosen]

    @property
    def alive(self) -> Bools:
        """N; which series have a forecast."""
        return np.asarray(~np.isnan(self.point).all(axis=1), dtype=bool)

    @property
    def clock(self) -> Floats:
        """H; how often each slot comes; where the clock leaves one out it is closed."""
        return self.grid.repeats(self.fold.origin, self.fold.origin + self.horizon)

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
        return self.grid.days(self.targets())

    def targets(self) -> Ints:
        """Return the slots that were forecast at the past origins, O x H."""
        return np.array(self.past, dtype=np.int64)[:, None] + np.arange(self.horizon)

    def outcomes(self) -> Floats:
        """Return what came in those slots, O x N x H; NaN where closed, missing, certain to be 0, or not credible."""
        quiet = [self.seen[o].quiet for o in self.past]
        return credible_outcomes(self.grid, self.targets(), quiet, self.fold.now.limit)


def issue(history: pd.DataFrame, horizon: int, freq: str, *asked: Any, **named: Any) -> Issued:
    """Forecast as :func:`deskcast.forecasting.forecast` does, with its arguments, and keep what it was made of.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=70, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(70) % 3
    >>> found = issue(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=7, freq="D")
    >>> found.point.shape, len(found.past)
    ((1, 7), 6)
    """
    return issue_request(history, ForecastRequest(horizon, freq, *asked, **named))


def issue_request(history: pd.DataFrame, request: ForecastRequest, shown: Sequence[str] = ()) -> Issued:
    """Forecast as :func:`issue` does, with all that is asked in one request; methods shown beside have intervals."""
    grid, special, notes = request.panel(history)
    seen: dict[int, MethodForecasts] = {}
    fold = forecast_fold(request, grid, special, grid.length, seen, shown)
    again = add_yearly_days(grid, special, grid.length, request.horizon)
    days = format_special_days(again, grid.length, request.horizon)
    return Issued(grid, special, request, fold, seen, (*notes, *days))
