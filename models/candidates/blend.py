"""The mean of a hazard and a classifier on the log-odds scale, with parts that still sum to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from .baselines import LogOddsModel


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
