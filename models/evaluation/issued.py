"""How good issued probabilities were: what was expected and what was observed, by list, and of the selected cases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .calibration import reliability_table
from .scores import score_table

#: Name of the naive model in the tables: the observed rate for everybody.
BASE_RATE = "base rate"


def join_outcomes(issued: pd.DataFrame, outcomes: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Add to each issued probability what came of its case, as far as that is known.

    Parameters
    ----------
    issued
        ``case_id, as_of, probability`` and whatever else.
    outcomes
        ``case_id, label`` (missing where not decided) and ``known_at``, one row a case; with ``due_at`` a case that met
        its target counts when that has passed. Those of its list that breach are not known before.
    until
        Instant until which outcomes count as known.

    Returns
    -------
    The rows with ``label`` (0, 1, or missing where undecided) and ``known_at``. What was known when the list was made
    is not a forecast and is left out.

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-04T08:00Z")
    >>> issued = pd.DataFrame({"case_id": ["a", "b"], "as_of": at, "probability": [0.5, 0.1]})
    >>> later = pd.DataFrame({"case_id": ["a"], "label": [True], "known_at": [at + pd.Timedelta("2h")]})
    >>> join_outcomes(issued, later, at + pd.Timedelta("1D"))["label"].tolist()
    [1.0, nan]
    """
    known = outcomes[outcomes["known_at"].notna() & (outcomes["known_at"] <= until)].set_index("case_id")
    label = known["label"].astype("Float64").astype("float64").reindex(issued["case_id"])
    known_at = known["known_at"].astype("datetime64[us, UTC]").reindex(issued["case_id"])
    if "due_at" in known:
        due_at = known["due_at"].astype("datetime64[us, UTC]").reindex(issued["case_id"])
        label = label.mask((label == 0) & (due_at > until))
    out = issued.assign(label=label.to_numpy(), known_at=known_at.array)
    return out[~(out["known_at"] <= out["as_of"])].reset_index(drop=True)


def score_issued_risks(joined: pd.DataFrame) -> pd.DataFrame:
    """Score issued probabilities over all lists, beside the observed rate for everybody.

    Parameters
    ----------
    joined
        What :func:`join_outcomes` returns, with ``work_first``.

    Returns
    -------
    One row a model. ``n`` (rows whose outcome is decided; a case counts once for each list it was on), ``cases``
    (decided), ``undecided`` (cases), ``expected_count`` and ``observed_count`` (each case by the first list it was on),
    ``brier``, ``auc``, ``ece``, and of the selected cases, each from its first selection: ``selected`` (decided),
    ``selected_breaches``, ``precision``, ``lead_h`` (median hours from selection to breach), and ``recall`` (share of
    all observed breaches that were selected before).

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-04T08:00Z")
    >>> joined = pd.DataFrame({"case_id": ["a", "b"], "as_of": at, "probability": [0.7, 0.2], "label": [1.0, 0.0],
    ...                        "known_at": at + pd.Timedelta("3h"), "work_first": [True, False]})
    >>> columns = ["model", "expected_count", "observed_count", "precision", "lead_h"]
    >>> score_issued_risks(joined)[columns].round(2).values.tolist()
    [['issued', 0.9, 1.0, 1.0, 3.0], ['base rate', 1.0, 1.0, nan, nan]]
    """
    decided = joined[joined["label"].notna()]
    first = decided.sort_values("as_of", kind="stable").drop_duplicates("case_id")
    rate = float(decided["label"].mean()) if len(decided) else np.nan
    open_still = joined.loc[joined["label"].isna(), "case_id"].nunique()
    rows = []
    for model, p, of_first in (
        ("issued", decided["probability"], first["probability"]),
        (BASE_RATE, pd.Series(rate, index=decided.index), pd.Series(first["label"].mean(), index=first.index)),
    ):
        row = {"model": model, "n": len(decided), "cases": len(first), "undecided": open_still}
        row |= {
            "expected_count": float(of_first.sum()),
            "observed_count": float(first["label"].sum()),
            "base_rate": rate,
        }
        if len(decided):
            scores = score_table(decided["label"], {model: p}).iloc[0]
            row |= {name: float(scores[name]) for name in ("brier", "auc", "ece")}
        rows.append(row | (_score_selected(joined, first) if model == "issued" else {}))
    columns = [
        "model",
        "n",
        "cases",
        "undecided",
        "expected_count",
        "observed_count",
        "base_rate",
        "brier",
        "auc",
        "ece",
    ]
    columns += ["selected", "selected_breaches", "precision", "recall", "lead_h"]
    return pd.DataFrame(rows, columns=columns).astype(
        dict.fromkeys(columns[1:], "float64") | dict.fromkeys(columns[1:4], "int64") | {"model": "str"}
    )


def _score_selected(joined: pd.DataFrame, first: pd.DataFrame) -> dict[str, float]:
    """Score the selected cases, each from the first list on which it was selected."""
    picks = joined[joined["work_first"]].sort_values("as_of", kind="stable").drop_duplicates("case_id")
    picks = picks[picks["label"].notna()]
    hit = picks[picks["label"] == 1]
    all_breaches = float(first["label"].sum())
    return {
        "selected": float(len(picks)),
        "selected_breaches": float(len(hit)),
        "precision": len(hit) / len(picks) if len(picks) else np.nan,
        "recall": len(hit) / all_breaches if all_breaches else np.nan,
        "lead_h": float(((hit["known_at"] - hit["as_of"]).dt.total_seconds() / 3600).median()) if len(hit) else np.nan,
    }


def count_by_list(joined: pd.DataFrame) -> pd.DataFrame:
    """Count, for each list, what was expected and what was observed.

    Returns
    -------
    ``as_of``, ``open`` (cases on the list), ``undecided``, ``expected_count`` and ``observed_count`` (among the
    decided), ``selected``, ``selected_breaches`` and ``selected_undecided``.
    """
    decided, picked = joined["label"].notna(), joined["work_first"].astype(bool)
    label = joined["label"].fillna(0.0)
    counts = pd.DataFrame(
        {
            "as_of": joined["as_of"],
            "open": 1,
            "undecided": (~decided).astype(int),
            "expected_count": joined["probability"].where(decided, 0.0),
            "observed_count": label,
            "selected": picked.astype(int),
            "selected_breaches": label.where(picked, 0.0),
            "selected_undecided": (picked & ~decided).astype(int),
        }
    )
    return counts.groupby("as_of", sort=True, as_index=False).sum()


def calibrate_issued(joined: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Return predicted against observed rates of issued probabilities whose outcome is decided."""
    decided = joined[joined["label"].notna()]
    if decided.empty:
        return pd.DataFrame(columns=["predicted", "observed", "n", "lo", "hi"]).astype("float64")
    return reliability_table(decided["label"], decided["probability"], bins=bins)
