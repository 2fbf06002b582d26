"""Findings on a forecast: volume, likely range, error, and what a planner has to know of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ...forecasting.grid.frequency import parse_frequency
from ...forecasting.grid.known_days import holiday_names
from .facts import Cell, Fact, Finding
from .figures import figure, setting
from .table_registry import VALUES
from .words import format_date, format_date_range, format_kpi, format_list

#: The table of what the sentences say and no other table holds.
FIGURES = "forecast_figures"

#: Notes that a planner has to know; the others stand in the table of notes.
_PLANNER_NOTE_MARKS = (
    "no forecast for",
    "level shift",
    "regressor",
    "outage",
    "outlier",
    "has ended",
    "no past day",
    "list of holidays ends",
    "excluded",
    "similar series",
)
MAX_NOTES = 4
#: A holiday or event is reported where it moves the day by so much.
MIN_REPORTED_CHANGE = 0.1
#: Past sums that the spread of sample paths counts as.
PATHS_PRIOR_WEIGHT = 4.0
#: Same weekdays of the past that say what is usual.
USUAL_WEEKS = 8


def span_total(
    ahead: pd.DataFrame, folds: pd.DataFrame, paths: pd.DataFrame | None, first: pd.Timestamp, after: pd.Timestamp
) -> tuple[float, float, float]:
    """Return what is expected in a span over all series, and the bounds of 80 %.

    The forecasts of the slots are added up. How wrong such sums are is taken from the sums of the same span at the past
    origins, and from the spread of sample paths, which counts as much as :data:`PATHS_PRIOR_WEIGHT` of them.

    Parameters
    ----------
    ahead, folds
        ``ds`` and ``deskcast``, of the folds also ``cutoff`` and ``y``.
    paths
        ``ds``, ``path`` and ``y``.
    first, after
        First day, and the day after the last.

    Examples
    --------
    >>> days = pd.date_range("2024-03-04", periods=7)
    >>> ahead = pd.DataFrame({"ds": days, "deskcast": 10.0})
    >>> then = [ahead.assign(ds=days - pd.Timedelta(weeks=w), cutoff=days[0] - pd.Timedelta(days=7 * w + 1), y=y)
    ...         for w, y in ((3, 9.0), (2, 11.0), (1, 10.0))]
    >>> [round(value) for value in span_total(ahead, pd.concat(then), None, days[0], days[-1] + pd.Timedelta(days=1))]
    [70, 61, 79]
    """
    middle = float(ahead.loc[(ahead["ds"] >= first) & (ahead["ds"] < after), "deskcast"].sum())
    begins = ahead["ds"].min().normalize()
    step = (ahead["ds"].drop_duplicates().sort_values().diff().min()) if ahead["ds"].nunique() > 1 else pd.Timedelta(1)
    then = (folds["cutoff"] + step).dt.normalize()
    inside = folds[(folds["ds"] - then >= first - begins) & (folds["ds"] - then < after - begins)]
    sums = inside.groupby("cutoff")[["y", "deskcast"]].sum()
    sums = sums[sums["deskcast"] > 0]
    square, count = float(((sums["y"] / sums["deskcast"] - 1) ** 2).sum()), float(len(sums))
    if paths is not None:
        drawn = paths[(paths["ds"] >= first) & (paths["ds"] < after)].groupby("path")["y"].sum().to_numpy()
        if drawn.mean() > 0:
            square += PATHS_PRIOR_WEIGHT * float((drawn.std() / drawn.mean()) ** 2)
            count += PATHS_PRIOR_WEIGHT
    if not count:
        return middle, float("nan"), float("nan")
    wide = float(student_t_quantile(0.9, count)) * np.sqrt(square / count) * middle
    return middle, max(middle - wide, 0.0), middle + wide


def student_t_quantile(p: float, free: float) -> float:
    """Return the quantile of Student's distribution.

    >>> round(student_t_quantile(0.9, 12), 2)
    1.36
    """
    from scipy.stats import t

    return float(t.ppf(p, free))


def find_next_week(ds: pd.Series[pd.Timestamp]) -> tuple[pd.Timestamp, pd.Timestamp, bool]:
    """Return the first whole week from Monday that a forecast covers, or else its first seven days.

    >>> find_next_week(pd.Series(pd.date_range("2024-03-06", periods=14)))[0]
    Timestamp('2024-03-11 00:00:00')
    """
    days = ds.dt.normalize()
    first, last = days.min(), days.max()
    if ds.min() > first:  # the day has begun
        first += pd.Timedelta(days=1)
    monday = first + pd.Timedelta(days=-first.day_of_week % 7)
    if monday + pd.Timedelta(days=6) <= last:
        return monday, monday + pd.Timedelta(days=7), True
    after = min(first + pd.Timedelta(days=7), last + pd.Timedelta(days=1))
    return first, max(after, first + pd.Timedelta(days=1)), False


def week_sentence(
    actuals: pd.DataFrame, ahead: pd.DataFrame, folds: pd.DataFrame, paths: pd.DataFrame | None, noun: str
) -> Finding:
    """Report the volume of the next full week: the sum of its time steps, see :func:`span_total`."""
    first, after, whole = find_next_week(ahead["ds"])
    _, low, high = span_total(ahead, folds, paths, first, after)
    year = actuals["ds"].max().year
    span = f"Week of {format_date(first, year)}"
    span = span if whole else format_date_range(first, after - pd.Timedelta(days=1), year)
    middle = _volume(ahead, first, after, span)
    trend, facts = _trend(actuals, middle, (after - first).days)
    likely, bounds = ("", []) if np.isnan(low) else _likely(span, low, high)
    return Finding(f"{span}: {middle:about {noun}}{likely}{trend}.", middle, *facts, *bounds)


def _volume(ahead: pd.DataFrame, first: pd.Timestamp, after: pd.Timestamp, subject: str) -> Fact:
    cell = Cell("forecast", "deskcast", {"ds": (first, after - pd.Timedelta(1, "us"))}, "sum")
    return Fact.at(cell, {"forecast": ahead}, "volume", subject)


def _likely(subject: str, low: float, high: float) -> tuple[str, list[Fact]]:
    """Write the likely range: the interval that holds in 8 of 10 cases."""
    bounds = [figure(FIGURES, kind, subject, value) for kind, value in (("likely low", low), ("likely high", high))]
    return f", likely {bounds[0]:~} to {bounds[1]:~}", bounds


def slot_sentence(total: pd.DataFrame, noun: str, freq: str, table: str = "forecast") -> Finding:
    """Report the volume of the next week or month, where that is one time step.

    Parameters
    ----------
    total
        Forecast of the sum of all series, with its bounds of 80 %.
    noun, freq
        What is counted, and the time step.
    table
        Result table in which the forecast stands.

    Examples
    --------
    >>> ahead = {"ds": [pd.Timestamp("2024-03-01")], "deskcast": 9.0, "deskcast-lo-80": 4.0, "deskcast-hi-80": 12.0}
    >>> slot_sentence(pd.DataFrame(ahead), "case", "MS")
    'March 2024: about 9 cases, likely 4 to 12.'
    """
    row = total.sort_values("ds").iloc[0]
    span = f"Week of {format_date(row['ds'])}" if freq == "W" else f"{row['ds']:%B %Y}"
    keys = {"ds": row["ds"]} | ({"unique_id": row["unique_id"]} if "unique_id" in total.columns else {})
    held = {table: total}
    middle = Fact.at(Cell(table, "deskcast", keys), held, "volume", span)
    likely, bounds = "", []
    if "deskcast-lo-80" in total.columns:
        low, high = (
            Fact.at(Cell(table, f"deskcast-{end}-80", keys), held, f"likely {word}", span)
            for end, word in (("lo", "low"), ("hi", "high"))
        )
        likely, bounds = f", likely {low:~} to {high:~}", [low, high]
    return Finding(f"{span}: {middle:about {noun}}{likely}.", middle, *bounds)


def _trend(actuals: pd.DataFrame, middle: Fact, days: int) -> tuple[str, list[Fact]]:
    """Compare a week with those before it; of another span, and of a short history, nothing is written."""
    end = actuals["ds"].max().normalize() + pd.Timedelta(days=1)
    begin = end - pd.Timedelta(days=28)
    if days != 7 or actuals["ds"].min() > begin:
        return "", []
    past = float(actuals.loc[actuals["ds"] >= begin, "y"].sum()) / 4
    change = middle.value / past - 1 if past > 0 else 0.0
    if abs(change) < 0.02:
        return "", []
    moved = figure(FIGURES, "change on the last four weeks", middle.subject, abs(change), "share")
    usual = Cell("actuals", "y", {"ds": (begin, end - pd.Timedelta(1, "us"))}, "sum", scale=0.25)
    mean = Fact.at(usual, {"actuals": actuals}, "mean of the last four weeks", "volume")
    weeks = setting("averaged weeks", 4)
    direction = "above" if change > 0 else "below"
    return f"; {moved} {direction} the {weeks}-week average ({mean:~})", [moved, weeks, mean]


def sum_sentence(slots: pd.DataFrame, noun: str, weeks: int) -> Finding:
    """Report the volume of the next seven days where the log is too short for a likely range of their sum.

    >>> ahead = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=9), "deskcast": 2.0})
    >>> sum_sentence(ahead, "case", 3)
    'Mon 4 Mar to Sun 10 Mar: about 14 cases. No likely range yet: it needs 8 weeks of history, this log has 3.'
    """
    days = slots["ds"].dt.normalize()
    first = days.min()
    last = min(days.max(), first + pd.Timedelta(days=6))
    span = format_date_range(first, last, first.year)
    middle = _volume(slots, first, last + pd.Timedelta(days=1), span)
    seen, needed = figure(FIGURES, "weeks of history", "volume", weeks), setting("weeks of history", USUAL_WEEKS)
    text = (
        f"{span}: {middle:about {noun}}. No likely range yet: it needs {needed:week} of history, this log has {seen}."
    )
    return Finding(text, middle, needed, seen)


def value_sentence(kpi: str, actuals: pd.DataFrame, ahead: pd.DataFrame) -> Finding:
    """Compare the mean forecast of a KPI that is no count of arrivals with its latest values.

    >>> days = pd.date_range("2024-01-01", periods=56)
    >>> past = pd.DataFrame({"unique_id": "all", "ds": days, "y": 0.8})
    >>> ahead = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2024-02-26", periods=7), "deskcast": 0.85})
    >>> value_sentence("csat", past, ahead)
    'CSAT: 85% on average from Mon 26 Feb to Sun 3 Mar; 80% in the 7 time steps before.'
    """
    slots = Cell("forecast", "ds", take="distinct")
    tables = {"forecast": ahead, "actuals": actuals}
    count = Fact.at(slots, tables, "slots ahead", kpi)
    times = np.sort(actuals["ds"].unique())[-int(count.value) :]
    past = Cell("actuals", "y", {"ds": (pd.Timestamp(times[0]), pd.Timestamp(times[-1]))}, "mean")
    unit = find_kpi_unit(kpi) or "count"
    before = Fact.at(past, tables, "kpi", kpi, unit)
    now = Fact.at(Cell("forecast", "deskcast", take="mean"), tables, "kpi_forecast", kpi, unit)
    span = format_date_range(ahead["ds"].min(), ahead["ds"].max(), actuals["ds"].max().year)
    text = f"{format_kpi(kpi)}: {now} on average from {span}; {before} in the {count:time step} before."
    return Finding(text, now, before, count)


def day_sentences(
    actuals: pd.DataFrame, ahead: pd.DataFrame, holidays: object, events: pd.DataFrame | None, noun: str
) -> list[Finding]:
    """Report the holidays and known events of the days ahead that change the volume, and by how much.

    Parameters
    ----------
    actuals, ahead
        What came and what is expected, over all series.
    holidays, events
        What the forecast was told.
    noun
        What is counted.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", "2024-04-28")
    >>> past = pd.DataFrame({"ds": days, "y": 20.0})
    >>> ahead = pd.DataFrame({"ds": pd.date_range("2024-04-29", periods=7), "deskcast": [20.0, 20, 6, 20, 20, 20, 20]})
    >>> day_sentences(past, ahead, "DE", None, "case")
    ['Wed 1 May is Labor Day: about 6 cases, 70% below a usual Wednesday.']
    """
    coming = ahead.groupby(ahead["ds"].dt.normalize())["deskcast"].sum()
    past = actuals.groupby(actuals["ds"].dt.normalize())["y"].sum()
    if not len(coming) or not len(past):
        return []
    names = _names(holidays, events, past.index.min(), coming.index.max())
    ordinary = past[~past.index.isin(list(names))]
    said = []
    for day, value in coming.items():
        stamp = pd.Timestamp(str(day))
        same = ordinary[pd.DatetimeIndex(ordinary.index).day_of_week == stamp.day_of_week].tail(USUAL_WEEKS)
        usual = float(same.mean()) if len(same) else float("nan")
        if stamp not in names or not usual > 0:
            continue
        change = float(value) / usual - 1
        if abs(change) >= MIN_REPORTED_CHANGE:
            direction = "above" if change > 0 else "below"
            count = _volume(ahead, stamp, stamp + pd.Timedelta(days=1), f"{stamp:%d %b %Y}")
            moved = figure(FIGURES, "change on the usual day", count.subject, abs(change), "share")
            head = f"{format_date(stamp, past.index.max().year)} is {names[stamp]}: {count:about {noun}}"
            text = f"{head}, {moved:%} {direction} a usual {stamp:%A}."
            said.append(Finding(text, count, moved, names=[names[stamp]]))
    return said


def _names(
    holidays: object, events: pd.DataFrame | None, first: pd.Timestamp, last: pd.Timestamp
) -> dict[pd.Timestamp, str]:
    """Return the names of the days that are different."""
    span = np.array([first, last], dtype="datetime64[D]")
    found = {pd.Timestamp(day): _format_holiday(name) for day, name in holiday_names(holidays, span).items()}
    for row in events.to_dict("records") if events is not None else ():
        for day in pd.date_range(str(row["start"]), str(row["end"])):
            found[day.normalize()] = f"a day of '{row['name']}'"
    return found


def _format_holiday(name: str) -> str:
    return "a holiday" if name == "holiday" else name.replace("; ", " and ")


def format_naive(freq: str) -> str:
    """Name what the seasonal naive method does: of weeks and longer time steps it repeats the last year.

    >>> format_naive("D"), format_naive("MS")
    ('last week repeated', 'last year repeated')
    """
    return f"last {'year' if parse_frequency(freq).year else 'week'} repeated"


def accuracy_sentences(table: pd.DataFrame, backtests: int, of: str = "volume", freq: str = "D") -> list[Finding]:
    """Report the forecast error in the backtests beside that of last week repeated, and how often the ranges held.

    Examples
    --------
    >>> scores = {"model": ["deskcast", "seasonal_naive"], "wape": [0.178, 0.29], "wql": [0.08, 0.14]}
    >>> accuracy_sentences(pd.DataFrame(scores | {"coverage_80": 0.81}), 12)
    ['Forecast error 18% of volume (12 backtests); last week repeated 29%.',
     'In the backtests 81% of actual values are inside the likely range, which is made for 80%.',
     'Quantile loss is 43% below that of the seasonal naive.']
    >>> accuracy_sentences(pd.DataFrame({"model": ["deskcast", "seasonal_naive"], "wape": float("nan"), "wql": 0.0}), 3)
    ['Forecast error unknown: the backtest periods have no volume.']
    """
    scores = table.set_index("model").to_dict("index")
    ours, naive = scores["deskcast"], scores["seasonal_naive"]
    if not np.isfinite(ours["wape"]):
        return [Finding(f"Forecast error unknown: the backtest periods have no {of}.", audience="planner")]

    def score(column: str, unit: str, model: str = "deskcast", **more: Any) -> Fact:
        cell = Cell("leaderboard", column, {"model": model})
        more = {"audience": "planner", **more}
        return Fact.at(cell, {"leaderboard": table}, f"forecast_{column}", model, unit, **more)

    error, other = (
        score("wape", "share" if scores[model]["wape"] < 3 else "count", model)
        for model in ("deskcast", "seasonal_naive")
    )
    said, repeated = (f"{fact}" if fact.unit == "share" else f"{fact:~} times" for fact in (error, other))
    count = figure(FIGURES, "backtests", "forecast", backtests)
    beside = f"; {format_naive(freq)} {repeated}" if np.isfinite(naive["wape"]) else ""
    found = [
        Finding(f"Forecast error {said} of {of} ({count:backtest}){beside}.", error, count, *[other] * bool(beside))
    ]
    if np.isfinite(ours.get("coverage_80", np.nan)):
        level, held = setting("likely range", 0.8, "share"), score("coverage_80", "share")
        text = f"In the backtests {held:%} of actual values are inside the likely range, which is made for {level:%}."
        found.append(Finding(text, held, level))
    return [*found, *_loss_sentence(ours["wql"], naive["wql"])]


def _loss_sentence(ours: float, naive: float) -> list[Finding]:
    gain = 1 - ours / naive if naive > 0 else 0.0
    if abs(gain) <= 0.005:
        return [Finding("Quantile loss is that of the seasonal naive.", audience="analyst")]
    ahead = figure(FIGURES, "gain on the seasonal naive", "forecast", abs(gain), "share", audience="analyst")
    direction = "below" if gain > 0 else "above"
    return [Finding(f"Quantile loss is {ahead:%} {direction} that of the seasonal naive.", ahead)]


def method_sentences(model: str, tiers: object) -> list[Finding]:
    """Name the methods of the forecast, by tier of volume where these differ.

    >>> method_sentences("core", None)
    ['Forecast method: decomposition.']
    >>> method_sentences("core + recent_level", {"high": {"core": 1.0}, "sparse": {"core": 0.6, "croston": 0.4}})
    ['Forecast method for high volume: decomposition.',
     'Forecast method for sparse volume: decomposition (60%) and croston (40%).']
    """
    if not isinstance(tiers, dict) or not tiers:
        named = format_list([_format_method(name) for name in model.split(" + ")])
        return [Finding(f"Forecast method: {named}.", audience="analyst", names=[named])]
    made: dict[str, tuple[str, list[Fact]]] = {}
    for tier, weights in tiers.items():
        parts, facts = [], []
        for name, share in weights.items():
            weight = figure(FIGURES, "weight of the method", f"{name}, {tier}", share, "share", audience="analyst")
            if share > 0.005:
                parts.append(_format_method(name) + ("" if share > 0.995 else f" ({weight:%})"))
                facts += [weight] if share <= 0.995 else []
        made[tier] = format_list(parts), facts
    if len({text for text, _ in made.values()}) == 1:
        text, facts = next(iter(made.values()))
        return [Finding(f"Forecast method: {text}.", *facts, audience="analyst")]
    return [
        Finding(f"Forecast method for {tier} volume: {text}.", *facts, audience="analyst")
        for tier, (text, facts) in made.items()
    ]


def _format_method(name: str) -> str:
    named = VALUES["model"].get(name, name.replace("_", " "))
    return named[:1].lower() + named[1:]


def planner_notes(notes: Sequence[str]) -> list[Finding]:
    """Return the notes that a planner has to know, as sentences; the table of notes holds their figures.

    >>> planner_notes(["level shift in 'a': down 30% about Fri 1 Mar 2024", "12 time steps are missing"])
    ["Level shift in 'a': down 30% about Fri 1 Mar 2024."]
    """
    said = [note for note in notes if any(word in note for word in _PLANNER_NOTE_MARKS)]
    notes = [f"{note[:1].upper()}{note[1:]}" for note in said[:MAX_NOTES]]
    found = [Finding(f"{note}.", audience="planner", names=[note]) for note in notes]
    rest = figure(FIGURES, "more notes", "forecast", len(said) - MAX_NOTES, audience="planner")
    return [*found, *([Finding(f"{rest:more note} on the data: see the notes.", rest)] if rest.value > 0 else [])]
