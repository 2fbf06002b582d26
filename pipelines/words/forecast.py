"""What a forecast says, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ...forecasting.grid.known_days import holiday_names
from .facts import Cell, Fact, Finding
from .figures import figure, setting
from .words import format_kpi, format_list

#: The table of what the sentences say and no other table holds.
FIGURES = "forecast_figures"

#: Notes that a planner has to know; the others stand in the table of notes.
_PLANNER_NOTE_MARKS = (
    "no forecast for",
    "the level of series",
    "outage",
    "far beyond",
    "has ended",
    "ended before",
    "no past day",
    "left out",
    "relatives",
)
MAX_NOTES = 4
#: A holiday or event is told where it moves the day by so much.
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
    """Say what the next full week brings: the sum of its slots, see :func:`span_total`."""
    first, after, whole = find_next_week(ahead["ds"])
    _, low, high = span_total(ahead, folds, paths, first, after)
    span = f"Week of {first:%a %d %b %Y}" if whole else format_date_range(first, after - pd.Timedelta(days=1))
    middle = _volume(ahead, first, after, span)
    trend, facts = _trend(actuals, middle, (after - first).days)
    sure, bounds = ("", []) if np.isnan(low) else _likely(span, low, high)
    return Finding(f"{span}: {_expected(middle, noun)}{trend}{sure}.", middle, *facts, *bounds)


def _volume(ahead: pd.DataFrame, first: pd.Timestamp, after: pd.Timestamp, subject: str) -> Fact:
    cell = Cell("forecast", "deskcast", {"ds": (first, after - pd.Timedelta(1, "us"))}, "sum")
    return Fact.at(cell, {"forecast": ahead}, "volume", subject)


def _likely(subject: str, low: float, high: float) -> tuple[str, list[Fact]]:
    """Say the likely range, as the configuration of every forecast means it: it holds in 8 of 10 cases."""
    level = setting("likely range", 0.8, "share")
    bounds = [figure(FIGURES, kind, subject, value) for kind, value in (("likely low", low), ("likely high", high))]
    return f"; {level:%} sure: {bounds[0]:~} to {bounds[1]:~}", [level, *bounds]


def slot_sentence(total: pd.DataFrame, noun: str, freq: str, table: str = "forecast") -> Finding:
    """Say what the next week or month brings, where that is a slot.

    Parameters
    ----------
    total
        Forecast of the sum of all series, with its bounds of 80 %.
    noun, freq
        What is counted, and by which slots.
    table
        Result table in which the forecast stands.

    Examples
    --------
    >>> ahead = {"ds": [pd.Timestamp("2024-03-01")], "deskcast": 9.0, "deskcast-lo-80": 4.0, "deskcast-hi-80": 12.0}
    >>> slot_sentence(pd.DataFrame(ahead), "case", "MS")
    'March 2024: 9 cases are expected; 80% sure: 4 to 12.'
    """
    row = total.sort_values("ds").iloc[0]
    span = f"Week of {row['ds']:%a %d %b %Y}" if freq == "W" else f"{row['ds']:%B %Y}"
    keys = {"ds": row["ds"]} | ({"unique_id": row["unique_id"]} if "unique_id" in total.columns else {})
    held = {table: total}
    middle = Fact.at(Cell(table, "deskcast", keys), held, "volume", span)
    sure, bounds = "", []
    if "deskcast-lo-80" in total.columns:
        level = setting("likely range", 0.8, "share")
        low, high = (
            Fact.at(Cell(table, f"deskcast-{end}-80", keys), held, f"likely {word}", span)
            for end, word in (("lo", "low"), ("hi", "high"))
        )
        sure, bounds = f"; {level:%} sure: {low:~} to {high:~}", [level, low, high]
    return Finding(f"{span}: {_expected(middle, noun)}{sure}.", middle, *bounds)


def format_date_range(first: pd.Timestamp, last: pd.Timestamp) -> str:
    """Write first and last day.

    >>> format_date_range(pd.Timestamp("2024-03-04"), pd.Timestamp("2024-03-06"))
    'Mon 04 Mar 2024 to Wed 06 Mar 2024'
    """
    return f"{first:%a %d %b %Y}" if first == last else f"{first:%a %d %b %Y} to {last:%a %d %b %Y}"


def _trend(actuals: pd.DataFrame, middle: Fact, days: int) -> tuple[str, list[Fact]]:
    """Say how a week compares with those before it; of another span, and of a short history, nothing."""
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
    way = "more" if change > 0 else "fewer"
    return f", {moved:%} {way} than the mean of the last four weeks ({mean:~})", [moved, mean]


def sum_sentence(slots: pd.DataFrame, noun: str, weeks: int) -> Finding:
    """Say what the next seven days bring where the log is too short for an interval of their sum.

    >>> ahead = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=9), "deskcast": 2.0})
    >>> sum_sentence(ahead, "case", 3)
    'Mon 04 Mar 2024 to Sun 10 Mar 2024: 14 cases are expected; how sure that is, 3 weeks of history cannot tell.'
    """
    days = slots["ds"].dt.normalize()
    first = days.min()
    last = min(days.max(), first + pd.Timedelta(days=6))
    span = format_date_range(first, last)
    middle = _volume(slots, first, last + pd.Timedelta(days=1), span)
    seen = figure(FIGURES, "weeks of history", "volume", weeks)
    text = f"{span}: {_expected(middle, noun)}; how sure that is, {seen:week} of history cannot tell."
    return Finding(text, middle, seen)


def _expected(count: Fact, noun: str) -> str:
    """Say how many are expected, in whole cases."""
    return f"{count:~{noun}} {'is' if round(count.value) == 1 else 'are'} expected"


def value_sentence(kpi: str, actuals: pd.DataFrame, ahead: pd.DataFrame) -> Finding:
    """Say where a KPI that is no count of arrivals is heading: the mean of the forecast against the latest past.

    >>> days = pd.date_range("2024-01-01", periods=56)
    >>> past = pd.DataFrame({"unique_id": "all", "ds": days, "y": 0.8})
    >>> ahead = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2024-02-26", periods=7), "deskcast": 0.85})
    >>> value_sentence("csat", past, ahead)
    'CSAT: 85.0% on average from Mon 26 Feb 2024 to Sun 03 Mar 2024, after 80.0% in the 7 slots before.'
    """
    slots = Cell("forecast", "ds", take="distinct")
    tables = {"forecast": ahead, "actuals": actuals}
    count = Fact.at(slots, tables, "slots ahead", kpi)
    times = np.sort(actuals["ds"].unique())[-int(count.value) :]
    past = Cell("actuals", "y", {"ds": (pd.Timestamp(times[0]), pd.Timestamp(times[-1]))}, "mean")
    unit = find_kpi_unit(kpi) or "count"
    before = Fact.at(past, tables, "kpi", kpi, unit)
    now = Fact.at(Cell("forecast", "deskcast", take="mean"), tables, "kpi_forecast", kpi, unit)
    span = f"from {ahead['ds'].min():%a %d %b %Y} to {ahead['ds'].max():%a %d %b %Y}"
    text = f"{format_kpi(kpi)}: {now} on average {span}, after {before} in the {count:slot} before."
    return Finding(text, now, before, count)


def day_sentences(
    actuals: pd.DataFrame, ahead: pd.DataFrame, holidays: object, events: pd.DataFrame | None, noun: str
) -> list[Finding]:
    """Say which holidays and known events of the days ahead matter, and by how much.

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
    ['Wed 01 May 2024 is Labor Day: 6 cases are expected, 70% fewer than on a usual Wednesday.']
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
            way = "more" if change > 0 else "fewer"
            count = _volume(ahead, stamp, stamp + pd.Timedelta(days=1), f"{stamp:%d %b %Y}")
            moved = figure(FIGURES, "change on the usual day", count.subject, abs(change), "share")
            head = f"{stamp:%a %d %b %Y} is {names[stamp]}: {_expected(count, noun)}"
            text = f"{head}, {moved:%} {way} than on a usual {stamp:%A}."
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


