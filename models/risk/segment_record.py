"""What the customers of a segment lately said: its track record moves the risk of its cases, and not its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.calendars.business_calendar import to_micros
from ...features.case_log.asof import factorize_columns, sum_as_of
from ...features.errors import InputError, did_you_mean
from ..candidates.baselines import CalibratedModel
from ..evaluation.calibration import log_odds

#: Labels that became known in so many days count.
RECORD_WINDOW_DAYS = 56
#: So many cases weigh as much as the belief that a segment is as its cases let expect.
PRIOR_CASES = 50.0
#: The log-odds are never moved by more.
MAX_SEGMENT_OFFSET = 2.0
#: Group of the contributions.
SEGMENTS_GROUP = "segments"
_DAY_US = 86_400_000_000
_FIXED_POINT_SCALE = 1e6


@dataclass(frozen=True)
class SegmentAdjustedModel:
    """A probability that is moved by how far off it lately was for the segments of a case.

    Attributes
    ----------
    model
        What is said without it.
    segments
        Names of the columns of the snapshots.
    record
        From :func:`build_segment_record`.
    """

    model: CalibratedModel
    segments: tuple[str, ...]
    record: pd.DataFrame

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it looks at: those of the model, and the segments."""
        return (*self.model.score.features, *self.segments)

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return base and parts of the model, and in ``segments`` what the track records add."""
        base, parts = self.model.parts(snapshots)
        return base, parts.assign(**{SEGMENTS_GROUP: segment_offsets(snapshots, self.record, self.segments)})


def build_segment_record(
    snapshots: pd.DataFrame,
    known_at: pd.Series,
    label: Floats,
    weight: Floats,
    model: CalibratedModel,
    segments: Sequence[str],
) -> pd.DataFrame:
    """Return how far off a probability was for each case with a known label.

    Parameters
    ----------
    snapshots
        One row a case, n, with a column for each segment.
    known_at, label, weight
        When the label was known, the label (0 or 1) and how many cases it stands for, shape (n,).
    model
        The probability.
    segments
        Names of the columns.

    Returns
    -------
    Columns ``known_at``, ``n``, ``predicted`` and ``observed`` (how many cases it stands for, and how many dissatisfied
    ones by the probability and by the label), and the segments.

    Raises
    ------
    InputError
        If a segment is not a column of the snapshots.
    """
    check_segments(snapshots, segments)
    p = model.probability(snapshots)
    columns = {"known_at": known_at.array, "n": weight, "predicted": weight * p, "observed": weight * label}
    return pd.DataFrame(columns).assign(**{name: snapshots[name].array for name in segments})


def segment_offsets(snapshots: pd.DataFrame, record: pd.DataFrame, segments: Sequence[str]) -> Floats:
    """Return by how much the log-odds of each snapshot move for the track records of its segments.

    Parameters
    ----------
    snapshots
        ``at`` and a column for each segment, n rows.
    record
        From :func:`build_segment_record`. What became known after a snapshot is not seen by it.
    segments
        Names of the columns.

    Returns
    -------
    Shape (n,). 0 for a segment of which nothing became known in the last 56 days.

    Notes
    -----
    The share that was told is drawn to the share that was said as by 50 cases (a Beta prior around what is expected),
    and the move is the difference of their log-odds: an empirical Bayes estimate of a random intercept (Efron and
    Morris 1975, Data analysis using Stein's estimator and its generalizations, JASA 70). With several segments the mean
    of their moves is taken, so that one surprise does not count twice.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-01T00:00Z")
    >>> record = pd.DataFrame({"known_at": day, "n": [1.0] * 50, "predicted": 0.5, "observed": 1.0, "account": "A"})
    >>> rows = pd.DataFrame({"at": [day - pd.Timedelta("1D"), day, day], "account": ["A", "A", "B"]})
    >>> segment_offsets(rows, record, ["account"]).round(2).tolist()
    [0.0, 1.1, 0.0]
    """
    check_segments(snapshots, segments)
    when = to_micros(snapshots["at"], "at")
    known, since = to_micros(record["known_at"], "known_at"), when - RECORD_WINDOW_DAYS * _DAY_US
    moved = np.zeros(len(when))
    for name in segments:
        of, asked = factorize_columns(record[name], snapshots[name])
        there = of >= 0
        sums = []
        for column in ("n", "predicted", "observed"):
            # Whole numbers, so that the sums do not depend on the order of the rows.
            amount = np.round(record[column].to_numpy(dtype=np.float64)[there] * _FIXED_POINT_SCALE).astype(np.int64)
            mine = of[there], known[there], asked
            sums.append((sum_as_of(*mine, when, amount) - sum_as_of(*mine, since, amount)) / _FIXED_POINT_SCALE)
        n, said, told = sums
        expected = np.where(n > 0, said / np.where(n > 0, n, 1.0), 0.5)
        found = (told + PRIOR_CASES * expected) / (n + PRIOR_CASES)
        moved += np.clip(log_odds(found) - log_odds(expected), -MAX_SEGMENT_OFFSET, MAX_SEGMENT_OFFSET)
    return np.asarray(moved / max(len(segments), 1), dtype=np.float64)


def check_segments(snapshots: pd.DataFrame, segments: Sequence[str]) -> None:
    """Raise an :class:`InputError` if a segment is not a column of the snapshots."""
    for name in segments:
        if name not in snapshots.columns:
            hint = did_you_mean(name, tuple(map(str, snapshots.columns))) or "case_rows(..., segments=(...)) adds it"
            raise InputError(
                "missing column of a segment", where="snapshots", column=name, hint=hint, code="column.missing"
            )
