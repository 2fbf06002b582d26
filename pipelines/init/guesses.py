"""What a log suggests for its configuration: the span that is whole, opening hours, a target, a handle time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...features.recognise.vocabulary import normalise_column_name

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ROUND_DURATIONS_S = [60 * m for m in (15, 30)] + [3600 * h for h in (1, 2, 4, 6, 8, 12)]
_ROUND_DURATIONS_S += [
    86400 * d for d in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 21, 28, 30, 35, 40, 45, 60, 90, 120, 180, 365)
]
#: Arrivals below this share of a typical week, at the edge of the data, are left-overs of the extract.
MIN_TYPICAL_SHARE = 0.4
#: A usual day with so many arrivals does not stay empty by chance.
MIN_ARRIVALS_BUSY_DAY = 10.0
#: Left-overs shorter than this many days are not worth cutting.
MIN_CUT_DAYS = 21


@dataclass(frozen=True)
class Arrivals:
    """When what arrived, on the desk's own clock: one row an arrival or a slot with its weight.

    ``slot_s`` is the length of a slot for a volume series, and ``dates`` says that there is no time of day.
    """

    local: pd.Series[Any]
    weight: pd.Series[Any]
    slot_s: float | None = None
    end: pd.Timestamp | None = None

    @property
    def dates(self) -> bool:
        """Return whether no arrival has a time of day."""
        return bool((self.local == self.local.dt.normalize()).mean() > 0.9)

    def between(self, since: str | None, until: str | None) -> Arrivals:
        """Return the arrivals of a span of local time."""
        keep = pd.Series(True, index=self.local.index)
        if since:
            keep &= self.local >= pd.Timestamp(since)
        if until:
            keep &= self.local < pd.Timestamp(until)
        end = self.end if until is None else pd.Timestamp(until)
        return Arrivals(self.local[keep], self.weight[keep], self.slot_s, end)

    @property
    def is_sampled(self) -> bool:
        """Return whether most days are empty though the others are busy, as where an export is a sample of days."""
        if self.slot_s is not None or self.local.empty:
            return False
        busy = self.local.dt.normalize().nunique()
        return self.days >= 14 and busy < 0.5 * self.days and len(self.local) >= 8 * busy

    @property
    def days(self) -> int:
        """Days from the first to the last arrival."""
        return int((self.local.max() - self.local.min()) / pd.Timedelta("1D")) + 1


@dataclass(frozen=True)
class OpeningHours:
    """Opening hours as the arrivals suggest them: hours by days, closed dates, and the share that falls outside."""

    open: Mapping[str, list[str]] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    outside: float = 0.0


def find_arrivals(tables: Mapping[str, pd.DataFrame], timezone: str) -> Arrivals | None:
    """Return the arrivals of canonical tables: contacts by their queue entry, else cases, else volumes."""
    ends = [t[c].max() for n, c in (("cases", "created_at"), ("events", "at")) if (t := tables.get(n)) is not None]
    end = max(ends).tz_convert(timezone).tz_localize(None) if ends else None
    for name, column in (("cases", "created_at"), ("contacts", "queued_at")):
        if name in tables and len(tables[name]):
            local = tables[name][column].dt.tz_convert(timezone).dt.tz_localize(None)
            return Arrivals(local, pd.Series(1.0, index=local.index), end=end)
    if "volumes" in tables:
        table = tables["volumes"]
        local = table["ds"].dt.tz_convert(timezone).dt.tz_localize(None)
        return Arrivals(local, table["y"], float(table["slot_s"].mode().iloc[0]))
    return None


def find_complete_span(arrivals: Arrivals) -> tuple[str | None, str | None]:
    """Return the days from which and until which the arrivals are those of a living desk, where that is not all.

    Cases are left over at both ends of an extract: old ones that were still alive at its start, late ones at its end.
    The week of a typical case (the median over cases, not over weeks) is the measure.
    """
    if arrivals.slot_s is not None or len(arrivals.local) < 200:
        return None, None
    day = arrivals.local.dt.normalize()
    daily = day.value_counts().sort_index()
    every = daily.reindex(pd.date_range(daily.index[0], daily.index[-1]), fill_value=0)
    weekly = every.rolling(7, min_periods=1).sum()
    typical = float(np.median(weekly.loc[day.to_numpy()]))
    full = weekly.index[weekly >= MIN_TYPICAL_SHARE * typical]
    if len(full) == 0:
        return None, None
    living = every.loc[full[0] : full[-1]]
    usual = living.groupby(living.index.day_of_week).median().reindex(range(7), fill_value=0.0)
    alive = every.index[
        every.to_numpy() >= np.maximum(1.0, MIN_TYPICAL_SHARE * usual.to_numpy()[every.index.day_of_week])
    ]
    first = alive[alive >= full[0] - pd.Timedelta(days=6)][0]
    last = alive[alive <= full[-1]][-1]
    end = arrivals.end if arrivals.end is not None else every.index[-1]
    since = f"{first:%Y-%m-%d}" if (first - every.index[0]).days >= MIN_CUT_DAYS else None
    dead = (end - last).days >= MIN_CUT_DAYS or _has_ended(every, usual, last, end)
    until = f"{last + pd.Timedelta(days=1):%Y-%m-%d}" if dead else None
    return since, until


def _has_ended(every: pd.Series[Any], usual: pd.Series[Any], last: pd.Timestamp, end: pd.Timestamp) -> bool:
    """Return whether two or more usual days at the end, with many arrivals each by right, have next to none."""
    after = pd.date_range(last + pd.Timedelta(days=1), end.normalize())
    expected = usual.to_numpy()[after.day_of_week]
    came = every.reindex(after, fill_value=0).to_numpy()
    return bool((expected >= MIN_ARRIVALS_BUSY_DAY).sum() >= 2 and came.sum() < 0.05 * expected.sum())


def has_enough_endings(tables: Mapping[str, pd.DataFrame], until: str | None, timezone: str) -> bool:
    """Return whether a cut leaves at least half of the endings of cases, where there are any."""
    if until is None or "events" not in tables:
        return True
    ends = tables["events"].loc[tables["events"]["kind"].isin(["resolved", "closed"]), "at"]
    return bool(len(ends) == 0 or (ends < pd.Timestamp(until, tz=timezone)).mean() >= 0.5)


def infer_opening_hours(arrivals: Arrivals) -> OpeningHours | None:
    """Infer opening hours from when nothing arrives, or ``None`` where every night and weekday has arrivals."""
    local, weight = arrivals.local, arrivals.weight
    weekday = local.dt.day_of_week
    by_day = weight.groupby(weekday).sum().reindex(range(7), fill_value=0.0)
    usual = float(by_day.sort_values().iloc[-5:].median())
    if usual <= 0 or arrivals.days < 14:
        return None
    if arrivals.is_sampled:
        return None  # the days that are missing are missing from the export
    open_days = [d for d in range(7) if by_day[d] >= 0.08 * usual]
    spans = {d: _span(arrivals, weekday == d) for d in open_days}
    spans = _pooled(arrivals, weekday, spans)
    if sum(b - a for a, b in spans.values()) >= 0.9 * 7 * 1440:
        return None  # open nearly all week: what is missing is chance
    minute = local.dt.hour * 60 + local.dt.minute
    inside = pd.Series(False, index=local.index)
    for d, (a, b) in spans.items():
        inside |= (weekday == d) & (minute >= a) & (minute < b)  # a slot counts by its begin
    outside = float(weight[~inside].sum() / weight.sum())
    if outside > 0.1:
        return None
    return OpeningHours(_format_hours(spans), _closed_dates(local[weight > 0], open_days), outside)


def _span(arrivals: Arrivals, chosen: pd.Series[Any]) -> tuple[int, int]:
    """Return the minutes of the day between which the chosen arrivals come."""
    if arrivals.dates or (arrivals.slot_s or 0) >= 86400:
        return 0, 1440
    step = min(30, int((arrivals.slot_s or 1800) // 60)) or 1
    length = max(step, int((arrivals.slot_s or 0) // 60))
    local, weight = arrivals.local[chosen], arrivals.weight[chosen]
    bins = ((local.dt.hour * 60 + local.dt.minute) // step) * step
    volume = weight.groupby(bins).sum().reindex(range(0, 1440, step), fill_value=0.0)
    needed = 0.0 if arrivals.slot_s else 0.04 * float(volume.nlargest(max(1, 240 // step)).mean())
    busy = volume.index[volume > needed].to_numpy()
    if len(busy) == 0:
        return 0, 1440
    gaps = np.diff(np.append(busy, busy[0] + 1440)) - length
    widest = int(gaps.argmax())
    if gaps[widest] < 180:  # no night
        return 0, 1440
    opens, shuts = int(busy[(widest + 1) % len(busy)]), int(busy[widest]) + length
    return (opens, shuts) if shuts > opens else (opens, 1440)


def _pooled(
    arrivals: Arrivals, weekday: pd.Series[Any], spans: Mapping[int, tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Give days whose hours differ by less than an hour and a half the hours of their pool."""
    pooled: dict[int, tuple[int, int]] = {}
    for d in spans:
        alike = [e for e in spans if all(abs(x - y) <= 90 for x, y in zip(spans[d], spans[e], strict=True))]
        pooled[d] = _span(arrivals, weekday.isin(alike)) if len(alike) > 1 else spans[d]
    return pooled