def accuracy_sentence(table: pd.DataFrame, of: str = "volume") -> Finding:
    """Say how far off the forecast was on past origins, or that nothing came there to judge it by.

    >>> nothing = pd.DataFrame({"model": ["deskcast", "seasonal_naive"], "wape": float("nan"), "wql": float("nan")})
    >>> accuracy_sentence(nothing)
    'Nothing came in the spans that the forecast is judged on, so how good it is stays open.'
    """
    scores = table.set_index("model").to_dict("index")
    ours, naive = scores["deskcast"], scores["seasonal_naive"]
    if not np.isfinite(ours["wape"]):
        return Finding("Nothing came in the spans that the forecast is judged on, so how good it is stays open.")
    gain = 1 - ours["wql"] / naive["wql"] if naive["wql"] > 0 else 0.0
    ahead = figure(FIGURES, "gain on the seasonal naive", "forecast", abs(gain), "share", audience="analyst")
    level = abs(gain) <= 0.005
    better = "level with" if level else f"{ahead:%} {'better' if gain > 0 else 'worse'} than"

    def score(column: str, unit: str) -> Fact:
        cell = Cell("leaderboard", column, {"model": "deskcast"})
        return Fact.at(cell, {"leaderboard": table}, f"forecast_{column}", "forecast", unit, audience="analyst")

    few = ours["wape"] < 3
    error = score("wape", "share" if few else "count")
    facts, cover = [error] + [ahead] * (not level), ""
    if np.isfinite(ours.get("coverage_80", np.nan)):
        level_80, held = setting("likely range", 0.8, "share"), score("coverage_80", "share")
        facts, cover = [*facts, level_80, held], f"; its {level_80:%} interval held {held:%}"
    off = f"{error} of" if few else f"{error:~} times"
    text = f"On past origins the forecast was off by {off} the {of} and {better} the seasonal naive by quantile loss"
    return Finding(f"{text}{cover}.", *facts)


