"""Whether a forecast takes the place of the one in use: both were issued, and what came since decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.arrays import Floats
from ...features.statistics.ratio_interval import ratio_interval
from ...forecasting.volume.losses import pinball
from .bootstrap import bootstrap_ratio, case_codes
from .paired import find_worst_group, iterate_groups
from .scores import NO_GAIN, Gain
from .statement import Statement, state

#: Fewer windows (forecasts of one instant), or weeks in which something of them came, decide nothing.
MIN_JUDGED_WINDOWS, MIN_JUDGED_WEEKS = 14, 4
#: Share of outcomes inside an interval may be off by so much, or by no more than that of the forecast in use.
MAX_COVERAGE_ERROR = 0.10
#: A group of series needs so many outcomes to be looked at; its loss may rise by this share where that is beyond noise.
MIN_GROUP_OUTCOMES, MAX_GROUP_LOSS = 50, 0.10
_WEEK = np.timedelta64(7, "D")


class Quantiles(NamedTuple):
    """What a forecast said of n outcomes: the point, shape (n,), and by level its lower and upper bounds."""

    point: Floats
    bounds: dict[float, tuple[Floats, Floats]]


@dataclass(frozen=True)
class ForecastVerdict:
    """What came of a comparison of two forecasts.

    Attributes
    ----------
    is_promoted
        Whether the challenger takes the place of the one in use.
    is_decided
        Whether there was enough to compare.
    reason
        Why, in a sentence.
    windows, weeks
        On how much it rests.
    gain
        How much lower the challenger's quantile loss is, as a share of the volume, by the widest of all intervals.
    champion_loss, challenger_loss
        Quantile losses as shares of the volume.
    coverage
        Level -> share of outcomes inside the challenger's interval.
    groups
        ``column, group, n, gain, lo, hi`` of the groups that were looked at, gains as shares of the loss before.
    """

    is_promoted: bool
    is_decided: bool
    reason: Statement
    windows: int = 0
    weeks: int = 0
    gain: Gain = NO_GAIN
    champion_loss: float = float("nan")
    challenger_loss: float = float("nan")
    coverage: dict[float, float] = field(default_factory=dict)
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)

    def figures(self) -> dict[str, float]:
        """Return what a decision writes down of it."""
        if not self.is_decided:
            return {"windows": float(self.windows), "weeks": float(self.weeks)}
        told = {"gain": self.gain.mean, "gain_lo": self.gain.lo, "gain_hi": self.gain.hi}
        told |= {"champion_loss": self.champion_loss, "challenger_loss": self.challenger_loss}
        told |= {f"coverage_{level:g}": share for level, share in self.coverage.items()}
        return {"windows": float(self.windows), "weeks": float(self.weeks), **told}


def compare_forecasts(
    outcome: Floats,
    champion: Quantiles,
    challenger: Quantiles,
    window: ArrayLike,
    ds: ArrayLike,
    *,
    groups: pd.DataFrame | None = None,
    replicates: int = 1000,
    seed: int = 0,
    name: str = "The new version",
) -> ForecastVerdict:
    """Compare two issued forecasts of the same time steps, and decide which is used.

    Parameters
    ----------
    outcome
        What came, shape (n,).
    champion, challenger
        What both said of it when they were issued.
    window, ds
        Instant of issue and time step of each outcome, shape (n,): all forecasts of one instant, and all of one time
        step, are off together.
    groups
        Columns by which series are grouped, n rows.
    replicates, seed
        Of the bootstrap.
    name
        How a sentence begins that says that the challenger is used.

    Returns
    -------
    The challenger is promoted where its quantile loss is lower beyond noise, whether windows, time steps or weeks vary,
    its intervals hold (``MAX_COVERAGE_ERROR``) and no group is worse beyond noise and by more than ``MAX_GROUP_LOSS``.

    Notes
    -----
    Windows overlap and a level that is off stays off for days, so that neither windows nor days are independent. Weeks
    are few; theirs is Student's interval of a ratio of sums.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = pd.Timestamp("2024-03-04") + pd.to_timedelta(np.arange(35), unit="D")
    >>> y = rng.normal(100.0, 5.0, 35)
    >>> def said(level, width):
    ...     return Quantiles(np.full(35, level), {80.0: (np.full(35, level - width), np.full(35, level + width))})
    >>> verdict = compare_forecasts(y, said(110.0, 6.4), said(100.0, 6.4), np.arange(35), days)
    >>> verdict.is_promoted, round(verdict.champion_loss, 2), round(verdict.challenger_loss, 2)
    (True, 0.07, 0.02)
    >>> print(compare_forecasts(y[:9], said(1.0, 1.0), said(1.0, 1.0), np.arange(9), days[:9]).reason)
    Only 9 of 14 windows in 2 of 4 weeks are over, so the version in use stays.
    """
    step, instants = np.asarray(ds, dtype="datetime64[us]"), case_codes(window)
    weeks = ((step.max() - step) // _WEEK) if len(step) else np.zeros(0, dtype=int)
    counts = len(np.unique(instants)), len(np.unique(weeks[np.asarray(outcome) != 0]))
    if counts[0] < MIN_JUDGED_WINDOWS or counts[1] < MIN_JUDGED_WEEKS or not np.abs(outcome).sum() > 0:
        return ForecastVerdict(False, False, explain_few_windows(*counts), *counts)
    losses = [compute_losses(outcome, one) for one in (champion, challenger)]
    better, volume = losses[0] - losses[1], np.abs(outcome)
    drawn = [_draw(better, volume, codes, replicates, seed) for codes in (instants, case_codes(step))]
    gain = min([*drawn, _interval_by_week(better, volume, case_codes(weeks))], key=lambda g: g.lo)
    old, new = (float(loss.sum() / volume.sum()) for loss in losses)
    inside = compute_coverage(outcome, challenger)
    before = compute_coverage(outcome, champion)
    table = _compare_groups(better, losses[0], step, groups, replicates, seed)
    reason, promoted = _explain(name, counts, gain, (old, new), before, inside, table)
    return ForecastVerdict(promoted, True, reason, *counts, gain, old, new, inside, table)


def explain_few_windows(windows: int, weeks: int) -> Statement:
    """Say that too little is over to compare."""
    text = "Only {windows:,} of {least} windows in {weeks} of {fewest} weeks are over, so the version in use stays."
    return state(text, windows=windows, least=MIN_JUDGED_WINDOWS, weeks=weeks, fewest=MIN_JUDGED_WEEKS)


def compute_losses(outcome: Floats, said: Quantiles) -> Floats:
    """Return the quantile loss of each outcome: twice the mean over the point as median and all bounds.

    >>> low, high = np.array([8.0]), np.array([14.0])
    >>> compute_losses(np.array([10.0]), Quantiles(np.array([12.0]), {80.0: (low, high)})).round(3).tolist()
    [1.067]
    """
    total = np.abs(outcome - said.point)
    for level, (low, high) in said.bounds.items():
        p = (100 - level) / 200
        total = total + 2 * pinball(outcome - low, p) + 2 * pinball(outcome - high, 1 - p)
    return np.asarray(total / (1 + 2 * len(said.bounds)))


def compute_coverage(outcome: Floats, said: Quantiles) -> dict[float, float]:
    """Return by level the share of outcomes inside the interval, where there was any doubt.

    >>> nothing, low, high = np.zeros(2), np.array([0.0, 2.0]), np.array([0.0, 5.0])
    >>> compute_coverage(np.array([0.0, 3.0]), Quantiles(nothing, {80.0: (low, high)}))
    {80.0: 1.0}
    """
    found = {}
    for level, (low, high) in said.bounds.items():
        doubt = (high > 0) | (outcome > 0)
        found[level] = float(((outcome >= low) & (outcome <= high))[doubt].mean()) if doubt.any() else float("nan")
    return found


def _draw(part: Floats, whole: Floats, codes: ArrayLike, replicates: int, seed: int) -> Gain:
    ratio, drawn = bootstrap_ratio(part, whole, np.asarray(codes, dtype=np.int64), replicates, seed)
    return Gain(ratio, *(float(q) for q in np.quantile(drawn, [0.025, 0.975])))


def _interval_by_week(part: Floats, whole: Floats, weeks: ArrayLike) -> Gain:
    """Return a ratio of sums with Student's interval over weeks."""
    above, below = (np.bincount(np.asarray(weeks, dtype=np.int64), values) for values in (part, whole))
    return Gain(*ratio_interval(above, below))


