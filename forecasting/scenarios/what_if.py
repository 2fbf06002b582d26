"""What if: a forecast under assumed events, closures and growth, beside the forecast as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.errors import InputError, did_you_mean
from ...features.frames import name_columns, read_numbers, require_columns, require_times
from ..methods.registry import NAIVE_METHODS
from ..volume.request import ForecastRequest

#: Beyond this a factor is a slip of the hand.
MAX_FACTOR = 1_000_000

#: Columns of forecasts and paths that have their use, or are what they say whatever is assumed.
FORECAST_COLUMNS = (
    "ds", "y", "path", "deskcast", *NAIVE_METHODS, "baseline", "base", "node", "level", "tier", "own_days", "relatives",
    "adjustment"
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One assumption about the days to come; exactly one of ``factor``, ``closed``, ``growth`` and ``volume`` is said.

    Parameters
    ----------
    name
        What it is, for the reader.
    start, end
        First and last day; without them from the first and to the last day of the forecast.
    factor
        Volume over what is forecast: 1.3 is 30 % more.
    closed
        Nothing comes.
    growth
        Share a year, compounded from ``start`` on: 0.1 is 10 % more after a year.
    series
        Names of the series that it holds for; None is all.
    sd
        How unsure the effect itself is, as a share of the forecast: 0.1 with a factor of 1.3 says that 1.2 or 1.4
        would be no surprise.
    hours
        Times of day on each of its days, such as ``09:00-11:30``; without them the whole day.
    volume
        What comes in all its time steps and series together, instead of what is forecast.
    """

    name: str
    start: object = None
    end: object = None
    factor: float | None = None
    closed: bool = False
    growth: float | None = None
    series: Sequence[str] | str | None = None
    sd: float = 0.0
    hours: str | None = None
    volume: float | None = None


