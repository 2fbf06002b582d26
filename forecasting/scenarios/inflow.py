"""Sample paths of what comes, drawn from the intervals of a forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from ..arguments import check_number, check_numbers
from ..volume.intervals import interval_columns


def inflow_paths(
    ahead: pd.DataFrame, *, paths: int = 200, together: float = 0.5, seed: int = 0, model: str = "deskcast"
) -> pd.DataFrame:
    """Draw sample paths from a forecast with intervals.

    Each slot keeps its own distribution: between two quantiles, and beyond the outermost, it is taken as normal, and
    nothing lies below 0. How slots go together is not in the intervals, so it has to be said: a share of the
    deviation (on the normal scale) is common to all slots of a path, the rest is each slot's own.

    Parameters
    ----------
    ahead
        What :func:`forecast` returns: ``unique_id`` (optional), ``ds``, ``deskcast`` and its bounds.
    paths
        How many, from 1.
    together
        Correlation of any two slots of one series, from 0 (errors cancel over a day) to 1 (a busy path is busy in
        all its slots).
    seed
        Same seed, same paths.
    model
        Column of the forecast.

    Returns
    -------
    DataFrame
        ``unique_id``, ``ds``, ``path`` (from 0), ``y``.

    Raises
    ------
    InputError
        If there are no bounds, or a number is out of range.

    Notes
    -----
    A one-factor Gaussian copula; Pinson et al., "From probabilistic forecasts to statistical scenarios" (2009).

    Examples
    --------
    >>> ahead = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=500, freq="h"), "deskcast": 100.0,
    ...                       "deskcast-lo-80": 90.0, "deskcast-hi-80": 110.0})
    >>> drawn = inflow_paths(ahead, paths=50)
    >>> len(drawn), bool((drawn["y"] > 110).mean().round(1) == 0.1)
    (25000, True)
    """
    require_columns(ahead, ["ds"], "argument 'ahead'")
    columns = interval_columns(ahead, model)
    if len(columns) < 3 or model not in ahead.columns:
        raise InputError(
            "the forecast has no bounds",
            where="argument 'ahead'",
            wanted=f"columns such as {model}-lo-80",
            code="value.range",
        )
    count = int(check_numbers("paths", paths, least=1))
    rho = check_number("together", together, least=0, most=1)
    names = ahead["unique_id"].astype("str").to_numpy() if "unique_id" in ahead.columns else np.full(len(ahead), "all")
    values = np.maximum.accumulate(np.stack([check_numbers(c, ahead[c]) for c in columns.values()]), axis=0)
    codes, known = pd.factorize(names, sort=True)
    rng = np.random.default_rng(seed)
    # spread evenly over its distribution: a draw of so few would miss the chance of a busy path by points
    even = special.ndtri((np.arange(count) + 0.5) / count)
    common = np.column_stack([rng.permutation(even) for _ in known])[:, codes]
    z = np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.standard_normal((count, len(ahead)))
    drawn = np.maximum(_from_scores(special.ndtri(np.array(list(columns))), values, z), 0.0)
    return pd.DataFrame(
        {
            "unique_id": pd.Series(np.tile(names, count), dtype="str"),
            "ds": pd.concat([ahead["ds"]] * count, ignore_index=True),
            "path": np.repeat(np.arange(count), len(ahead)),
            "y": drawn.ravel(),
        }
    )


def _from_scores(scores: Floats, values: Floats, z: Floats) -> Floats:
    """Return the value at each normal score, by straight lines through the quantiles, the outermost prolonged."""
    out = np.empty_like(z)
    last = len(scores) - 2
    for i in range(last + 1):
        inside = (z >= scores[i] if i else np.ones_like(z, bool)) & (z < scores[i + 1] if i < last else True)
        slope = (values[i + 1] - values[i]) / (scores[i + 1] - scores[i])
        out = np.where(inside, values[i] + slope * (z - scores[i]), out)
    return out
