"""The mean of a hazard and a classifier on the log-odds scale, with parts that still sum to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from .baselines import LogOddsModel
from .ridge import calibrated_log_loss

#: Shares of the first score that are tried, besides a half: it stays a mean, since each score competes alone too.
SHARES = (0.1, 0.25, 0.75, 0.9)
#: With fewer cases the difference of two shares has no standard error to speak of.
MIN_CASES = 50


@dataclass(frozen=True)
class Blend:
    """The weighted mean of the log-odds of two scores; where the first has none, the second alone.

    The two err in different ways: a hazard knows the clock and learns from open cases, a classifier learns what the
    outcomes have in common whatever the time.
    """

    first: LogOddsModel
    second: LogOddsModel
    share: float = 0.5

    @property
    def features(self) -> tuple[str, ...]:
        """Features that either looks at."""
        return tuple(dict.fromkeys([*self.first.features, *self.second.features]))

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the mean of the bases, and of the parts of each group."""
        base_1, parts_1 = self.first.parts(snapshots)
        base_2, parts_2 = self.second.parts(snapshots)
        groups = list(dict.fromkeys([*parts_1.columns, *parts_2.columns]))
        absent = np.zeros(len(snapshots))
        gone = (
            parts_1.isna().any(axis=1).to_numpy(dtype=bool) if len(parts_1.columns) else np.zeros(len(snapshots), bool)
        )
        base = self.share * base_1 + (1 - self.share) * base_2
        columns: dict[str, Floats] = {}
        for group in groups:
            one = parts_1[group].to_numpy(dtype=float) if group in parts_1 else absent
            two = parts_2[group].to_numpy(dtype=float) if group in parts_2 else absent
            columns[group] = np.where(gone, two, self.share * np.nan_to_num(one) + (1 - self.share) * two)
        if gone.any():
            columns["time"] = columns.get("time", absent) + np.where(gone, base_2 - base, 0.0)
        return base, pd.DataFrame(columns, index=snapshots.index)


def fit_blend(
    first: LogOddsModel, second: LogOddsModel, snapshots: pd.DataFrame, breached: Floats, weight: Floats | None = None
) -> Blend:
    """Fit how much the first of two scores counts in their mean, on cases that neither was fitted on.

    Half and half, unless another share has the lower log loss by more than twice the standard error of the difference,
    after all are calibrated on the same cases: two good scores are best met in the middle, a poor one counts little.

    >>> import numpy as np, pandas as pd
    >>> from deskcast.models.candidates.baselines import BaseRate, fit_age_rule
    >>> frame = pd.DataFrame({"age_s": np.arange(400.0)})
    >>> late = (np.arange(400) >= 200).astype(float)
    >>> fit_blend(fit_age_rule(frame, late[::-1]), fit_age_rule(frame, late), frame, late).share
    0.1
    """
    w = np.ones(len(breached)) if weight is None else weight
    one, two = (_sum_parts(score, snapshots) for score in (first, second))
    losses = {
        share: calibrated_log_loss(np.where(np.isnan(one), two, share * one + (1 - share) * two), breached, w)
        for share in (0.5, *SHARES)
    }
    best = min(SHARES, key=lambda share: float(w @ losses[share]))
    case = pd.factorize(snapshots["case_id"])[0] if "case_id" in snapshots else np.arange(len(w))
    gain = np.bincount(case, w * (losses[0.5] - losses[best]), minlength=1)  # the mornings of a case are one lesson
    is_better = len(gain) >= MIN_CASES and gain.sum() > 2 * gain.std() * np.sqrt(len(gain))
    return Blend(first, second, best if is_better else 0.5)


def _sum_parts(score: LogOddsModel, snapshots: pd.DataFrame) -> Floats:
    """Return the log-odds of a score; missing where it has none."""
    base, parts = score.parts(snapshots)
    return np.asarray(base + parts.sum(axis=1, skipna=False).to_numpy(dtype=float))
