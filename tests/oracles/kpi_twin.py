"""KPIs counted slowly: plain loops over the rows of one period and segment, written from the catalogue's words."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, log, sqrt

import numpy as np
import pandas as pd
from case_twin import slow_history

DAY = 86400.0
WEEK = pd.Timedelta(days=7)
NAN = float("nan")
MEASURES = ("value", "n", "numerator", "lo", "hi", "median", "p90", "mean")
Cell = dict[str, float]
Cells = dict[tuple[str, pd.Timestamp], Cell]
Row = dict[str, object]


def cell(**known: float) -> Cell:
    return dict.fromkeys(MEASURES, NAN) | {name: float(value) for name, value in known.items()}


def slots(at: pd.DatetimeIndex, freq: str, timezone: str) -> list[pd.Timestamp]:
    """Start of the period of each instant, by pandas' own calendar."""
    local = at.tz_convert(timezone).tz_localize(None)
    if freq in ("D", "W", "MS", "QS"):
        found = local.to_period({"D": "D", "W": "W-SUN", "MS": "M", "QS": "Q-DEC"}[freq]).start_time
    elif freq == "6MS":
        halves = {False: local.to_period("Y-DEC").start_time, True: local.to_period("Y-JUN").start_time}
        found = halves[True].where(local.month > 6, halves[False])
    else:
        minute = (local.hour * 60 + local.minute) % minutes_of(freq)
        found = local.floor("min") - pd.to_timedelta(minute, unit="min")
    return list(found)


def minutes_of(freq: str) -> int:
    return 60 if freq == "h" else int(freq.removesuffix("min"))


def period_of(at: pd.Timestamp, freq: str, timezone: str) -> pd.Timestamp | None:
    return None if pd.isna(at) else slots(pd.DatetimeIndex([at]), freq, timezone)[0]


@lru_cache(maxsize=256)
def bounds(first: pd.Timestamp, until: pd.Timestamp, freq: str, timezone: str) -> dict[pd.Timestamp, tuple]:
    """Whole periods with their first instant and their end, by walking in quarters of an hour over the log.

    The period of the instant at the end of the log is not whole.
    """
    back = {"D": 2, "W": 8, "MS": 32, "QS": 93, "6MS": 185}.get(freq, 1)
    quarters = pd.date_range(
        (first - pd.Timedelta(days=back)).floor("15min"), until + pd.Timedelta("15min"), freq="15min"
    )
    begun, cut = period_of(first, freq, timezone), period_of(until, freq, timezone)
    seen = pd.Series(quarters).groupby(pd.DatetimeIndex(slots(quarters, freq, timezone)))
    table = zip(seen.min().items(), seen.max(), strict=True)
    return {slot: (start, last + pd.Timedelta("15min")) for (slot, start), last in table if begun <= slot < cut}


def survivors(spent: list[float], ended: list[bool]) -> list[tuple[float, float, float]]:
    """The curve of Kaplan and Meier: time, share that goes on, and the sum of Greenwood."""
    alive, greenwood, out = 1.0, 0.0, []
    for time in sorted(set(spent)):
        at_risk = sum(s >= time for s in spent)
        over = sum(s == time and e for s, e in zip(spent, ended, strict=True))
        alive = 0.0 if over == at_risk else alive * (1 - over / at_risk)
        greenwood += over / (at_risk * (at_risk - over)) if over < at_risk else 0.0
        out.append((time, alive, greenwood))
    return out


def timed(spent: list[float], ended: list[bool], horizon: float) -> Cell:
    """Median, its interval, 90th percentile and mean up to the horizon."""
    curve = survivors(spent, ended)
    z = 1.959963984540054

    def first(values: list[float]) -> float:
        return next((t for (t, _, _), v in zip(curve, values, strict=True) if v <= 1e-9), NAN)

    alive = [s for _, s, _ in curve]
    low, high = [], []
    for _, s, g in curve:
        if s in (0.0, 1.0):
            low, high = [*low, s], [*high, s if s else np.inf]
        else:
            width = z * sqrt(g) / abs(log(s))
            low, high = [*low, s ** exp(width)], [*high, s ** exp(-width)]
    area, before, height = 0.0, 0.0, 1.0
    for time, s, _ in curve:
        area += height * (min(time, horizon) - min(before, horizon))
        before, height = time, s
    whole = bool(curve) and (height == 0 or before >= horizon)

    def quantile(share: float) -> float:
        at, below = first([s - share for s in alive]), first([s - share + 2e-9 for s in alive])
        return at if np.isnan(below) else (at + below) / 2

    median = quantile(0.5)
    return cell(value=median, median=median, p90=quantile(0.1), mean=area if whole else NAN,
                n=len(spent), numerator=sum(ended), lo=first([s - 0.5 for s in low]),
                hi=first([s - 0.5 for s in high]))  # fmt: skip


def part(hits: float, n: float) -> Cell:
    """A share with the interval of Wilson."""
    if not n:
        return cell(n=0, numerator=hits)
    z, p = 1.959963984540054, hits / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return cell(value=p, n=n, numerator=hits, lo=max((middle - half) / whole, 0), hi=min((middle + half) / whole, 1))


def each(amount: float, n: float) -> Cell:
    return cell(value=amount / n if n else NAN, n=n, numerator=amount)