def what_if(
    forecast: pd.DataFrame, changes: Iterable[Change | Mapping[str, Any]] | pd.DataFrame, seed: int = 0
) -> pd.DataFrame:
    """Change a forecast, or sample paths, by assumptions.

    The recommended forecast is multiplied; assumptions that overlap multiply. The distance of each quantile from the
    forecast grows with the factor where it is above 1 and shrinks with its root where it is below, since small counts
    vary relatively more; ``sd`` adds to it as an independent error. What was known to be 0 stays 0.

    Parameters
    ----------
    forecast
        What :func:`deskcast.forecasting.forecast` or :func:`deskcast.forecasting.sample_paths` returns.
    changes
        :class:`Change` objects, mappings of their fields, or a frame with a row a change.
    seed
        Draws the unsure effects of paths, one for each path and change.

    Returns
    -------
    The same rows and columns, with ``baseline`` after the recommended forecast (or after ``y``): what it was. The naive
    columns stay as they were. Values stay within what their kind can be. ``attrs["changes"]`` says each assumption in a
    sentence, ``attrs["passed_over"]`` names further columns, which stay as they were, as a warning does.

    Raises
    ------
    InputError
        If an assumption says nothing or two things, names a series that is not forecast, touches no slot, gives a
        volume where nothing is forecast, or closes or gives in all what is no count.

    Examples
    --------
    >>> ahead = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2024-03-04", periods=3), "deskcast": 100.0,
    ...                       "deskcast-lo-80": 90.0, "deskcast-hi-80": 112.0})
    >>> fair = Change("trade fair", "2024-03-05", "2024-03-05", factor=1.5)
    >>> what_if(ahead, [fair, {"name": "strike", "start": "2024-03-06", "closed": True}]).iloc[:, 2:].values.tolist()
    [[100.0, 100.0, 90.0, 112.0], [150.0, 100.0, 135.0, 168.0], [0.0, 100.0, 0.0, 0.0]]
    """
    require_columns(forecast, ["unique_id", "ds"], "forecast")
    paths = "path" in forecast.columns
    point = "y" if paths else "deskcast"
    require_columns(forecast, [point], "forecast")
    require_times(forecast, "ds", "forecast")
    if forecast.empty:
        raise InputError("the forecast has no rows", where="forecast", code="rows.none")
    asked = ForecastRequest.of_forecast(forecast)
    read = read_changes(changes)
    for column in ("closed", "volume") if asked.kind != "count" else ():
        if any(getattr(change, column) not in (None, False) for change in read):
            problem = f"only counts can be {'closed' if column == 'closed' else 'given in all'}, not a {asked.kind}"
            raise InputError(problem, where="changes", column=column, hint="give a factor", code="value.range")
    taken = _name_unchanged(forecast)
    base = read_numbers(forecast[point], "forecast")
    factor, unsure, touched = np.ones(len(forecast)), np.zeros(len(forecast)), []
    rng = np.random.default_rng(seed)
    for row, change in enumerate(read, 1):
        inside = _inside(forecast, change, row)
        effect = _effect(forecast["ds"], change)
        if change.volume is not None:
            effect = _scale_to(change, row, base * factor, inside, forecast["path"].nunique() if paths else 1)
        share = np.where(effect > 0, change.sd / np.where(effect > 0, effect, 1.0), 0.0)
        if paths and change.sd > 0:
            number, place = np.unique(forecast["path"].to_numpy(), return_inverse=True)
            effect = np.maximum(effect + change.sd * rng.standard_normal(len(number))[place], 0.0)
        factor = np.where(inside, factor * effect, factor)
        unsure = np.where(inside, np.hypot(unsure, share), unsure)
        touched.append(_format_change(change, forecast.loc[inside, "unique_id"].nunique()))
    out = forecast.copy()
    out[point] = np.clip(base * factor, *asked.limits)
    if "baseline" not in out.columns:
        out.insert([str(c) for c in out.columns].index(point) + 1, "baseline", base)
    if not paths:
        _edges(out, forecast, base, factor, unsure, asked.limits)
    out.attrs = {**forecast.attrs, **taken, "changes": [*forecast.attrs.get("changes", []), *touched]}
    if not paths and any(change.sd == 0 and not change.closed for change in read):
        said = "the intervals take the assumed effects as certain; `sd` says how unsure they are"
        out.attrs["notes"] = [*forecast.attrs.get("notes", []), said]
    return out


def _name_unchanged(forecast: pd.DataFrame) -> dict[Any, Any]:
    """Warn of columns that no assumption changes although they may be meant to be: other models of users' own."""
    own = tuple(f"{name}-" for name in ("deskcast", *NAIVE_METHODS))
    known = [str(c) for c in forecast.columns if str(c).startswith(own)]
    hint = "only 'deskcast', or 'y' of paths, is changed"
    return name_columns(forecast, ["unique_id"], [*FORECAST_COLUMNS, *known], "forecast", hint)


def read_changes(changes: Iterable[Change | Mapping[str, Any]] | pd.DataFrame) -> list[Change]:
    """Read and check assumptions.

    >>> read_changes([{"name": "fair", "factr": 1.3}])
    Traceback (most recent call last):
    deskcast.features.errors.InputError: changes: column 'factr', row 1: unknown field (did you mean 'factor'?)
    """
    known = tuple(field.name for field in fields(Change))
    if isinstance(changes, (Change, Mapping)) or not isinstance(changes, Iterable):
        changes = [changes]
    if isinstance(changes, pd.DataFrame):
        changes = [{str(k): v for k, v in row.items() if _is_given(v)} for row in changes.to_dict("records")]
    read = []
    for row, given in enumerate(changes, 1):
        if isinstance(given, Mapping):
            for key in given:
                if key not in known:
                    hint = did_you_mean(str(key), known)
                    raise InputError(
                        "unknown field", where="changes", column=str(key), row=row, hint=hint, code="column.unknown"
                    )
            given = Change(**{"name": f"change {row}", **given})
        if not isinstance(given, Change):
            raise InputError(
                "not a valid change",
                where="changes",
                row=row,
                got=given,
                wanted="Change or a mapping",
                code="value.unknown",
            )
        _check(given, row)
        read.append(given)
    if not read:
        raise InputError("at least one change is needed", where="changes", code="value.range")
    return read


