"""What each column of a file looks like: times, clock readings, numbers, how many values, how many missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..readers.timestamps import TimeFormat, parse_times, time_format
from .vocabulary import plain

_TIME_WORDS = {"at", "on", "date", "time", "datetime", "timestamp", "ts", "ds", "day", "created", "opened", "closed"}
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"


@dataclass(frozen=True)
class Profile:
    """One column: how many values are missing and distinct, and what they can be read as.

    ``clock`` is a time of day without a date; ``dates`` says that no time of the column has a time of day.
    """

    name: str
    rows: int
    missing: float
    distinct: int
    top: float
    time: TimeFormat | None
    dates: bool
    clock: bool
    number: bool
    values: tuple[str, ...]

    @property
    def unique(self) -> float:
        """Distinct values per value that is there."""
        there = self.rows * (1 - self.missing)
        return self.distinct / there if there else 0.0


def profile(frame: pd.DataFrame, missing: Sequence[str]) -> dict[str, Profile]:
    """Return the profile of each column, from all rows for counts and a sample for reading."""
    return {str(name): _profile(str(name), frame[name], missing) for name in frame.columns}


def _profile(name: str, values: pd.Series[Any], missing: Sequence[str]) -> Profile:
    there = values[~values.isin(list(missing))].dropna() if str(values.dtype) == "str" else values.dropna()
    counts = there.value_counts()
    sample = there.drop_duplicates().iloc[:: max(1, len(counts) // 500)].head(1000)
    time, dates = _time(name, sample)
    text = sample.astype("str")
    number = bool(len(text)) and bool(pd.to_numeric(text, errors="coerce").notna().mean() >= 0.99)
    clock = bool(len(text)) and bool(text.str.fullmatch(_CLOCK).mean() >= 0.95)
    return Profile(
        name, len(values), 1 - len(there) / max(1, len(values)), len(counts),
        float(counts.iloc[0] / len(there)) if len(counts) else 0.0,
        time, dates, clock, number and time is None, tuple(str(v) for v in counts.index[:200]),
    )  # fmt: skip


def _time(name: str, sample: pd.Series[Any]) -> tuple[TimeFormat | None, bool]:
    """Recognise times; bare digits count as times only where the name says so."""
    found = time_format(sample) if len(sample) else None
    if found is None:
        return None, False
    if found.style in ("epoch_s", "epoch_ms", "compact") and not _TIME_WORDS & set(plain(name).split()):
        return None, False
    times = parse_times(sample)
    if times.bad.mean() > 0.2:
        return None, False
    read = times.instants.dropna()
    return found, bool(len(read)) and bool((read == read.dt.normalize()).all())