def _compare_groups(
    better: Floats, loss: Floats, step: ArrayLike, groups: pd.DataFrame | None, replicates: int, seed: int
) -> pd.DataFrame:
    """Return the gain of each group with enough outcomes, as a share of its loss before."""
    rows = []
    for column, name, mine in iterate_groups(groups):
        if mine.sum() < MIN_GROUP_OUTCOMES or not loss[mine].sum() > 0:
            continue
        gain = _draw(better[mine], loss[mine], case_codes(np.asarray(step)[mine]), replicates, seed)
        rows.append((column, name, int(mine.sum()), gain.mean, gain.lo, gain.hi))
    return pd.DataFrame(rows, columns=["column", "group", "n", "gain", "lo", "hi"])


def _explain(
    name: str,
    counts: tuple[int, int],
    gain: Gain,
    losses: tuple[float, float],
    before: dict[float, float],
    inside: dict[float, float],
    groups: pd.DataFrame,
) -> tuple[Statement, bool]:
    """Return the decision in a sentence, and whether the challenger is used."""
    worst = find_worst_group(groups, MAX_GROUP_LOSS)
    off = {level: abs(share - level / 100) for level, share in inside.items()}
    limits = {level: max(MAX_COVERAGE_ERROR, abs(before[level] - level / 100)) for level in off}
    wide = [level for level in off if off[level] > limits[level]]
    told = state(
        "the quantile loss is {new:.1%} of the volume against {old:.1%} of the version in use on {windows:,} windows "
        "in {weeks} weeks ({lo:.1%} to {hi:.1%} lower)",
        new=losses[1], old=losses[0], windows=counts[0], weeks=counts[1], lo=gain.lo, hi=gain.hi,
    )  # fmt: skip
    if not gain.is_significant:
        return state("The version in use stays: {told}, which is not beyond noise.", told=told), False
    if wide:
        shares = {"share": inside[wide[0]], "level": wide[0] / 100}
        text = "The version in use stays: {told}, but {share:.0%} of outcomes are inside the {level:.0%} interval."
        return state(text, told=told, **shares), False
    if worst is not None:
        text = "The version in use stays: {told}, but for {column} {group} the new one loses {more:.0%} more."
        parts = {"column": worst["column"], "group": str(worst["group"]), "more": -float(worst["gain"])}
        return state(text, told=told, **parts), False
    held = [state("{share:.0%} are inside the {level:.0%} interval", share=s, level=k / 100) for k, s in inside.items()]
    text = "{name} is used: {told}; {held}." if held else "{name} is used: {told}."
    return state(text, name=name, told=told, held=held[0] if held else ""), True
