"""Slot lengths by name, and the arithmetic that turns stamps into slot numbers and back."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Ints
from ...features.errors import InputError

_DAY_S = 86_400
_ALIASES = {"1h": "h", "H": "h", "1H": "h", "60min": "h", "1D": "D", "d": "D", "1W": "W", "W-MON": "W", "1MS": "MS"}
_MINUTES = re.compile(r"([1-9]\d*)min")


@dataclass(frozen=True)
class SlotFrequency:
    """A slot length and the seasons that belong to it.

    Attributes
    ----------
    name
        ``5min``, ``15min``, ``30min`` (any ``<n>min`` that divides a day), ``h``, ``D``, ``W`` or ``MS``.
    slot_s
        Seconds of a slot; for a month a nominal 30 days.
    per_day
        Slots of a day; 0 where a slot is longer than a day.
    season
        Slots after which the same slot comes again: a week; 1 where a slot is a week or more.
    average
        How many same slots the same-slot average takes.
    year
        Slots of a year, where the seasonal naive method looks back a year; 0 where it looks back a week.
    """

    name: str
    slot_s: int
    per_day: int
    season: int
    average: int
    year: int

    @property
    def slots_per_day(self) -> int:
        """Slots of a day; 1 where a slot is longer than a day, as then each stands for itself."""
        return max(self.per_day, 1)

    @property
    def is_monthly(self) -> bool:
        """Return whether slots are calendar months."""
        return self.name == "MS"

    def number(self, stamps: npt.NDArray[np.datetime64], anchor: int = 0) -> tuple[Ints, Bools]:
        """Return the slot number of each stamp and whether the stamp is exactly the start of that slot.

        ``anchor`` is the first day of the week in which weeks begin, in days after Thursday (1 January 1970).
        """
        if self.is_monthly:
            months = stamps.astype("datetime64[M]")
            return months.astype(np.int64), months.astype("datetime64[us]") == stamps
        seconds = stamps.astype("datetime64[us]").astype(np.int64)
        slot, shift = self.slot_s * 1_000_000, anchor * _DAY_S * 1_000_000
        number, rest = np.divmod(seconds - shift, slot)
        return number, rest == 0

    def stamps(self, numbers: Ints, anchor: int = 0) -> npt.NDArray[np.datetime64]:
        """Return the start of each slot, the inverse of :meth:`number`."""
        if self.is_monthly:
            return numbers.astype("datetime64[M]").astype("datetime64[us]")
        seconds = numbers * self.slot_s + anchor * _DAY_S
        return (seconds * 1_000_000).astype("datetime64[us]")


def parse_frequency(freq: str) -> SlotFrequency:
    """Read the name of a slot length.

    Raises
    ------
    InputError
        If the name is unknown, or minutes do not divide a day.

    Examples
    --------
    >>> parse_frequency("30min").per_day, parse_frequency("D").season, parse_frequency("MS").year
    (48, 7, 12)
    >>> parse_frequency("7min")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'freq': the interval must divide a day; got '7min', ...
    """
    name = _ALIASES.get(freq, freq) if isinstance(freq, str) else ""
    found = _MINUTES.fullmatch(name)
    minutes = 60 if name == "h" else int(found.group(1)) if found else 0
    if minutes:
        if 1440 % minutes:
            raise InputError(
                "the interval must divide a day",
                column="freq",
                got=freq,
                wanted="such as 5min, 15min, 30min or h",
                code="frequency.invalid",
            )
        per_day = 1440 // minutes
        return SlotFrequency(name, minutes * 60, per_day, 7 * per_day, 8, 0)
    if name == "D":
        return SlotFrequency("D", _DAY_S, 1, 7, 8, 0)
    if name == "W":
        return SlotFrequency("W", 7 * _DAY_S, 0, 1, 8, 52)
    if name == "MS":
        return SlotFrequency("MS", 30 * _DAY_S, 0, 1, 12, 12)
    raise InputError(
        "unknown frequency",
        column="freq",
        got=freq,
        wanted="5min, 15min, 30min, h, D, W or MS",
        code="frequency.invalid",
    )


def local_instants(stamps: npt.NDArray[np.datetime64], timezone: str) -> pd.DatetimeIndex:
    """Return the UTC instants of local stamps: of an hour that comes twice the first, of one that is left out the next.

    >>> local_instants(np.array(["2024-03-31T01:30"], dtype="datetime64[us]"), "Europe/Lisbon").strftime("%H:%M")[0]
    '01:00'
    """
    naive = pd.DatetimeIndex(stamps)
    first = np.ones(len(naive), dtype=bool)
    return naive.tz_localize(timezone, ambiguous=first, nonexistent="shift_forward").tz_convert("UTC")
