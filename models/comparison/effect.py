"""What a change did: before and after, against those whom it did not touch, with an interval and placebo changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...features.arrays import Floats, Ints
from .case_mix import expect_outcomes

#: Weeks that there must be on each side, and with outcomes on both.
MIN_WEEKS_BEFORE, MIN_WEEKS_AFTER = 8, 3
#: So many outcomes of those whom it touched, and of the others, must there be on each side.
MIN_OUTCOMES = 25
#: Of the weeks after it, the last third says whether an effect has gone; at least so many weeks.
MIN_LATE_WEEKS = 4
#: Two-sided level of the interval, and the chance with which a detectable effect is found.
LEVEL, POWER = 0.95, 0.8
#: Placebo dates stand so many weeks apart.
PLACEBO_STEP_WEEKS = 2
_SIZES = ("effect", "lo", "hi", "p", "detectable", "late", "late_lo", "late_hi")
_PLACEBOS = ("placebo_dates", "placebo_dates_beyond", "placebo_units", "placebo_units_beyond")
VERDICTS = ("effect", "no effect can be shown", "too early to tell", "too few to tell")


@dataclass(frozen=True)
class Effect:
    """What a change did to a share.

    Attributes
    ----------
    before, after, others_before, others_after
        Shares of those whom the change touched, and of the others.
    effect, lo, hi
        Difference in differences with its 95 % interval, the mix of cases taken out.
    p
        Chance of so large a difference if there were none.
    detectable
        An effect that would be found with a chance of 80 %: nothing below it can be ruled out.
    late, late_lo, late_hi
        The same of the last third of the time after it.
    placebo_dates, placebo_dates_beyond
        Number of dates before it at which nothing happened, and how many of them show as much.
    placebo_units, placebo_units_beyond
        The same of units whom it did not touch.
    weeks_before, weeks_after, n
        Weeks with outcomes on each side, and outcomes of those whom it touched.
    verdict
        One of :data:`VERDICTS`.
    has_come_back
        Whether an effect has gone; ``None`` where that cannot be told or there is none.
    """

    before: float
    after: float
    others_before: float
    others_after: float
    effect: float
    lo: float
    hi: float
    p: float
    detectable: float
    late: float
    late_lo: float
    late_hi: float
    placebo_dates: int
    placebo_dates_beyond: int
    placebo_units: int
    placebo_units_beyond: int
    weeks_before: int
    weeks_after: int
    n: int
    verdict: str
    has_come_back: bool | None


def take_out_mix(rows: pd.DataFrame, mix: tuple[str, ...], unit: str) -> pd.DataFrame:
    """Add ``residual``: each outcome less its chance, which a model gives that does not know the unit.

    >>> rows = pd.DataFrame({"outcome": [1.0, 1.0, 0.0, 0.0] * 50, "unit": ["a", "b"] * 100})
    >>> take_out_mix(rows, (), "unit")["residual"].round(2).tolist()[:4]
    [0.5, 0.5, -0.5, -0.5]
    """
    chance = expect_outcomes(rows, "outcome", unit, [name for name in mix if name != unit]).chance
    return rows.assign(residual=rows["outcome"] - chance)


def estimate_effect(
    rows: pd.DataFrame, date: pd.Timestamp, unit: str, touched: str, *, placebos: bool = True
) -> Effect:
    """Estimate what a change did to the units that it touched, against all others, week by week.

    Parameters
    ----------
    rows
        ``day`` (local date), ``outcome`` (0 or 1), ``residual`` (see :func:`take_out_mix`) and the unit.
    date
        First day of the change.
    unit, touched
        Column of the units, and the value of it that was touched.
    placebos
        Whether dates and units without a change are tried as well.

    Returns
    -------
    Effect

    Notes
    -----
    The difference between touched and others is taken in each week, weighted by its cases, so that what hits all alike
    falls out. The step of these differences has a t interval from their own scatter around both levels, which holds
    whatever makes a unit vary from week to week; neighbouring weeks that move together widen it by (1 + r) / (1 - r).

    Examples
    --------
    >>> dice, days = np.random.default_rng(0), pd.date_range("2025-01-06", periods=280)
    >>> rows = pd.DataFrame({"day": np.repeat(days, 40), "unit": ["a", "b", "c", "d"] * 2800})
    >>> fell = (rows["unit"] == "a") & (rows["day"] >= "2025-07-07")
    >>> rows["outcome"] = (dice.random(len(rows)) < np.where(fell, 0.6, 0.8)).astype(float)
    >>> found = estimate_effect(take_out_mix(rows, (), "unit"), pd.Timestamp("2025-07-07"), "unit", "a")
    >>> found.verdict, bool(found.lo < -0.2 < found.hi), found.has_come_back
    ('effect', True, False)
    """
    cells = _weekly_cells(rows, date, unit)
    names = sorted(rows[unit].unique())
    mine = names.index(touched) if touched in names else -1
    week, sums, counts = cells
    gap, weight = _gaps(sums, counts, mine) if mine >= 0 else (np.zeros(len(week)), np.zeros(len(week)))
    there = weight > 0
    known: dict[str, Any] = dict.fromkeys(_SIZES, float("nan")) | dict.fromkeys(_PLACEBOS, 0)
    known |= _four_shares(rows, date, unit, touched)
    known |= {"weeks_before": int((there & (week < 0)).sum()), "weeks_after": int((there & (week >= 0)).sum())}
    known["n"] = int(counts[mine].sum()) if mine >= 0 else 0
    if known["weeks_before"] < MIN_WEEKS_BEFORE or len(names) < 2:
        return Effect(**known, verdict=VERDICTS[3], has_come_back=None)
    if known["weeks_after"] < MIN_WEEKS_AFTER:
        return Effect(**known, verdict=VERDICTS[2], has_come_back=None)
    if not _has_outcomes(counts, mine, week):
        return Effect(**known, verdict=VERDICTS[3], has_come_back=None)
    step = _fit_step(gap, weight, week >= 0)
    late = _late_step(gap, weight, week)
    known |= {"effect": step.size, "lo": step.lo, "hi": step.hi, "p": step.p, "detectable": step.detectable}
    known |= {"late": late.size, "late_lo": late.lo, "late_hi": late.hi} if late else {}
    known |= _try_placebos(cells, gap, weight, mine, abs(step.t)) if placebos else {}
    if step.p < 1 - LEVEL:
        return Effect(**known, verdict=VERDICTS[0], has_come_back=_has_come_back(step, late))
    return Effect(**known, verdict=VERDICTS[1], has_come_back=None)


@dataclass(frozen=True)
class _Step:
    size: float
    lo: float
    hi: float
    t: float
    p: float
    detectable: float


def _has_outcomes(counts: Floats, mine: int, week: np.ndarray) -> bool:
    """Return whether both groups have outcomes enough on both sides."""
    others = counts.sum(axis=0) - counts[mine]
    return all(group[side].sum() >= MIN_OUTCOMES for group in (counts[mine], others) for side in (week < 0, week >= 0))


def _weekly_cells(rows: pd.DataFrame, date: pd.Timestamp, unit: str) -> tuple[Ints, Floats, Floats]:
    """Sum residuals and count outcomes by unit and week; weeks are counted from the change on."""
    week = ((rows["day"] - date).dt.days // 7).to_numpy()
    low, high = int(week.min(initial=0)), int(week.max(initial=0))
    names, codes = np.unique(rows[unit].to_numpy(dtype=str), return_inverse=True)
    cell, size = codes * (high - low + 1) + (week - low), len(names) * (high - low + 1)
    shape = (len(names), high - low + 1)
    sums = np.asarray(np.bincount(cell, rows["residual"].to_numpy(dtype=float), minlength=size), dtype=float)
    counts = np.asarray(np.bincount(cell, minlength=size), dtype=float)
    weeks = np.asarray(np.arange(low, high + 1), dtype=np.int64)
    return weeks, sums.reshape(shape), counts.reshape(shape)


def _gaps(sums: Floats, counts: Floats, mine: int) -> tuple[Floats, Floats]:
    """Return the difference between one unit and all others in each week, and its weight."""
    own, rest = counts[mine], counts.sum(axis=0) - counts[mine]
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums[mine] / own - (sums.sum(axis=0) - sums[mine]) / rest
        weight = own * rest / (own + rest)
    there = (own > 0) & (rest > 0)
    return np.where(there, gap, 0.0), np.where(there, weight, 0.0)


def _fit_step(gap: Floats, weight: Floats, after: np.ndarray) -> _Step:
    """Fit two levels to weekly differences, and say how far apart they are."""
    w0, w1 = weight[~after].sum(), weight[after].sum()
    levels = (gap * weight)[~after].sum() / w0, (gap * weight)[after].sum() / w1
    scaled = (gap - np.where(after, levels[1], levels[0])) * np.sqrt(weight)
    there = weight > 0
    freedom = int(there.sum()) - 2
    line = scaled[there]
    variance = float((line**2).sum() / max(freedom, 1))
    together = float((line[1:] * line[:-1]).sum() / (line**2).sum()) if (line**2).sum() > 0 else 0.0
    together = min(together, 0.9) if together > 1 / np.sqrt(max(len(line), 1)) else 0.0  # else it is chance
    error = float(np.sqrt(variance * (1 + together) / (1 - together) * (1 / w0 + 1 / w1)))
    size = float(levels[1] - levels[0])
    freedom = max(freedom, 1)
    half = stats.t.ppf((1 + LEVEL) / 2, freedom)
    t = size / error if error > 0 else (np.inf if size else 0.0)
    detectable = float((half + stats.t.ppf(POWER, freedom)) * error)
    return _Step(size, size - half * error, size + half * error, float(t), float(2 * stats.t.sf(abs(t), freedom)),
                 detectable)  # fmt: skip


def _late_step(gap: Floats, weight: Floats, week: np.ndarray) -> _Step | None:
    """Fit the step to the last third of the time after the change."""
    weeks = np.flatnonzero((week >= 0) & (weight > 0))
    count = len(weeks) // 3
    if count < MIN_LATE_WEEKS:
        return None
    kept = (week < 0) | (np.arange(len(week)) >= weeks[-count])
    return _fit_step(gap[kept], weight[kept], week[kept] >= 0)


def _has_come_back(step: _Step, late: _Step | None) -> bool | None:
    if late is None:
        return None
    if late.lo > 0 or late.hi < 0:
        return bool(np.sign(late.size) != np.sign(step.size))
    return True if late.size * np.sign(step.size) < abs(step.size) / 2 else None


def _try_placebos(
    cells: tuple[Ints, Floats, Floats], gap: Floats, weight: Floats, mine: int, t: float
) -> dict[str, Any]:
    """Try dates before the change, and units without one, as if they were it."""
    week, sums, counts = cells
    past = week < 0
    dates = beyond = 0
    for start in range(int(week[0]) + MIN_WEEKS_BEFORE, -MIN_WEEKS_AFTER + 1, PLACEBO_STEP_WEEKS):
        after = week[past] >= start
        if min((weight[past][after] > 0).sum(), (weight[past][~after] > 0).sum()) < MIN_WEEKS_AFTER:
            continue
        dates += 1
        beyond += abs(_fit_step(gap[past], weight[past], after).t) >= t
    units = units_beyond = 0
    rest = [number for number in range(len(sums)) if number != mine]
    for place in range(len(rest) if len(rest) > 1 else 0):
        other_gap, other_weight = _gaps(sums[rest], counts[rest], place)
        there = other_weight > 0
        if (there & past).sum() < MIN_WEEKS_BEFORE or (there & ~past).sum() < MIN_WEEKS_AFTER:
            continue
        units += 1
        units_beyond += abs(_fit_step(other_gap, other_weight, week >= 0).t) >= t
    return {"placebo_dates": dates, "placebo_dates_beyond": int(beyond), "placebo_units": units,
            "placebo_units_beyond": int(units_beyond)}  # fmt: skip


def _four_shares(rows: pd.DataFrame, date: pd.Timestamp, unit: str, touched: str) -> dict[str, Any]:
    mine, late = rows[unit] == touched, rows["day"] >= date
    parts = {"before": mine & ~late, "after": mine & late, "others_before": ~mine & ~late, "others_after": ~mine & late}
    return {name: float(rows.loc[which, "outcome"].mean()) for name, which in parts.items()}


def describe_effect(effect: Effect, subject: str, since: str) -> str:
    """Say what a change did, or what would not have been seen.

    >>> some = dict.fromkeys(Effect.__dataclass_fields__, 0) | {"effect": -0.08, "lo": -0.12, "hi": -0.04, "n": 300}
    >>> describe_effect(Effect(**some | {"verdict": "effect", "has_come_back": False}), "CSAT, account A2", "18 Aug")
    'CSAT, account A2: 8 points lower since 18 Aug than without it (4 to 12); it has not come back.'
    >>> none = some | {"verdict": "no effect can be shown", "has_come_back": None, "detectable": 0.043}
    >>> describe_effect(Effect(**none), "CSAT", "18 Aug")
    'CSAT: no effect can be shown since 18 Aug; anything below 4 points would not be seen.'
    """
    if effect.verdict == VERDICTS[0]:
        low, high = sorted((abs(effect.lo), abs(effect.hi)))
        word = "lower" if effect.effect < 0 else "higher"
        back = {True: "it has come back", False: "it has not come back", None: "whether it lasts is open"}
        tail = back[effect.has_come_back]
        return (
            f"{subject}: {write_points(effect.effect)} points {word} since {since} than without it "
            f"({write_points(low)} to {write_points(high)}); {tail}."
        )
    if effect.verdict == VERDICTS[1]:
        seen = f"anything below {write_points(effect.detectable)} points would not be seen"
        return f"{subject}: no effect can be shown since {since}; {seen}."
    return f"{subject}: {effect.verdict}, {_find_lack(effect)}."


def _find_lack(effect: Effect) -> str:
    """Say what there is too little of."""
    if effect.verdict == VERDICTS[2]:
        return f"{effect.weeks_after} of {MIN_WEEKS_AFTER} weeks needed since then"
    if np.isnan(effect.others_before) and np.isnan(effect.others_after):
        return "no others to compare with"
    if effect.weeks_before < MIN_WEEKS_BEFORE:
        return f"{effect.weeks_before} of {MIN_WEEKS_BEFORE} weeks needed before it"
    return f"fewer than {MIN_OUTCOMES} outcomes before or since, of it or of the others"


def write_points(share: float) -> str:
    """Write a difference of shares in points: with a decimal below 3.

    >>> write_points(-0.08), write_points(0.021)
    ('8', '2.1')
    """
    points = 100 * abs(share)
    return f"{points:.1f}" if points < 3 else f"{points:.0f}"
