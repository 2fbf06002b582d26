"""A panel before an origin as days by slots, and what is known of each day: totals, shapes and business days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...features.arrays import Bools, Floats, Ints
from .calendar_effects import MIN_BUSINESS_DAY_SHARE, Design, build_day_design, build_slot_design

if TYPE_CHECKING:
    from .scene import Scene


#: Days that are looked back on, where slots are days or longer and where they are shorter.
DAILY_LOOKBACK_DAYS, INTRADAY_LOOKBACK_DAYS = 4 * 366, 2 * 366 + 30

#: Days that tell which weekdays are business days.
BUSINESS_LOOKBACK_DAYS = 182


@dataclass(frozen=True)
class DayPanel:
    """The days before an origin and those of the horizon; of slots of a week or a month, "day" means that slot.

    Attributes
    ----------
    y
        N x D x S values that may be learnt; NaN where closed, missing, an outage or not credible. The last day may
        be the origin's own, known in part.
    is_open
        R x (D + A) x S; R is 1 or N.
    weekday
        D + A; class of each day: its weekday, or 0 throughout.
    kind
        D + A; number of the kind of special day, -1 on ordinary ones.
    started
        Slots of the last past day that lie before the origin (S where it is whole).
    lead
        Slot of the horizon -> place in (A' x S), where A' are the days from the first one with a slot ahead.
    design
        Regressors of the D + A days.
    stamps
        First instant of each of them.
    known
        R x (D + A) x K; what regressors say of each day, where there are any.
    """

    y: Floats
    is_open: Bools
    weekday: Ints
    kind: Ints
    started: int
    lead: Ints
    design: Design
    stamps: npt.NDArray[np.datetime64]
    known: Floats | None = None

    @property
    def ordinary(self) -> Bools:
        """Return which days are no special ones, D + A."""
        return self.kind < 0

    @property
    def days(self) -> int:
        """Days of the past, the origin's own included."""
        return int(self.y.shape[1])


def build_day_panel(scene: Scene, rows: Ints) -> DayPanel:
    """Cut some series of a scene into days."""
    grid, f = scene.grid, scene.grid.frequency
    size = f.slots_per_day
    shift = grid.first % size if size > 1 else 0
    end = scene.origin + shift
    last_day, started = (end - 1) // size, (end - 1) % size + 1
    keep = DAILY_LOOKBACK_DAYS if size == 1 else INTRADAY_LOOKBACK_DAYS
    first_day = max(0, last_day + 1 - keep)
    days = last_day + 1 - first_day
    final_day = (end + scene.horizon - 1) // size
    begin = first_day * size - shift
    front = max(0, -begin)
    begin = max(0, begin)
    usable = grid.known(scene.origin, begin)[rows]
    raw = grid.y[rows, begin : scene.origin]
    usable = usable & ~(raw > scene.profile.limit[rows, None])
    back = size - started
    y = np.pad(np.where(usable, raw, np.nan), ((0, 0), (front, back)), constant_values=np.nan)
    total = final_day + 1 - first_day
    stop = min((final_day + 1) * size - shift, grid.is_open.shape[1])
    hours = grid.is_open[:, begin:stop] if len(grid.is_open) == 1 else grid.is_open[rows, begin:stop]
    is_open = np.pad(hours, ((0, 0), (front, 0)), constant_values=False)
    is_open = np.pad(is_open, ((0, 0), (0, total * size - is_open.shape[1])), mode="edge")
    kind = np.pad(scene.special.kind[begin:stop], (front, 0), mode="edge")
    kind = np.pad(kind, (0, total * size - len(kind)), mode="edge")
    is_open = is_open.reshape(len(is_open), total, size)
    lead = np.arange(scene.horizon) + (started % size)
    cube = y.reshape(len(y), days, size)
    known = grid.regressors
    said = None if known is None else known.by_day(rows, begin, stop, front, total, size)
    # the first day of the horizon is the last past one where the origin lies within a day
    if f.per_day:
        stamps = (np.arange(first_day, final_day + 1) + grid.first // size).astype("datetime64[D]")
        weekday = (stamps.astype(np.int64) + 3) % 7
        of_day = kind.reshape(total, size).max(axis=1)
        late = slice(max(0, days - BUSINESS_LOOKBACK_DAYS), days)
        busy = _busy(cube[:, late], weekday[late], of_day[late] < 0)
        # a day off may be known before it comes
        open_day = is_open.any(axis=2).mean(axis=0) > 0.5
        design = build_day_design(stamps, days, open_day, busy, of_day, scene.special)
        return DayPanel(cube, is_open, weekday, of_day, started, lead, design, stamps, said)
    stamps = grid.frequency.stamps(np.arange(grid.first + first_day, grid.first + final_day + 1), grid.anchor)
    design = build_slot_design(stamps, days, f.year, scene.special, kind)
    weekday = np.zeros(total, dtype=np.int64)
    return DayPanel(cube, is_open, weekday, kind, started, lead, design, stamps, said)


def _busy(y: Floats, weekday: Ints, ordinary: Bools) -> Bools:
    """Return which weekdays carry much of the panel's volume."""
    there = ~np.isnan(y)
    total, counts = np.where(there, y, 0.0).sum(axis=2), there.any(axis=2)
    mean = np.zeros(7)
    scale = np.where(counts, total, 0.0).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    relative = total / np.where(scale > 0, scale, 1.0)[:, None]
    for number in range(7):
        chosen = counts & ((weekday == number) & ordinary)[None, :]
        # weighted by the root of the volume: a large series informs more, but does not decide alone
        weight = np.where(chosen, np.sqrt(scale)[:, None], 0.0)
        mean[number] = (weight * np.minimum(relative, 5.0)).sum() / max(float(weight.sum()), 1e-12)
    busy: Bools = mean >= MIN_BUSINESS_DAY_SHARE * mean.max()
    return busy if mean.max() > 0 else np.ones(7, dtype=bool)
