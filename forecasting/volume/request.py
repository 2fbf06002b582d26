"""What is asked of a forecast, checked once and handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ..grid.grid import Grid, check_count, make_grid
from ..grid.known_days import describe_list_end, listed_dates
from ..grid.read_regressors import read_regressors
from ..grid.special_days import SpecialDays, mark_special_days
from ..methods.registry import AUTO, check_models
from .intervals import check_levels

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


class Panel(NamedTuple):
    """Series on their grid, the special days of its calendar, and what a reader should know of both."""

    grid: Grid
    special: SpecialDays
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ForecastRequest:
    """All that a forecast is asked for beside its history, see :func:`deskcast.forecasting.forecast`.

    Levels, windows and models are checked when a request is made, the rest when it meets a history.

    Examples
    --------
    >>> ForecastRequest(7, "D", levels=[95, 80]).levels
    (80, 95)
    """

    horizon: int
    freq: str
    levels: Sequence[float] = (80, 95)
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None
    holidays: object = None
    events: object = None
    windows: int = 12
    since: object = None
    until: object = None
    outages: object = None
    models: str | Sequence[str] = AUTO
    kind: str = "count"
    bounds: tuple[float, float] = (0.0, 1.0)
    regressors: object = None

    def __post_init__(self) -> None:
        """Refuse levels, windows and models that cannot be."""
        object.__setattr__(self, "levels", check_levels(self.levels))
        object.__setattr__(self, "windows", check_count(self.windows, "windows"))
        _ = self.candidates
        if self.regressors is not None and self.kind != "count":
            raise InputError(
                "regressors are used for counts only", column="kind", got=self.kind, wanted="count", code="value.range"
            )

    @property
    def candidates(self) -> tuple[str, ...]:
        """Methods that the forecast may be made of."""
        return check_models(self.models)

    @classmethod
    def of_forecast(cls, ahead: pd.DataFrame) -> ForecastRequest:
        """Return what was asked for a forecast, as far as its frame says; by default series of counts.

        >>> ahead = pd.DataFrame({"ds": [pd.Timestamp("2024-03-01")], "deskcast": [0.9]})
        >>> ahead.attrs["request"] = ForecastRequest(1, "D", kind="rate").facts
        >>> ForecastRequest.of_forecast(ahead).kind
        'rate'
        """
        said: dict[str, Any] = {"horizon": int(ahead["ds"].nunique()), "freq": ""}
        asked = ahead.attrs.get("request")
        said |= asked if isinstance(asked, Mapping) else {}
        return cls(**{each.name: said[each.name] for each in fields(cls) if each.name in said})

    @property
    def facts(self) -> dict[str, Any]:
        """What a reader of a forecast needs of it, in a form that can be written with a frame."""
        levels, bounds = [float(level) for level in self.levels], [float(bound) for bound in self.bounds]
        kind = {"kind": self.kind, "bounds": bounds}
        return {"horizon": int(self.horizon), "freq": self.freq, "levels": levels, **kind}

    @property
    def limits(self) -> tuple[float, float]:
        """Least and largest value that a series of this kind can have."""
        return (float(self.bounds[0]), float(self.bounds[1])) if self.kind == "rate" else (0.0, np.inf)

    @property
    def one_calendar(self) -> BusinessCalendar | None:
        """The calendar of sums over series: none where the series differ in hours."""
        return None if isinstance(self.calendar, Mapping) else self.calendar

    def grid(self, history: pd.DataFrame, **otherwise: Any) -> Grid:
        """Put a history on its grid, with other arguments of :func:`make_grid` where they are given."""
        known = {name: getattr(self, name) for name in ("calendar", "since", "until", "outages", "holidays", "events")}
        grid = make_grid(history, self.horizon, self.freq, **(known | otherwise))
        if self.regressors is None:
            return grid
        return replace(grid, regressors=read_regressors(self.regressors, grid, self.horizon))

    def panel(self, history: pd.DataFrame, **otherwise: Any) -> Panel:
        """Put a history on its grid and mark the special days."""
        grid = self.grid(history, **otherwise)
        special, notes = mark_special_days(grid, self.holidays, self.events)
        last = grid.stamps(grid.length + self.horizon - 1, grid.length + self.horizon)[0].astype("datetime64[D]")
        ends = describe_list_end(self._listed_days(), last)
        return Panel(grid, special, (*grid.notes, *notes, *ends))

    def _listed_days(self) -> set[date]:
        """Return holidays and closed days that are given as dates, where no country says them for all years."""
        calendars = list(self.calendar.values()) if isinstance(self.calendar, Mapping) else [self.calendar]
        known = [each for each in calendars if each is not None]
        named = listed_dates(self.holidays)
        if any(each.countries for each in known) or (self.holidays is not None and not named):
            return set()
        return named.union(*(each.closed for each in known))
