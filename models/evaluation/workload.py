"""How many bad cases are found by looking at a few: recall by the share of the work that is saved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ...features.errors import InputError

WORKLOAD_SHARES = (0.5, 0.8, 0.9)


def recall_by_workload(
    observed: ArrayLike,
    predicted: ArrayLike,
    case: ArrayLike | None = None,
    *,
    saved: Sequence[float] = WORKLOAD_SHARES,
) -> pd.DataFrame:
    """Return the share of bad cases that are found where so much of the work is saved.

    Cases are looked at from the riskiest on, each at the highest risk that was told of it; who is as risky as the last
    one counts with the share of them that is looked at, so that the order of the rows does not matter.

    Parameters
    ----------
    observed, predicted
        Outcomes (0 or 1) and probabilities, shape (n,).
    case
        Which case a row belongs to, shape (n,); each row is one by default.
    saved
        Shares of the cases that nobody looks at.

    Returns
    -------
    Columns ``saved``, ``recall`` (missing without a bad case), ``precision``, ``looked_at`` (cases) and ``threshold``
    (the least risk that is looked at), a row for each share.

    Raises
    ------
    InputError
        If the lengths differ or a share is not between 0 and 1.

    Notes
    -----
    The form in which escalation models are reported (arXiv 2010.06145): "87 % at 88 %" finds 87 % of the escalations
    and leaves 88 % of the cases alone. A constant finds 12 % there.

    Examples
    --------
    >>> found = recall_by_workload([1, 0, 0, 1], [0.9, 0.2, 0.1, 0.3], saved=[0.5, 0.75])
    >>> found[["saved", "recall", "precision", "looked_at"]].values.tolist()
    [[0.5, 1.0, 1.0, 2.0], [0.75, 0.5, 1.0, 1.0]]
    """
    y, p = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    names = np.arange(len(y)) if case is None else np.asarray(case)
    if not len(y) == len(p) == len(names):
        got = f"{len(y)}, {len(p)} and {len(names)}"
        raise InputError("there must be one probability and one case for each outcome", got=got, code="value.length")
    if not all(0 <= share < 1 for share in saved):
        raise InputError("shares of saved work lie from 0 to below 1", got=f"{list(saved)}", code="value.range")
    by = pd.DataFrame({"case": names, "y": y, "p": p}).groupby("case", sort=False).max()
    level = by.groupby("p")["y"].agg(["size", "sum"]).sort_index(ascending=False)
    looked = np.concatenate([[0.0], level["size"].cumsum()])
    bad = np.concatenate([[0.0], level["sum"].cumsum()])
    rows = []
    for share in saved:
        n = (1.0 - share) * len(by)
        hits = float(np.interp(n, looked, bad))
        place = min(int(np.searchsorted(looked, n - 1e-9)), len(level)) - 1
        last = float(level.index[max(place, 0)]) if len(level) else float("nan")
        recall = hits / bad[-1] if bad[-1] else float("nan")
        rows.append((share, recall, hits / n if n else float("nan"), n, last))
    return pd.DataFrame(rows, columns=["saved", "recall", "precision", "looked_at", "threshold"])