def average(values: list[float]) -> Cell:
    """A mean with its normal interval."""
    n = len(values)
    if not n:
        return cell(n=0, numerator=0)
    mean = sum(values) / n
    half = 1.959963984540054 * sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n) if n > 1 else NAN
    return cell(value=mean, mean=mean, n=n, numerator=sum(values), lo=mean - half, hi=mean + half)


def known(value: object) -> bool:
    return not pd.isna(value)


def seconds(start: pd.Timestamp, stop: pd.Timestamp) -> float:
    return (stop - start).total_seconds()


class SlowDesk:
    """Canonical frames, one row a case, and the cells of a history."""

    def __init__(self, frames: dict[str, pd.DataFrame], until: pd.Timestamp, timezone: str, freq: str, by: str | None,
                 calendars: dict | None = None):  # fmt: skip
        self.frames, self.until, self.timezone, self.freq, self.by = frames, until, timezone, freq, by
        self.calendars = calendars or {}
        cases = frames["cases"].sort_values("case_id", ignore_index=True)
        for name in ("priority", "team"):
            cases[name] = cases.get(name)
        events = frames["events"].copy()
        for name in ("actor_id", "actor_role", "public", "team", "new"):
            events[name] = events.get(name)
        plain = [None if pd.isna(value) else bool(value) for value in events["public"]]
        events["public"] = pd.Series(plain, index=events.index, dtype=object)
        if "seq" not in events:
            events["seq"] = range(len(events))
        self.events = events.sort_values(["case_id", "at", "seq"])
        derived = slow_history({"cases": cases, "events": self.events}, until).drop(columns="case_id")
        self.cases = list(pd.concat([cases, derived], axis=1).astype(object).to_dict("records"))
        self.of_case = {row["case_id"]: row for row in self.cases}

    def table(self, name: str) -> list[Row]:
        return list(self.frames[name].astype(object).to_dict("records")) if name in self.frames else []

    def segment(self, row: Row) -> str:
        if self.by is None:
            return "all"
        holder = row if self.by in row else self.of_case.get(row.get("case_id"), {})
        value = holder.get(self.by)
        return value if isinstance(value, str) else "(missing)"

    def spans(self, first: pd.Timestamp) -> dict[pd.Timestamp, tuple]:
        return bounds(first, self.until, self.freq, self.timezone)

    def cells(self, rows: list[Row], first: str, at: str, measure: Callable[[list[Row]], Cell]) -> Cells:
        """Measure the rows of every segment and whole period; ``first`` is the instant from which there are periods."""
        if not rows:
            return {}
        instants = pd.DatetimeIndex([row[at] for row in rows], dtype="datetime64[us, UTC]")
        there = np.flatnonzero(instants.notna())
        slot = dict(zip(there, slots(instants[there], self.freq, self.timezone), strict=True))
        found: dict[tuple[str, pd.Timestamp], list[Row]] = {}
        for place, row in enumerate(rows):
            if place in slot:
                found.setdefault((self.segment(row), slot[place]), []).append(row)
        wholes = self.spans(min(row[first] for row in rows))
        return {(s, p): measure(found.get((s, p), [])) for s in sorted({*map(self.segment, rows)}) for p in wholes}

    def ripe(self, at: pd.Timestamp, days: float) -> bool:
        return known(at) and at + pd.Timedelta(days=days) <= self.until

    def count(self, rows: list[Row], at: str, first: str | None = None) -> Cells:
        return self.cells(rows, first or at, at, lambda mine: cell(value=len(mine), n=len(mine), numerator=len(mine)))

    def share(self, rows: list[Row], first: str, at: str, hit: Callable, of: Callable = lambda row: True) -> Cells:
        def measure(mine: list[Row]) -> Cell:
            counted = [bool(hit(row)) for row in mine if of(row)]
            return part(sum(counted), len(counted))

        return self.cells(rows, first, at, measure)

    def time(self, rows: list[Row], first: str, at: str, spent: Callable, ended: Callable, horizon: float,
             of: Callable = lambda row: True) -> Cells:  # fmt: skip
        def measure(mine: list[Row]) -> Cell:
            mine = [row for row in mine if of(row)]
            return timed([spent(row) for row in mine], [bool(ended(row)) for row in mine], horizon)

        return self.cells(rows, first, at, measure)

    def mean(self, rows: list[Row], first: str, at: str, amount: Callable, of: Callable = lambda row: True) -> Cells:
        return self.cells(rows, first, at, lambda mine: average([float(amount(row)) for row in mine if of(row)]))

    def overlap(self, rows: list[Row], of: Callable, amount: Callable | None = None) -> Cells:
        """Seconds of stretches of time, or money spread evenly over them, in each period."""
        out: Cells = {}
        spans = self.spans(min(row["start"] for row in rows))
        for name in sorted({*map(self.segment, rows)}):
            mine = [row for row in rows if self.segment(row) == name and of(row)]
            for slot, (start, end) in spans.items():
                total = 0.0
                for row in mine:
                    stop = self.until if pd.isna(row["end"]) else row["end"]
                    inside = seconds(max(row["start"], start), min(stop, end))
                    if inside > 0:
                        total += inside * (amount(row) / seconds(row["start"], stop) if amount else 1.0)
                out[name, slot] = cell(value=total)
        return out


def ratio_of(amounts: Cells, n: Cells) -> Cells:
    return {key: each(amounts[key]["value"], n[key]["value"] if key in n else 0.0) for key in amounts}