def _format_hours(spans: Mapping[int, tuple[int, int]]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    days = sorted(spans)
    start = 0
    for i in range(1, len(days) + 1):
        if i < len(days) and spans[days[i]] == spans[days[start]] and days[i] == days[i - 1] + 1:
            continue
        name = _WEEKDAYS[days[start]] + (f"-{_WEEKDAYS[days[i - 1]]}" if i - 1 > start else "")
        a, b = spans[days[start]]
        out[name] = [f"{a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}"]
        start = i
    return out


def _closed_dates(local: pd.Series[Any], open_days: list[int]) -> tuple[str, ...]:
    """Return the open weekdays on which nothing arrived, where they are few enough to be holidays."""
    days = pd.DatetimeIndex(local.dt.normalize().unique())
    every = pd.date_range(days.min(), days.max())
    empty = every[every.day_of_week.isin(open_days) & ~every.isin(days)]
    years = max(1.0, len(every) / 365)
    return tuple(f"{d:%Y-%m-%d}" for d in empty) if len(empty) <= 20 * years else ()


def suggest_target(tables: Mapping[str, pd.DataFrame]) -> tuple[float, int] | None:
    """Return a round resolution target near the 75th percentile of completed cases, and how many there are."""
    if "events" not in tables or "cases" not in tables:
        return None
    events = tables["events"]
    ends = events[events["kind"].isin(["resolved", "closed"])].groupby("case_id")["at"].min()
    created = tables["cases"].set_index("case_id")["created_at"]
    seconds = (ends - created.reindex(ends.index)).dt.total_seconds().dropna()
    if len(seconds) < 20:
        return None
    return round_duration(float(seconds.quantile(0.75))), len(seconds)


def round_duration(seconds: float) -> float:
    """Return the round duration that is nearest on a logarithmic scale.

    >>> round_duration(7000), round_duration(600000)
    (7200.0, 604800.0)
    """
    value = max(seconds, 60.0)
    return float(min(_ROUND_DURATIONS_S, key=lambda n: abs(np.log(n / value))))


def find_handle_time(frame: pd.DataFrame) -> tuple[str, float] | None:
    """Return the column of a file that seems to hold handle times in seconds, and its mean over positive values."""
    for column in frame.columns:
        if re.fullmatch(
            r"(ser|service|handle|handling|talk|aht)( time)?( s| sec| seconds| duration)?",
            normalise_column_name(str(column)),
        ):
            seconds = pd.to_numeric(frame[column], errors="coerce")
            good = seconds[seconds > 0]
            if len(good) >= 30 and good.mean() < 4 * 3600:
                return str(column), float(good.mean())
    return None


def suggest_freq(slot_s: float) -> str:
    """Return the frequency name of a slot; slots under a quarter of an hour are joined to one.

    >>> suggest_freq(300), suggest_freq(1800), suggest_freq(3600), suggest_freq(86400)
    ('15min', '30min', 'h', 'D')
    """
    names = {3600: "h", 86400: "D", 604800: "W"}
    whole = max(900, round(slot_s))
    return names.get(whole, f"{round(whole / 60)}min")
