"""What the models are worth in words: how often what was called so likely came true."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ...words.words import format_count

#: Breach risks of which a sentence is made, and how far from one a group of cases may be.
TOLD_RISKS, MAX_APART = (0.2, 0.5, 0.8), 0.15
#: A group of fewer cases is no ground for a sentence.
MIN_CASES = 5


def calibration_sentences(table: pd.DataFrame, outcome: str = "breached") -> list[str]:
    """Return what a table of calibration says, in counts of 100 cases.

    Parameters
    ----------
    table
        ``predicted``, ``observed`` and ``n`` of groups of cases of one model.
    outcome
        What became of the cases.

    Examples
    --------
    >>> groups = pd.DataFrame({"predicted": [0.21, 0.69], "observed": [0.18, 0.68], "n": [90, 50]})
    >>> calibration_sentences(groups)[1]
    'Of 100 cases with a breach risk of 69%, 68 breached (50 cases).'
    >>> calibration_sentences(groups.assign(n=2))
    []
    """
    rows = table.dropna(subset=["predicted", "observed"])
    rows = rows[rows["n"] >= MIN_CASES]
    found: list[str] = []
    for risk in TOLD_RISKS:
        apart = (rows["predicted"] - risk).abs()
        if rows.empty or float(apart.min()) > MAX_APART + 0.05:
            continue
        row = rows.loc[apart.idxmin()]
        said, came = round(100 * float(row["predicted"])), round(100 * float(row["observed"]))
        found.append(
            f"Of 100 cases with a breach risk of {said}%, {came} {outcome} ({format_count(row['n'], 'case')})."
        )
    return list(dict.fromkeys(found))


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