def _is_given(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or not bool(pd.isna(value))


def _check(change: Change, row: int) -> None:
    """Refuse an assumption that says nothing, too much, or what cannot be."""
    said = [name for name in ("factor", "growth", "volume") if getattr(change, name) is not None] + ["closed"] * bool(
        change.closed
    )
    if len(said) != 1:
        wanted = "one of factor, closed, growth and volume"
        raise InputError(
            "a change needs exactly one effect",
            where="changes",
            row=row,
            got=said or None,
            wanted=wanted,
            code="value.range",
        )
    if not isinstance(change.closed, (bool, np.bool_)):
        given = change.closed
        raise InputError(
            "not a valid value",
            where="changes",
            column="closed",
            row=row,
            got=given,
            wanted="true",
            code="value.unknown",
        )
    for name, least in (("factor", 0.0), ("growth", -1.0), ("sd", 0.0), ("volume", 0.0)):
        value = getattr(change, name)
        if value is None:
            continue
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
        if not number or not least <= value <= MAX_FACTOR:
            wanted = f"a number from {least:g} to {MAX_FACTOR:,}"
            hint = "30 % more is a factor of 1.3"
            raise InputError(
                "not a valid value",
                where="changes",
                column=name,
                row=row,
                got=value,
                wanted=wanted,
                hint=hint,
                code="value.range",
            )
    if change.hours is not None:
        read_hours(change.hours, row)
    start, end = _day(change.start, "start", row), _day(change.end, "end", row)
    if start is not None and end is not None and end < start:
        raise InputError(
            "change ends before it starts", where="changes", row=row, got=str(change.end), code="time.order"
        )


def _day(given: object, column: str, row: int) -> pd.Timestamp | None:
    if given is None:
        return None
    try:
        if isinstance(given, (int, float)):  # pandas would take a number for time since 1970
            raise TypeError(given)
        stamp = pd.Timestamp(given)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        wanted = "such as 2024-12-24"
        raise InputError(
            "not a valid day",
            where="changes",
            column=column,
            row=row,
            got=given,
            wanted=wanted,
            code="time.unreadable",
        ) from error
    return None if pd.isna(stamp) else stamp.tz_localize(None).normalize()


def _inside(forecast: pd.DataFrame, change: Change, row: int) -> Bools:
    """Return which rows a change touches."""
    day = forecast["ds"].dt.normalize()
    inside = np.ones(len(forecast), dtype=bool)
    start, end = _day(change.start, "start", row), _day(change.end, "end", row)
    if start is not None:
        inside &= (day >= start).to_numpy()
    if end is not None:
        inside &= (day <= end).to_numpy()
    if change.hours is not None:
        first, last = read_hours(change.hours, row)
        time = (forecast["ds"] - day).dt.total_seconds() / 60
        inside &= ((time >= first) & (time < last)).to_numpy()
    if not inside.any():
        span = f"{day.min():%Y-%m-%d} to {day.max():%Y-%m-%d}"
        raise InputError(
            f"'{change.name}' touches no day of the forecast",
            where="changes",
            row=row,
            wanted=span,
            code="series.unknown",
        )
    if change.series is not None:
        several = isinstance(change.series, Iterable) and not isinstance(change.series, str)
        wanted = [str(name) for name in (change.series if several else [change.series])]
        known = [str(name) for name in forecast["unique_id"].unique()]
        for name in wanted or [""]:
            if name not in known:
                hint = did_you_mean(name, known[:1000])
                raise InputError(
                    "unknown series: it has no forecast",
                    where="changes",
                    column="series",
                    row=row,
                    got=name,
                    hint=hint,
                    code="series.unknown",
                )
        inside &= forecast["unique_id"].isin(wanted).to_numpy()
    return inside


def read_hours(text: object, row: int = 0) -> tuple[int, int]:
    """Return the minutes after midnight from which and to which a change holds.

    >>> read_hours("09:00-11:30"), read_hours("22:00-24:00")
    ((540, 690), (1320, 1440))
    """
    found = re.fullmatch(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", str(text).strip())
    first, last = (60 * int(found[k]) + int(found[k + 1]) for k in (1, 3)) if found else (0, 0)
    if found is None or int(found[2]) > 59 or int(found[4]) > 59 or not first < last <= 1440:
        wanted = "such as 09:00-11:30"
        raise InputError(
            "not valid times of day", where="changes", column="hours", row=row or None, got=text, wanted=wanted,
            code="time.unreadable",
        )  # fmt: skip
    return first, last


def _scale_to(change: Change, row: int, now: Floats, inside: Bools, paths: int) -> Floats:
    """Return the factor by which what is forecast in some rows comes to a volume."""
    total, volume = float(now[inside].sum()) / max(paths, 1), float(change.volume or 0.0)
    if volume > 0 and not total > 0:
        raise InputError(
            f"'{change.name}' has nothing to scale: nothing is forecast in its time steps", where="changes",
            column="volume", row=row, got=f"{volume:g}", hint="name open days or hours", code="value.range",
        )  # fmt: skip
    return np.full(len(now), volume / total if total > 0 else 1.0)


def _effect(ds: pd.Series, change: Change) -> Floats:
    """Return the factor of each row."""
    if change.closed:
        return np.zeros(len(ds))
    if change.factor is not None:
        return np.full(len(ds), float(change.factor))
    start = _day(change.start, "start", 0) or ds.min().normalize()
    years = ((ds.dt.normalize() - start) / pd.Timedelta(days=365.25)).to_numpy(dtype=float)
    grown: Floats = (1.0 + float(change.growth or 0.0)) ** np.maximum(years, 0.0)
    return grown


def _edges(
    out: pd.DataFrame, forecast: pd.DataFrame, base: Floats, factor: Floats, unsure: Floats, limits: tuple[float, float]
) -> None:
    """Move the quantiles along with the forecast."""
    stretch = np.where(factor > 1, factor, np.sqrt(factor))
    for column in [str(c) for c in forecast.columns if str(c).startswith(("deskcast-lo-", "deskcast-hi-"))]:
        side = -1.0 if "-lo-" in column else 1.0
        score = NormalDist().inv_cdf(0.5 + float(column.rsplit("-", 1)[1]) / 200)
        given = read_numbers(forecast[column], "forecast")
        distance = side * (given - base) * stretch
        whole = np.where(factor > 0, np.hypot(distance, score * unsure * base * factor), 0.0)
        edge = np.clip(base * factor + side * whole, *limits)
        # what is certain stays so, and nothing else is touched
        out[column] = np.where((factor == 1) & (unsure == 0), given, edge)


def _format_change(change: Change, count: int) -> str:
    """Describe an assumption in a sentence."""
    return f"{change.name}: {describe_change(change)}, {count:,} series"


def describe_change(change: Change) -> str:
    """Describe what an assumption changes, and when.

    >>> describe_change(Change("fair", "2026-03-09", "2026-03-13", factor=1.3, hours="09:00-11:00"))
    '30% more than forecast from 2026-03-09 to 2026-03-13 at 09:00-11:00'
    """
    what = "nothing comes"
    if change.factor is not None:
        more = change.factor - 1
        what = f"{abs(more):.0%} {'more' if more >= 0 else 'less'} than forecast"
    elif change.volume is not None:
        what = f"{change.volume:,.0f} in all"
    elif change.growth is not None:
        what = f"{change.growth:+.0%} a year"
    start, end = _day(change.start, "start", 0), _day(change.end, "end", 0)
    when = "" if start is None else f" from {start:%Y-%m-%d}"
    when += "" if end is None else f" to {end:%Y-%m-%d}"
    when += "" if change.hours is None else f" at {change.hours}"
    return what + when
