"""Outcomes that are not known yet: what the known ones have to weigh so that they stand for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..evaluation.calibration import FloatArray

#: No snapshot stands for more than so many: a weight without bound would let one outcome decide.
MOST = 20.0


def censoring_weights(entry: FloatArray, end: FloatArray, decided: NDArray[np.bool_], most: float = MOST) -> FloatArray:
    """Return how many snapshots each decided one stands for: itself and those that the end of the log cut off.

    Late outcomes are seen of old cases only, early ones of all, so the outcomes that are known are a biased lot.
    A decided snapshot weighs 1 over the chance that the log was long enough to see its outcome. That chance is the
    Kaplan-Meier curve of the cut-offs from the age at the snapshot to the age at the decision: a cut-off depends on
    when a case began and on nothing else, so it does not matter what the case is like. The assumption is that cases
    that began later take as long, and end alike, at the same age as those that began earlier.

    Parameters
    ----------
    entry
        Age of the case at the snapshot, s, shape (n,).
    end
        Age at the decision, or at the end of the log where there was none, s, shape (n,).
    decided
        Whether there was one, shape (n,).
    most
        No weight is larger.

    Returns
    -------
    Weights, 1 or more where decided and 0 elsewhere, shape (n,); all 1 where all is decided.

    Notes
    -----
    Inverse probability of censoring: Robins and Rotnitzky (1992), Recovery of information and adjustment for dependent
    censoring using surrogate markers. With the curve estimated as here the weighted share of an outcome is the
    Aalen-Johansen estimate of its incidence (Satten and Datta 2001, The American Statistician 55).

    Examples
    --------
    >>> import numpy as np
    >>> censoring_weights(np.zeros(4), np.array([1.0, 2.0, 3.0, 5.0]), np.array([True, False, True, True])).tolist()
    [1.0, 0.0, 1.5, 1.5]
    """
    cuts, lost = np.unique(end[~decided], return_counts=True)
    gone = np.sort(end[decided])
    entered = np.searchsorted(np.sort(entry), cuts, side="right")
    # A decision at the same age comes before the cut-off: it was seen.
    left = np.searchsorted(gone, cuts, side="right") + np.cumsum(lost) - lost
    at_risk = entered - left
    hazard = np.minimum(lost / np.maximum(at_risk, 1), 1.0 - 1e-12)
    curve = np.concatenate([[0.0], np.cumsum(np.log1p(-hazard))])
    since = curve[np.searchsorted(cuts, entry, side="left")]
    until = curve[np.searchsorted(cuts, end, side="left")]
    # The exponent is held at 700, where a float ends.
    weights = np.minimum(np.exp(np.minimum(since - until, 700.0)), most)
    return np.asarray(np.where(decided, weights, 0.0), dtype=np.float64)
