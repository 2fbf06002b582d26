"""The rest of a day re-forecast: how much of the morning's surprise carries on, as past days tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ...features.arrays import Floats, Ints
from ...features.errors import InputError
from ...features.frames import require_columns

#: The surprise is taken over all that is over of the day, and over these last hours of it.
RECENT_HOURS = (0.5, 2.0)
#: Hours of the rest of the day that learn one share of the surprise.
BLOCK_HOURS = 2.0
#: Days that the prior is worth that nothing carries on, and robust deviations beyond which a day weighs less.
PRIOR_DAYS, OUTLIER_DISTANCE = 5.0, 3.0
#: Fewer past days than this teach nothing: the morning's forecast stands.
MIN_PAST_DAYS = 8
#: A queue beside this one is used where it makes past days better by this many standard errors.
MIN_GAIN_ERRORS = 2.0
_DAY_H = 24.0


@dataclass(frozen=True)
class DayRows:
    """Forecast and actual volume, one row a day and one column a time of day; missing where it is closed.

    Attributes
    ----------
    days
        Day of each row.
    hours
        Time of day of each column, in hours.
    forecast, y
        What the morning's forecast was, and what came.
    """

    days: pd.DatetimeIndex
    hours: Floats
    forecast: Floats
    y: Floats

    @classmethod
    def from_frame(cls, rows: pd.DataFrame) -> DayRows:
        """Return the rows of ``ds, forecast, y`` by day and time of day."""
        require_columns(rows, ["ds", "forecast", "y"], "days")
        day = rows["ds"].dt.normalize()
        hour = (rows["ds"] - day).dt.total_seconds() / 3600
        days, row = np.unique(day.to_numpy(), return_inverse=True)
        hours, column = np.unique(hour.to_numpy(dtype=float), return_inverse=True)
        parts = rows[["forecast", "y"]].to_numpy(dtype=float)
        known = ~np.isnan(parts).any(axis=1)
        forecast, y = (np.zeros((len(days), len(hours))) for _ in range(2))
        forecast[row[known], column[known]], y[row[known], column[known]] = parts[known].T
        return cls(pd.DatetimeIndex(days), hours, forecast, y)

    def surprise(self, first: float, last: float) -> Floats:
        """Return the log of what came over what was forecast from an hour to another one, drawn towards 0 by one."""
        inside = (self.hours >= first - 1e-9) & (self.hours < last - 1e-9)
        return np.asarray(np.log((self.y[:, inside].sum(axis=1) + 1) / (self.forecast[:, inside].sum(axis=1) + 1)))

    def take(self, places: Ints) -> DayRows:
        """Return some of the days."""
        return DayRows(self.days[places], self.hours, self.forecast[places], self.y[places])


def reforecast_day(
    past: pd.DataFrame,
    today: pd.DataFrame,
    others: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]] | None = None,
    level: float = 80,
) -> pd.DataFrame:
    """Forecast the rest of a day anew from what has come of it.

    For each block of the rest of the day, past days tell how much of the surprise so far carries on: a ridge regression
    of the log of actual over forecast on the same of all that is over of the day, of its last half hour and of its last
    two hours. The prior is that nothing carries on; days far out weigh less.

    Parameters
    ----------
    past
        ``ds, forecast, y`` of past days, each with the forecast of its own morning.
    today
        ``ds, forecast, y`` of all intervals of today; ``y`` is missing from now on.
    others
        The same two frames of other queues by name. One is used where it makes the past days better beyond noise.
    level
        Of the intervals, in percent.

    Returns
    -------
    The rest of ``today``: ``ds, forecast`` (of the morning), ``reforecast``, ``reforecast-lo-80`` and ``-hi-80`` (of
    the contacts of the interval). ``attrs``: ``carried`` (share of the surprise so far that the rest is moved by),
    ``surprise`` (actual over forecast so far), ``total`` (reforecast of the rest and its bounds), ``spread`` (of the
    rate of the rest, as a share), ``days`` (past days used) and ``used`` (other queues).

    Examples
    --------
    >>> hours = pd.date_range("2024-01-01 08:00", periods=10, freq="h")
    >>> many = [hours + pd.Timedelta(days=d) for d in range(20)]
    >>> past = pd.concat([pd.DataFrame({"ds": ds, "forecast": 100.0, "y": 100.0 + 10 * (d % 3 - 1)})
    ...                   for d, ds in enumerate(many)])
    >>> today = pd.DataFrame({"ds": hours + pd.Timedelta(days=20), "forecast": 100.0, "y": [120.0] * 4 + [None] * 6})
    >>> round(reforecast_day(past, today)["reforecast"].iloc[0])
    118
    """
    now = _find_now(today)
    rest = today[today["y"].isna()].reset_index(drop=True)
    history, own = DayRows.from_frame(past), _so_far(today)
    history = history.take(np.flatnonzero(history.days < today["ds"].min().normalize()))
    hour = now.hour + now.minute / 60
    ratio = float(own.surprise(0, hour)[0])
    used: list[str] = []
    x, x_now = _surprises(history, hour), _surprises(own, hour)
    for name, (their_past, their_day) in (others or {}).items():
        extra, extra_now = _other_surprise(their_past, their_day, history.days, hour)
        wider = np.column_stack([x, extra])
        if _gains(history, x, wider, hour):
            x, x_now, used = wider, np.column_stack([x_now, extra_now]), [*used, name]
    factor = _predict(history, x, x_now, hour)
    out = rest[["ds", "forecast"]].copy()
    at = (rest["ds"] - rest["ds"].dt.normalize()).dt.total_seconds().to_numpy() / 3600
    place = ((at - hour) / BLOCK_HOURS + 1e-9).astype(int)
    out["reforecast"] = rest["forecast"].to_numpy(dtype=float) * factor[0][np.clip(place, 0, factor.shape[1] - 1)]
    _add_bounds(out, history, x, hour, level)
    before = float(rest["forecast"].sum())
    moved = float(np.log(out["reforecast"].sum() / before)) if before > 0 and out["reforecast"].sum() > 0 else 0.0
    carried = moved / ratio if abs(ratio) > 1e-9 else 0.0
    out.attrs |= {"carried": carried, "surprise": float(np.exp(ratio)), "days": len(history.days), "used": used}
    return out


def backtest_reforecast(past: pd.DataFrame, hour: float, min_days: int = 2 * MIN_PAST_DAYS) -> pd.DataFrame:
    """Re-forecast the rest of each past day as it would have been done then, from the days before it.

    Parameters
    ----------
    past
        ``ds, forecast, y`` of past days.
    hour
        Time of day, in hours, until which each day is known.
    min_days
        Days before the first one that is re-forecast.

    Returns
    -------
    One row a day: ``day``, ``volume`` of the rest, and for ``morning`` (the forecast as it was), ``scaled`` (by the
    share so far) and ``reforecast`` the error by interval and that of the total (``-total``), in contacts.
    """
    whole, rows = DayRows.from_frame(past), []
    later = whole.hours >= hour - 1e-9
    for place in range(min_days, len(whole.days)):
        history, day = whole.take(np.arange(place)), whole.take(np.array([place]))
        came, ahead = day.y[0, later], day.forecast[0, later]
        so_far = day.forecast[0, ~later].sum(), day.y[0, ~later].sum()
        if came.sum() + ahead.sum() <= 0 or so_far[0] <= 0:
            continue
        factor = _predict(history, _surprises(history, hour), _surprises(day, hour), hour)[0]
        block = ((whole.hours[later] - hour) / BLOCK_HOURS + 1e-9).astype(int)
        found = {"morning": ahead, "scaled": ahead * so_far[1] / so_far[0]}
        found["reforecast"] = ahead * factor[np.clip(block, 0, len(factor) - 1)]
        errors = {name: float(np.abs(f - came).sum()) for name, f in found.items()}
        totals = {f"{name}-total": float(abs(f.sum() - came.sum())) for name, f in found.items()}
        rows.append({"day": whole.days[place], "volume": float(came.sum()), **errors, **totals})
    return pd.DataFrame(rows)


def _find_now(today: pd.DataFrame) -> pd.Timestamp:
    require_columns(today, ["ds", "forecast", "y"], "today")
    left = today.loc[today["y"].isna(), "ds"]
    if left.empty:
        raise InputError("the day is over: no interval is left", where="today", code="rows.none")
    return pd.Timestamp(left.min())


def _so_far(today: pd.DataFrame) -> DayRows:
    return DayRows.from_frame(today.assign(y=today["y"].astype(float)))


def _surprises(rows: DayRows, hour: float) -> Floats:
    """Return the surprise of all that is over of each day, and of its last hours."""
    spans = (0.0, *(max(0.0, hour - back) for back in RECENT_HOURS))
    return np.stack([rows.surprise(first, hour) for first in spans], axis=1)


def _blocks(rows: DayRows, hour: float) -> list[tuple[float, float]]:
    last = float(rows.hours.max()) if rows.hours.size else hour
    count = max(1, int((last - hour) / BLOCK_HOURS + 1e-9) + 1)
    return [(hour + n * BLOCK_HOURS, hour + (n + 1) * BLOCK_HOURS) for n in range(count)]


def _predict(history: DayRows, x: Floats, x_now: Floats, hour: float) -> Floats:
    """Return the factor of each block for each row of ``x_now``."""
    blocks = _blocks(history, hour)
    if len(history.days) < MIN_PAST_DAYS:
        return np.ones((len(x_now), len(blocks)))
    shares = [_fit(x, history.surprise(first, last)) for first, last in blocks]
    return np.asarray(np.exp(np.stack([x_now @ share for share in shares], axis=1)))


def _fit(x: Floats, y: Floats) -> Floats:
    """Return the ridge coefficients of a regression through the origin, in which days far out weigh less."""
    weight = _weights(y) * _weights(x[:, 0])
    return np.asarray(np.linalg.solve(x.T @ (x * weight[:, None]) + _prior(x), x.T @ (y * weight)))


def _prior(x: Floats) -> Floats:
    return np.asarray(np.diag(PRIOR_DAYS * np.mean(x**2, axis=0) + 1e-9))


def _weights(values: Floats) -> Floats:
    size = np.abs(values)
    limit = OUTLIER_DISTANCE * 1.4826 * float(np.median(size))
    return np.minimum(1.0, limit / np.maximum(size, 1e-9)) if limit > 0 else np.ones(len(values))


def _left_out(history: DayRows, x: Floats, hour: float) -> Floats:
    """Return the factors of each past day as all the other days teach them."""
    if len(history.days) < MIN_PAST_DAYS:
        return np.ones((len(history.days), len(_blocks(history, hour))))
    factors = []
    for first, last in _blocks(history, hour):
        y = history.surprise(first, last)
        weight = _weights(y) * _weights(x[:, 0])
        own = np.einsum("ni,nj->nij", x, x * weight[:, None])
        gram = own.sum(axis=0) - own + _prior(x)
        right = x * (weight * y)[:, None]
        share = np.linalg.solve(gram, (right.sum(axis=0) - right)[:, :, None])[:, :, 0]
        factors.append(np.exp((x * share).sum(axis=1)))
    return np.stack(factors, axis=1)


def _rest_errors(history: DayRows, x: Floats, hour: float) -> tuple[Floats, Floats]:
    """Return forecast and actual total of the rest of each past day, forecast as all other days teach."""
    factors = _left_out(history, x, hour)
    later = np.flatnonzero(history.hours >= hour - 1e-9)
    block = np.clip(((history.hours[later] - hour) / BLOCK_HOURS + 1e-9).astype(int), 0, factors.shape[1] - 1)
    return (history.forecast[:, later] * factors[:, block]).sum(axis=1), history.y[:, later].sum(axis=1)


def _gains(history: DayRows, x: Floats, wider: Floats, hour: float) -> bool:
    """Tell whether more columns make the past days better beyond noise."""
    if len(history.days) < 2 * MIN_PAST_DAYS:
        return False
    errors = []
    for columns in (x, wider):
        ahead, came = _rest_errors(history, columns, hour)
        errors.append(np.abs(ahead - came))
    gain = errors[0] - errors[1]
    return bool(gain.mean() > MIN_GAIN_ERRORS * gain.std(ddof=1) / np.sqrt(len(gain)))


def _other_surprise(
    past: pd.DataFrame, today: pd.DataFrame, days: pd.DatetimeIndex, hour: float
) -> tuple[Floats, Floats]:
    rows, now = DayRows.from_frame(past), _so_far(today)
    known = pd.Series(rows.surprise(0, hour), index=rows.days)
    return np.asarray(known.reindex(days).fillna(0.0), dtype=float), now.surprise(0, hour)


def _add_bounds(out: pd.DataFrame, history: DayRows, x: Floats, hour: float, level: float) -> None:
    """Add the bounds of each interval and of the rest: a Poisson count whose rate is off as on past days."""
    spread = find_spread(*_rest_errors(history, x, hour)) if len(history.days) >= MIN_PAST_DAYS else 0.0
    mean = out["reforecast"].to_numpy(dtype=float)
    tail = 0.5 - level / 200
    for side, p in (("lo", tail), ("hi", 1 - tail)):
        out[f"reforecast-{side}-{level:g}"] = mixed_poisson_quantile(mean, spread, p)
    ends = (mixed_poisson_quantile(np.array([mean.sum()]), spread, p)[0] for p in (tail, 1 - tail))
    out.attrs |= {"total": (float(mean.sum()), *(float(end) for end in ends)), "spread": spread}


def find_spread(mean: Floats, y: Floats) -> float:
    """Return how far rates are off as a share of them, once the chance of counts is taken out.

    >>> round(find_spread(np.array([100.0, 100.0, 100.0, 100.0]), np.array([80.0, 120.0, 80.0, 120.0])), 3)
    0.173
    """
    known = mean > 0
    if not known.any():
        return 0.0
    excess = np.sum((y[known] - mean[known]) ** 2 - mean[known]) / np.sum(mean[known] ** 2)
    return float(np.sqrt(max(excess, 0.0)))


def mixed_poisson_quantile(mean: Floats, spread: float, p: float) -> Floats:
    """Return a quantile of counts whose rate varies by a gamma distribution; Poisson where it does not.

    >>> mixed_poisson_quantile(np.array([100.0, 0.0]), 0.1, 0.9).tolist()
    [118.0, 0.0]
    """
    if spread < 1e-6:
        return np.asarray(np.where(mean > 0, stats.poisson.ppf(p, np.maximum(mean, 1e-12)), 0.0))
    shape = 1 / spread**2
    found = stats.nbinom.ppf(p, shape, shape / (shape + np.maximum(mean, 1e-12)))
    return np.asarray(np.where(mean > 0, found, 0.0))