def method_sentences(model: str, tiers: object) -> list[Finding]:
    """Say which method the forecast is made of, by tier of volume where these differ.

    >>> method_sentences("core", None)
    ['The forecast is made by core.']
    >>> method_sentences("core + recent_level", {"high": {"core": 1.0}, "sparse": {"core": 0.6, "croston": 0.4}})
    ['The forecast is made by core for series of high volume, and by core (60%) and croston (40%) for sparse series.']
    """
    if not isinstance(tiers, dict) or not tiers:
        return [Finding(f"The forecast is made by {model.replace(' + ', ' and ')}.")]
    parts, facts = [], []
    for tier, weights in tiers.items():
        whole = []
        for name, share in weights.items():
            weight = figure(FIGURES, "weight of the method", f"{name}, {tier}", share, "share", audience="analyst")
            if share > 0.005:
                whole.append(name if share > 0.995 else f"{name} ({weight:%})")
                facts += [weight] if share <= 0.995 else []
        parts.append((format_list(whole), f"{tier} series" if tier == "sparse" else f"series of {tier} volume"))
    if len({made for made, _ in parts}) == 1:
        return [Finding(f"The forecast is made by {parts[0][0]}.", *facts)]
    said = [f"{'' if not i else 'by '}{made} for {where}" for i, (made, where) in enumerate(parts)]
    last = f", and {said[-1]}" if len(said) > 1 else ""
    text = f"The forecast is made by {', '.join(said[:-1]) if len(said) > 1 else said[0]}{last}."
    return [Finding(text, *facts)]


def planner_notes(notes: Sequence[str]) -> list[Finding]:
    """Return the notes that a planner has to know, as sentences; the table of notes holds their figures.

    >>> planner_notes(["the level of series 'a' fell by 30% about 2024-03-01", "12 slots are missing"])
    ["The level of series 'a' fell by 30% about 2024-03-01."]
    """
    said = [note for note in notes if any(word in note for word in _PLANNER_NOTE_MARKS)]
    found = [Finding(f"{n[:1].upper()}{n[1:]}.", names=[n[1:]]) for n in said[:MAX_NOTES]]
    rest = figure(FIGURES, "more notes", "forecast", len(said) - MAX_NOTES)
    return [*found, *([Finding(f"{rest:more note} in the table of notes.", rest)] if rest.value > 0 else [])]
