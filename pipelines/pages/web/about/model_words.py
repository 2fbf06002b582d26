"""What the models are worth in words: how often what was called so likely came true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from ....words.words import format_count

#: Ends of the bands of breach risk of which a sentence is made each.
BANDS = (0.0, 0.3, 0.6, 1.01)
#: A band of fewer cases is no ground for a sentence.
MIN_CASES = 10


def calibration_sentences(table: pd.DataFrame) -> list[str]:
    """Return what a table of calibration says, in counts of 100 cases: one sentence for low, medium and high risk.

    Parameters
    ----------
    table
        ``predicted``, ``observed`` and ``n`` of groups of cases of one model.

    Examples
    --------
    >>> groups = pd.DataFrame({"predicted": [0.21, 0.69, 0.71], "observed": [0.18, 0.6, 0.76], "n": [90, 25, 25]})
    >>> calibration_sentences(groups)[1]
    'Of 100 cases with a breach risk of about 70%, 68 breached (50 cases).'
    >>> calibration_sentences(groups.assign(n=2))
    []
    """
    rows = table.dropna(subset=["predicted", "observed"])
    found: list[str] = []
    for low, high in pairwise(BANDS):
        own = rows[(rows["predicted"] >= low) & (rows["predicted"] < high)]
        count = float(own["n"].sum())
        if count < MIN_CASES:
            continue
        said, came = (round(100 * float((own[c] * own["n"]).sum()) / count) for c in ("predicted", "observed"))
        cases = format_count(count, "case")
        found.append(f"Of 100 cases with a breach risk of about {said}%, {came} breached ({cases}).")
    return found


def judge_calibration(table: pd.DataFrame) -> str:
    """Return one sentence on the whole: how many outcomes were predicted, and how many were observed.

    >>> judge_calibration(pd.DataFrame({"predicted": [0.5], "observed": [0.6], "n": [100]}))
    'Over all of these 100 cases, 50 breaches were predicted and 60 observed.'
    """
    rows = table.dropna(subset=["predicted", "observed"])
    if rows.empty:
        return ""
    said, came = (float((rows[c] * rows["n"]).sum()) for c in ("predicted", "observed"))
    if not math.isfinite(said + came):
        return ""
    whole = format_count(float(rows["n"].sum()), "case")
    return f"Over all of these {whole}, {said:,.0f} breaches were predicted and {came:,.0f} observed."


def choose_model(evaluation: pd.DataFrame, used: str, models: Sequence[str]) -> str:
    """Return the model in use: as the run names it, else the one that was promoted, else the first."""
    if used in models:
        return used
    if "promoted" in evaluation and evaluation["promoted"].fillna(False).astype(bool).any():
        return str(evaluation.loc[evaluation["promoted"].fillna(False).astype(bool), "model"].iloc[0])
    return str(models[0]) if len(models) else ""
