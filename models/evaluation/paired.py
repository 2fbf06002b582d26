"""Whether a challenger takes the place of a champion: better beyond noise, calibrated, in no segment much worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.arrays import Bools, Floats
from .calibration import brier, ece
from .scores import NO_GAIN, Gain, brier_gain
from .statement import Statement, state

#: Fewer cases decide nothing.
MIN_JUDGED_CASES = 200
#: A challenger may be off by so much on average, or by no more than the champion.
MAX_CALIBRATION_ERROR = 0.05
#: A segment needs so many cases to be looked at; its Brier score may rise by so much where that is beyond noise.
MIN_SEGMENT_CASES, MAX_SEGMENT_LOSS = 50, 0.01


@dataclass(frozen=True)
class PairedVerdict:
    """What came of a comparison.

    Attributes
    ----------
    is_promoted
        Whether the challenger takes the champion's place.
    reason
        Why, in a sentence.
    cases, snapshots
        On how much it rests.
    gain
        How much lower the challenger's Brier score is, by the wider of the two draws.
    champion_ece, challenger_ece
        Calibration errors.
    segments
        ``column, segment, cases, gain, lo, hi`` of the segments that were looked at.
    """

    is_promoted: bool
    reason: Statement
    cases: int = 0
    snapshots: int = 0
    gain: Gain = NO_GAIN
    champion_ece: float = float("nan")
    challenger_ece: float = float("nan")
    segments: pd.DataFrame = field(default_factory=pd.DataFrame)

    def figures(self) -> dict[str, float]:
        """Return what a decision writes down of it; nothing where nothing was compared."""
        if not self.snapshots:
            return {"cases": float(self.cases)}
        told = {"gain": self.gain.mean, "gain_lo": self.gain.lo, "gain_hi": self.gain.hi}
        told |= {"champion_ece": self.champion_ece, "challenger_ece": self.challenger_ece}
        return {"cases": float(self.cases), "snapshots": float(self.snapshots), **told}


def judge_challenger(
    observed: Floats,
    champion: Floats,
    challenger: Floats,
    case: ArrayLike,
    day: ArrayLike,
    *,
    weight: Floats | None = None,
    segments: pd.DataFrame | None = None,
    replicates: int = 1000,
    seed: int = 0,
    name: str = "The new model",
) -> PairedVerdict:
    """Compare two sets of probabilities for the same snapshots, and decide which is used.

    Parameters
    ----------
    observed
        Outcomes, 0 or 1, shape (n,), of cases that neither model has learnt from.
    champion, challenger
        Probabilities of both, as they were on the day of each snapshot, shape (n,).
    case, day
        Case and day of each snapshot, shape (n,): the rows of a case, and those of a day, rise and fall together.
    weight
        How many snapshots each stands for, shape (n,).
    segments
        Columns (team, channel, ...) of the snapshots, n rows.
    replicates, seed
        Of the bootstrap.
    name
        How a sentence begins that says that the challenger is used.

    Returns
    -------
    The challenger is promoted where its Brier score is lower beyond noise, whether cases or days are drawn anew, its
    calibration error is small or no larger than the champion's, and in no segment it is worse beyond noise and by more
    than ``MAX_SEGMENT_LOSS``. With fewer than ``MIN_JUDGED_CASES`` cases the champion stays.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=600)
    >>> y, days = (rng.uniform(size=600) < p).astype(float), np.arange(600) % 20
    >>> verdict = judge_challenger(y, np.full(600, 0.5), p, np.arange(600), days)
    >>> verdict.is_promoted, verdict.cases
    (True, 600)
    >>> print(judge_challenger(y[:9], p[:9], p[:9], np.arange(9), days[:9]).reason)
    Only 9 of the 200 cases needed for a comparison are decided, so the model in use stays.
    """
    cases = len(pd.unique(np.asarray(case)))
    if cases < MIN_JUDGED_CASES:
        return PairedVerdict(False, explain_few_cases(cases), cases)
    pair: dict[str, Any] = {"weight": weight, "replicates": replicates, "seed": seed}
    gains = [brier_gain(observed, challenger, champion, by, **pair) for by in (case, day)]
    gain = min(gains, key=lambda g: g.lo)
    error = ece(observed, challenger, weight=weight)
    before = ece(observed, champion, weight=weight)
    table = _compare_segments(observed, champion, challenger, case, segments, pair)
    worst = find_worst_group(table, MAX_SEGMENT_LOSS)
    scores = {"new": brier(observed, challenger, weight=weight), "old": brier(observed, champion, weight=weight)}
    on = state(
        "on {cases:,} cases that neither had seen ({lo:.4f} to {hi:.4f} lower)", cases=cases, lo=gain.lo, hi=gain.hi
    )
    told = state("the Brier score is {new:.4f} against {old:.4f} of the model in use {on}", on=on, **scores)
    well = error <= max(MAX_CALIBRATION_ERROR, before)
    if not gain.is_significant:
        why = state("The model in use stays: {told}, which is not beyond noise.", told=told)
    elif not well:
        off = state("calibration error {error:.3f}", error=error)
        why = state("The model in use stays: {told}, but the new one is not calibrated ({off}).", told=told, off=off)
    elif worst is not None:
        why = state(
            "The model in use stays: {told}, but for {column} {segment} the new one is worse by {loss:.4f}.",
            told=told, column=worst["column"], segment=str(worst["segment"]), loss=-float(worst["gain"]),
        )  # fmt: skip
    else:
        why = state("{name} is used: {told}; its calibration error is {error:.3f}.", name=name, told=told, error=error)
    promoted = gain.is_significant and well and worst is None
    return PairedVerdict(promoted, why, cases, len(observed), gain, before, error, table)


def explain_few_cases(cases: int) -> Statement:
    """Say that too few cases are decided to compare."""
    text = "Only {cases:,} of the {least} cases needed for a comparison are decided, so the model in use stays."
    return state(text, cases=cases, least=MIN_JUDGED_CASES)


def explain_few_days(days: int, least: int) -> Statement:
    """Say that too few days have passed to compare."""
    text = "Only {days} of the {least} days needed for a comparison have passed, so the model in use stays."
    return state(text, days=days, least=least)


def _compare_segments(
    observed: Floats,
    champion: Floats,
    challenger: Floats,
    case: ArrayLike,
    segments: pd.DataFrame | None,
    pair: dict[str, Any],
) -> pd.DataFrame:
    """Return the gain in each segment with enough cases."""
    rows, names = [], np.asarray(case)
    weight = pair["weight"]
    for column, value, mine in iterate_groups(segments):
        count = len(pd.unique(names[mine]))
        if count < MIN_SEGMENT_CASES:
            continue
        own = {**pair, "weight": None if weight is None else np.asarray(weight)[mine]}
        gain = brier_gain(observed[mine], challenger[mine], champion[mine], names[mine], **own)
        rows.append((column, value, count, gain.mean, gain.lo, gain.hi))
    return pd.DataFrame(rows, columns=["column", "segment", "cases", "gain", "lo", "hi"])


def iterate_groups(columns: pd.DataFrame | None) -> Iterator[tuple[str, str, Bools]]:
    """Yield column, value and rows of each group; a row without a value is in none.

    >>> rows = pd.DataFrame({"team": ["a", None, "a"]})
    >>> [(column, value, mine.tolist()) for column, value, mine in iterate_groups(rows)]
    [('team', 'a', [True, False, True])]
    """
    for column in () if columns is None else columns.columns:
        values = columns[column].astype("str").to_numpy()  # type: ignore[index]
        for value in sorted(set(values[columns[column].notna().to_numpy()])):  # type: ignore[index]
            yield str(column), str(value), values == value


def find_worst_group(table: pd.DataFrame, most: float) -> pd.Series | None:
    """Return the group that loses most, of those that lose beyond noise and by more than ``most``; else ``None``.

    >>> table = pd.DataFrame({"group": ["a", "b"], "gain": [-0.3, -0.2], "hi": [0.1, -0.1]})
    >>> find_worst_group(table, 0.1)["group"], find_worst_group(table, 0.2)
    ('b', None)
    """
    worse = table[(table["hi"] < 0) & (table["gain"] < -most)]
    return worse.sort_values("gain").iloc[0] if len(worse) else None
