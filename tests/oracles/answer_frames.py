"""Snapshots and labels of a made-up desk whose customers answer selectively, with the true probabilities."""

import numpy as np
import pandas as pd

START = pd.Timestamp("2024-01-01T00:00Z")


def answer_frames(cases=6000, seed=0, signal=1.0, selective=1.0, until=None):
    """Return ``snapshots, labels, truth``: one look at each case as it closes.

    The more hand-overs and the slower the product, the likelier a low score (``signal=0``: a coin); the same makes an
    answer likelier (``selective=0``: all answer alike). ``truth`` is P(dissatisfied), P(answers) by row. ``until``:
    days after which nothing is known; the silent are known to be silent after seven days.
    """
    rng = np.random.default_rng(seed)
    day = np.sort(rng.uniform(0, 200, cases))
    moved = rng.poisson(1.0, cases)
    product = rng.choice(["Energy", "Mobile", "Internet"], cases)
    logit = -1.6 + signal * (0.7 * (moved - 1) + 0.9 * (product == "Mobile") - 0.3)
    p = 1 / (1 + np.exp(-logit))
    answers = 1 / (1 + np.exp(1.4 - selective * (1.0 * (moved - 1) + 0.8 * (product == "Mobile"))))
    low, told = rng.uniform(size=cases) < p, rng.uniform(size=cases) < answers
    at = START + pd.to_timedelta(np.round(day * 86400), unit="s")
    ids = pd.array([f"C{i:05}" for i in range(cases)], dtype="str")
    snapshots = pd.DataFrame(
        {
            "case_id": ids,
            "at": at,
            "metric": "resolution",
            "age_s": rng.uniform(3600, 90000, cases),
            "stage": "closed",
            "transfers": moved.astype(float),
            "product": pd.array(product, dtype="str"),
            "priority": pd.array(rng.choice(["1", "2", "3"], cases), dtype="str"),
            "team": "desk",
        }
    )
    known = at + pd.to_timedelta(np.where(told, np.round(rng.exponential(86400, cases).clip(60, 6e5)), 7 * 86400), "s")
    labels = pd.DataFrame({"case_id": ids, "label": pd.array(low, dtype="boolean"), "known_at": known})
    labels.loc[~told, "label"] = pd.NA
    if until is not None:
        end = START + pd.Timedelta(days=until)
        labels.loc[labels["known_at"] > end, ["label"]] = pd.NA
        labels.loc[labels["known_at"] > end, ["known_at"]] = pd.NaT
        snapshots = snapshots[snapshots["at"] <= end]
    return snapshots, labels, pd.DataFrame({"low": p, "answers": answers})
