"""Young series: what little they know of themselves, and the rest from their relatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from ...features.errors import InputError, did_you_mean
from ...features.renamed import with_old_attributes
from ..grid.grid import Grid
from ..methods.registry import NAIVE_METHODS
from ..volume.fold_table import build_fold_table
from ..volume.forecast_kind import variance_shares
from ..volume.intervals import conformal_quantiles, effective_sample_size, forecast_columns, probabilities
from ..volume.issued import Issued, issue_request
from ..volume.method_forecasts import forecast_all_methods
from ..volume.request import ForecastRequest

#: Days of values after which a series counts as much in its own forecast as its relatives.
OWN_WEIGHT_DAYS = 28.0

#: Days of values from which a series stands for itself.
COLD_START_DAYS = 84

#: Ages in days at which relatives are taken for young, to see how wrong that is.
TEST_AGES_DAYS = (0, 1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 63)

#: Past origins at which that is done, and the share of series that are taken for young at each.
MAX_TEST_ORIGINS, MASKED_ONE_IN = 9, 3

#: Errors without which the spread of levels is assumed, as a deviation of their log.
MIN_ERRORS, DEFAULT_LOG_LEVEL_SD = 30, 0.7


@dataclass(frozen=True)
class _Borrowed:
    """What is forecast for one series: H values, and how much its own days weigh."""

    point: Floats
    weight: float


def forecast_cold_start(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    relatives: Mapping[str, Sequence[str]] | None = None,
    by: Sequence[str] | None = None,
    new: Sequence[str] = (),
    k: float = OWN_WEIGHT_DAYS,
    levels: Sequence[float] = (80, 95),
    **context: Any,
) -> pd.DataFrame:
    """Forecast a panel in which some series are young or have no row yet.

    A series with ``n`` days of values is forecast by ``n / (n + k)`` of its own forecast and the rest from its
    relatives: the sum of their forecasts, brought to the level of the series over the slots that it has. That level is
    itself shrunk to the mean of the relatives, by how much levels differ among them and how much days differ (an
    empirical Bayes estimate; Efron and Morris 1975). How wrong this is comes from the relatives too: at past origins
    each is taken for as young and forecast from the others.

    Parameters
    ----------
    history, horizon, freq, levels
        As in :func:`deskcast.forecasting.forecast`.
    relatives
        Series -> names of its relatives.
    by
        Columns that make up the names, joined by ``/``. Without ``relatives`` those of a series share its first
        column, or else (fewer than two) any column, or else are all series.
    new
        Names of series that have no row yet.
    k
        Days of values that count as much as the relatives.
    **context
        ``calendar``, ``holidays``, ``events``, ``windows``, ``since``, ``until``, ``outages``.

    Returns
    -------
    As :func:`deskcast.forecasting.forecast`, with ``tier`` (``own``, ``blended`` or ``relatives``), ``count_own_days``
    and ``relatives`` (how many were borrowed from). ``attrs["notes"]`` says it in sentences.

    Raises
    ------
    InputError
        If a relative is unknown, or a new series has rows.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120, freq="D")
    >>> old = [pd.DataFrame({"unique_id": f"phone/{r}", "ds": days, "y": 50.0 + 10 * i + np.arange(120) % 7})
    ...        for i, r in enumerate(["north", "south", "west"])]
    >>> ahead = forecast_cold_start(pd.concat(old), 7, "D", by=["channel", "region"], new=["phone/east"])
    >>> ahead.groupby("unique_id")["tier"].first().to_dict()
    {'phone/east': 'relatives', 'phone/north': 'own', 'phone/south': 'own', 'phone/west': 'own'}
    """
    if not np.isfinite(k) or k <= 0:
        raise InputError("value must be a number of days above 0", column="k", got=k, code="time.unreadable")
    issued = issue_request(history, ForecastRequest(horizon, freq, levels, **context), NAIVE_METHODS)
    grid, fold = issued.grid, issued.fold
    again = [name for name in new if name in grid.ids]
    if again:
        raise InputError(
            "series is not new: it has rows",
            column="new",
            got=again[0],
            hint="leave it out of `new`",
            code="series.unknown",
        )
    table = build_fold_table(grid, fold, issued.levels, NAIVE_METHODS[::-1])
    days = count_own_days(grid, grid.length)
    young = [grid.ids[i] for i in np.flatnonzero((days < COLD_START_DAYS) & ~np.isnan(grid.y).all(axis=1))]
    kin = _find_relatives(grid, relatives, by, [*young, *new], set(young))
    count = dict(zip(grid.ids, days.tolist(), strict=True)) | dict.fromkeys(new, 0)
    table["tier"], table["own_days"], table["relatives"] = "own", table["unique_id"].map(count).astype(int), 0
    parts, notes, bands = [], list(issued.notes), {}
    for name in sorted(kin):
        age = max(a for a in TEST_AGES_DAYS if a <= count[name])
        if age not in bands:
            bands[age] = _errors_at(issued, kin, age, k)
        made = _borrow(grid, fold.now.points["core"], grid.length, name, kin[name], count[name], k)
        parts.append(_rows(issued, name, made, bands[age], count[name], len(kin[name])))
        notes.append(_format_note(name, made, count[name], len(kin[name])))
    alone = [name for name in [*young, *new] if name not in kin]
    notes += [f"'{name}' has a short history and no similar series to borrow from" for name in alone[:10]]
    kept = table[~table["unique_id"].isin(list(kin))]
    full = pd.concat([kept, *parts], ignore_index=True)[list(table.columns)]
    full = full.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    full = full.astype({"unique_id": "str", "tier": "str", "own_days": "int64", "relatives": "int64"})
    attrs = {"notes": notes, "model": fold.chosen, "request": issued.request.facts, **grid.reading}
    full.attrs = with_old_attributes(attrs, "forecast")
    return full


def count_own_days(grid: Grid, origin: int) -> Ints:
    """Return on how many days each series has a value before the origin."""
    size = grid.frequency.slots_per_day
    known = ~np.isnan(grid.y[:, :origin])
    pad = -known.shape[1] % size
    days: Ints = np.pad(known, ((0, 0), (pad, 0))).reshape(len(known), -1, size).any(axis=2).sum(axis=1)
    return days


def _find_relatives(
    grid: Grid,
    relatives: Mapping[str, Sequence[str]] | None,
    by: Sequence[str] | None,
    wanted: Sequence[str],
    young: set[str],
) -> dict[str, list[int]]:
    """Return the relatives of each series that needs some, as rows of the grid; young ones are none."""
    rows = {name: i for i, name in enumerate(grid.ids)}
    old = [name for name in grid.ids if name not in young and not np.isnan(grid.y[rows[name]]).all()]
    found: dict[str, list[int]] = {}
    for name in wanted:
        if relatives is not None and name in relatives:
            for other in relatives[name]:
                if other not in rows:
                    hint = did_you_mean(other, grid.ids)
                    raise InputError("unknown series", column="relatives", got=other, hint=hint, code="series.unknown")
            mine = [other for other in relatives[name] if other in old and other != name]
        else:
            mine = find_similar_series(name, old, len(by) if by is not None else 0)
        if mine:
            found[name] = [rows[other] for other in mine]
    return found


def find_similar_series(name: str, others: Sequence[str], columns: int) -> list[str]:
    """Return the relatives of a series by its name: of its first column, of any column, or all.

    >>> find_similar_series("phone/east", ["phone/north", "phone/south", "chat/north"], 2)
    ['phone/north', 'phone/south']
    >>> find_similar_series("mail/north", ["phone/north", "phone/south", "chat/north"], 2)
    ['phone/north', 'chat/north']
    """
    parts = name.split("/")
    rest = [other for other in others if other != name]
    if columns > 1 and len(parts) == columns:
        split = {other: other.split("/") for other in rest}
        fitting = {other: p for other, p in split.items() if len(p) == columns}
        first = [other for other, p in fitting.items() if p[0] == parts[0]]
        if len(first) > 1:
            return first
        some = [other for other, p in fitting.items() if any(a == b for a, b in zip(p, parts, strict=True))]
        if len(some) > 1:
            return some
    return rest


def _borrow(grid: Grid, points: Floats, origin: int, name: str, kin: list[int], days: int, k: float) -> _Borrowed:
    """Forecast a series from its relatives and, by its days, from itself."""
    row = grid.ids.index(name) if name in grid.ids else None
    ahead = np.nan_to_num(points[kin]).sum(axis=0)
    own = grid.y[row, :origin] if row is not None else np.full(origin, np.nan)
    share = level_share(own, grid.y[kin, :origin], grid.frequency.slots_per_day)
    borrowed = share * ahead
    weight = days / (days + k) if row is not None and not np.isnan(points[row]).all() else 0.0
    mine = np.nan_to_num(points[row]) if row is not None else 0.0
    return _Borrowed(weight * mine + (1 - weight) * borrowed, weight)


def level_share(own: Floats, others: Floats, per_day: int = 1) -> float:
    """Return the level of a series as a share of the sum of its relatives.

    The own share, over the slots that all have, is shrunk on a log scale to that of the mean relative: by
    ``n / (n + v / t)`` days, where ``t`` is the variance of the relatives' log levels and ``v`` that of a day's share.

    >>> level_share(np.full(4, np.nan), np.full((2, 4), 10.0))
    0.5
    """
    levels = np.log([max(float(np.nanmean(row[-26 * 7 * per_day :])), 1e-9) if not np.isnan(row[-26 * 7 * per_day :]).all() else 1e-9 for row in others])  # fmt: skip  # noqa: E501
    size = np.exp(levels)
    # the middle relative: a mean would follow the largest
    prior = float(np.log(np.exp(np.median(levels)) / size.sum()))
    known = ~np.isnan(own) & ~np.isnan(others).any(axis=0)
    top, bottom = float(own[known].sum()), float(others[:, known].sum())
    if not known.any() or bottom <= 0 or top <= 0:
        return float(np.exp(prior))
    days = float(known.sum()) / per_day
    between = max(float(levels.var(ddof=1)), 0.05) if len(levels) > 1 else DEFAULT_LOG_LEVEL_SD**2
    within = 0.05 + days / top
    weight = days / (days + within / between)
    return float(np.exp(weight * np.log(top / bottom) + (1 - weight) * prior))


def _errors_at(issued: Issued, kin: dict[str, list[int]], age: int, k: float) -> tuple[float, float, Floats]:
    """Take relatives for young at past origins: return how their errors grow with the forecast, and their quantiles.

    The variance of an error is ``a`` times the forecast plus ``b`` times its square; the quantiles are in deviations.
    """
    grid, horizon, size = issued.grid, issued.horizon, issued.grid.frequency.slots_per_day
    family = sorted({row for rows in kin.values() for row in rows})
    p = probabilities(issued.levels)
    past = issued.past[:MAX_TEST_ORIGINS]
    error = np.full((len(past), len(family), horizon), np.nan)
    expected, days = np.full(error.shape, np.nan), issued.past_days()[: len(past)]
    for turn, origin in enumerate(past):
        begun = max(origin - age * size, 0)
        masked = [
            row
            for i, row in enumerate(family)
            if i % MASKED_ONE_IN == turn % MASKED_ONE_IN or len(family) < MASKED_ONE_IN
        ]
        if len(family) < MASKED_ONE_IN:
            masked = [family[turn % len(family)]]
        y = grid.y.copy()
        y[masked, :begun] = np.nan
        if age == 0:
            y[masked, :origin] = np.nan
        made = forecast_all_methods(replace(grid, y=y), issued.special, origin, horizon, ["core"])
        for row in masked:
            others = [r for r in _family_of(row, kin) if r not in masked]
            if not others or origin < 4 * 7 * size:
                continue
            young = replace(grid, y=y)
            point = _borrow(young, made.points["core"], origin, grid.ids[row], others, age, k).point
            came = np.where(made.quiet[row], np.nan, grid.y[row, origin : origin + horizon])
            wild = came > issued.fold.now.limit[row]
            place = family.index(row)
            error[turn, place] = np.where((point > 0) & ~wild, came - point, np.nan)
            expected[turn, place] = point
    known = ~np.isnan(error)
    if known.sum() < MIN_ERRORS:
        spread = DEFAULT_LOG_LEVEL_SD**2 * k / (age * 4 + k) + 0.04
        return 1.0, spread, np.array([NormalDist().inv_cdf(q) for q in p])
    with np.errstate(invalid="ignore", divide="ignore"):
        part, rest = variance_shares(error / expected, 1 / expected)
        scaled = error / np.sqrt(part * expected + rest * expected**2)
    return part, rest, conformal_quantiles(scaled[known], effective_sample_size(scaled, days), p)


def _family_of(row: int, kin: dict[str, list[int]]) -> list[int]:
    """Return the other members of the family that a relative stands in."""
    return next(([r for r in rows if r != row] for rows in kin.values() if row in rows), [])


def _rows(
    issued: Issued, name: str, made: _Borrowed, bands: tuple[float, float, Floats], days: int, count: int
) -> pd.DataFrame:
    """Lay out the forecast of one young series."""
    part, rest, quantiles = bands
    point, clock = made.point, issued.clock
    size = np.sqrt(part * point + rest * point**2)
    edges = np.maximum(point[:, None] + size[:, None] * quantiles, 0.0)
    half = len(quantiles) // 2
    edges[:, :half] = np.minimum(edges[:, :half], point[:, None])
    edges[:, half:] = np.maximum(edges[:, half:], point[:, None])
    columns: dict[str, Any] = {"unique_id": name, "ds": issued.stamps().astype("datetime64[us]")}
    columns |= forecast_columns("deskcast", point * clock, edges * clock[:, None], issued.levels)
    row = issued.grid.ids.index(name) if name in issued.grid.ids else None
    for method in NAIVE_METHODS:
        known = [of[method] for of in (issued.fold.points, issued.fold.edges)]
        own, around = (x[row] if row is not None else np.full(x.shape[1:], np.nan) for x in known)
        columns |= forecast_columns(method, own * clock, around * clock[:, None], issued.levels)
    frame = pd.DataFrame(columns)
    return frame.assign(tier="blended" if made.weight > 0 else "relatives", own_days=days, relatives=count)


def _format_note(name: str, made: _Borrowed, days: int, count: int) -> str:
    """Describe what the forecast of a young series rests on."""
    others = f"{count:,} similar series"
    if made.weight == 0:
        return f"'{name}' has no usable days: it is forecast from {others}"
    history = "1 day" if days == 1 else f"{days} days"
    return f"'{name}' has {history} of history: {made.weight:.0%} of its forecast is its own, the rest from {others}"
