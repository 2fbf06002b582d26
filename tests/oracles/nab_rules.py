"""The scoring rules of the Numenta Anomaly Benchmark v1.1 (Lavin and Ahmad 2015, arXiv 1510.03336), in own words.

A labelled window with an alarm is worth up to 1, more so the earlier the alarm; a window without one costs its weight;
an alarm outside costs by how far it lies behind the last window. The first 15 %, 750 points at most, do not count. The
sum over all files is put on a scale on which no alarms at all are 0, and one alarm at the start of each window and none
outside are 100.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

#: Weights of a false alarm and of a window missed; a window found weighs 1 in all.
PROFILES = {"standard": (0.11, 1.0), "reward_low_FP_rate": (0.22, 1.0), "reward_low_FN_rate": (0.11, 2.0)}


def worth(position: npt.ArrayLike) -> Floats:
    """Return the worth of an alarm at a place: -1 is the start of a window, 0 its end, 1 a window's length behind."""
    x = np.asarray(position, dtype=float)
    return np.where(x >= 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(x, 3))) - 1)


@dataclass(frozen=True)
class Marked:
    """One file: the window of each point (-1: none, -2: not judged) and the unweighted worth of an alarm there."""

    window: npt.NDArray[np.intp]
    worth: Floats
    windows: int

    @classmethod
    def of(cls, stamps: pd.Series, limits: list[tuple[pd.Timestamp, pd.Timestamp]]) -> Marked:
        """Mark the points of a file; a window reaches from the first row with its start to the first with its end."""
        stamps = stamps.reset_index(drop=True)
        n = len(stamps)
        window, value = np.full(n, -1, dtype=np.intp), np.full(n, -1.0)
        row = np.arange(n)
        for number, (start, end) in enumerate(sorted(limits)):
            left, right = int((stamps == start).argmax()), int((stamps == end).argmax())
            width = right - left + 1
            window[left : right + 1] = number
            inside = slice(left, right + 1)
            value[inside] = worth(-(right - row[inside] + 1) / width) / worth(-1.0)
            value[right + 1 :] = worth((row[right + 1 :] - right) / (width - 1))
        window[: int(min(np.floor(0.15 * n), 750))] = -2
        return cls(window, value, len(np.unique(window[window >= 0])))

    def raw(self, alarm: npt.NDArray[np.bool_], profile: str) -> float:
        """Return the score of one file before it is put on the scale."""
        false_weight, missed_weight = PROFILES[profile]
        total = false_weight * self.worth[alarm & (self.window == -1)].sum()
        for number in np.unique(self.window[self.window >= 0]):
            hit = self.worth[alarm & (self.window == number)]
            total += hit.max() if len(hit) else -missed_weight
        return float(total)

    def counts(self, alarm: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
        """Return alarms inside and outside of windows, then points outside and inside without one."""
        inside, outside = self.window >= 0, self.window == -1
        return (
            int((alarm & inside).sum()),
            int((alarm & outside).sum()),
            int((~alarm & outside).sum()),
            int((~alarm & inside).sum()),
        )

    def hit(self, alarm: npt.NDArray[np.bool_]) -> int:
        """Return how many windows hold an alarm."""
        return len(np.unique(self.window[alarm & (self.window >= 0)]))


def final(files: Mapping[str, Marked], alarms: Mapping[str, npt.NDArray[np.bool_]], profile: str) -> float:
    """Return the score over files: 0 without alarms, 100 with one at the start of each window and no other."""
    missed = PROFILES[profile][1]
    raw = sum(files[name].raw(alarms[name], profile) for name in files)
    windows = sum(file.windows for file in files.values())
    return 100 * (raw + missed * windows) / (windows + missed * windows)
