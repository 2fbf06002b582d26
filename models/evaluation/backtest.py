"""How good probabilities were, out of time: by week, team, channel and prefix, at a budget, and how early they warned.

All functions take one long frame, ``scored``: a row for each snapshot and model with ``case_id, at, model, probability,
label`` (0 or 1), and whatever columns it is to be looked at by. It does not matter what the label is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from ...features.renamed import renamed_arguments
from .calibration import brier_parts
from .scores import score_table

#: A model as the rolling evaluation sees it: rows to their probabilities.
Predict = Callable[[pd.DataFrame], Floats]
#: Trains on what was known: snapshots until the cut-off, all labels, the cut-off -> model by name -> its predictions.
Train = Callable[[pd.DataFrame, pd.DataFrame, pd.Timestamp], Mapping[str, Predict]]

SCORED_KEYS = ("case_id", "at", "model", "probability", "label")


def backtest_risk(
    snapshots: pd.DataFrame,
    labels: pd.DataFrame,
    cutoffs: Sequence[pd.Timestamp],
    train: Train,
    *,
    until: pd.Timestamp,
    keep: Sequence[str] = ("team", "channel", "age_s", "updates"),
) -> pd.DataFrame:
    """Train at each cut-off on what was known then, and predict later snapshots of cases that training never saw.

    Parameters
    ----------
    snapshots
        Rows with ``case_id, at`` and features.
    labels
        Columns ``case_id, label, known_at``; one row a case. ``train`` gets them all and must not look beyond its
        cut-off, as :meth:`BreachRisk.fit` with ``as_of`` does not.
    cutoffs
        Rising instants; a cut-off is tested until the next one, the last until ``until``.
    train
        Makes the models.
    until
        The instant at which labels count as matured: outcomes known later are not used.
    keep
        Columns of the snapshots that are carried along, where they are there.

    Returns
    -------
    ``cutoff, case_id, at, model, probability, label, known_at`` and those kept. A snapshot whose outcome was known when
    it was taken, or is not known by ``until``, is not there.

    Raises
    ------
    InputError
        If the cut-offs do not rise, or a case has two labels.

    Examples
    --------
    >>> at = pd.to_datetime(["2024-03-01T08:00Z", "2024-03-02T08:00Z"])
    >>> rows = pd.DataFrame({"case_id": ["a", "b"], "at": at})
    >>> labels = pd.DataFrame({"case_id": ["a", "b"], "label": [True, False], "known_at": at + pd.Timedelta("1h")})
    >>> half = lambda rows, labels, cutoff: {"half": lambda new: np.full(len(new), 0.5)}
    >>> scored = backtest_risk(rows, labels, [at[0] + pd.Timedelta("1h")], half, until=at[1] + pd.Timedelta("2h"))
    >>> scored[["case_id", "model", "probability", "label"]].values.tolist()
    [['b', 'half', 0.5, 0.0]]
    """
    if list(cutoffs) != sorted(set(cutoffs)) or not len(cutoffs):
        raise InputError(
            "cut-offs must be in ascending order", column="cutoffs", got=", ".join(map(str, cutoffs)), code="time.order"
        )
    if labels["case_id"].duplicated().any():
        raise InputError(
            "a case has two labels",
            where="labels",
            column="case_id",
            hint="take those of one metric",
            code="row.doubled",
        )
    known = labels.set_index("case_id")
    carried = [name for name in keep if name in snapshots.columns]
    parts = []
    for cutoff, end in zip(cutoffs, [*cutoffs[1:], until], strict=True):
        past = snapshots[snapshots["at"] <= cutoff]
        new = snapshots[(snapshots["at"] > cutoff) & (snapshots["at"] <= end)]
        new = new[~new["case_id"].isin(past["case_id"])]
        label, known_at = new["case_id"].map(known["label"]), new["case_id"].map(known["known_at"])
        ripe = label.notna() & (known_at <= until) & (new["at"] < known_at)
        new, label, known_at = new[ripe], label[ripe].astype(float), known_at[ripe]
        if not len(new):
            continue
        for name, predict in train(past, labels, cutoff).items():
            rows = new[["case_id", "at", *carried]].assign(cutoff=cutoff, model=name, probability=predict(new))
            parts.append(rows.assign(label=label, known_at=known_at))
    order = ["cutoff", *SCORED_KEYS, "known_at", *carried]
    if not parts:
        return pd.DataFrame({name: [] for name in order})
    return pd.concat(parts)[order].sort_values(["cutoff", "model", "at", "case_id"], ignore_index=True)


def score_by(scored: pd.DataFrame, by: Sequence[str] = (), *, fewest: int = 30) -> pd.DataFrame:
    """Return the scores of each model, over all rows or by segments, with the parts of the Brier score.

    Parameters
    ----------
    scored
        See the head of this module.
    by
        Columns to split by, such as ``team`` or ``channel``; a missing value is a segment of its own.
    fewest
        Segments with fewer rows are left out.

    Returns
    -------
    The columns of ``by``, then ``model, n, base_rate, auc, average_precision, brier, reliability, resolution,
    uncertainty, ece``.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": list("abcd"), "at": pd.Timestamp("2024-03-01T08:00Z"), "model": "m",
    ...                      "probability": [0.1, 0.2, 0.8, 0.9], "label": [0.0, 0.0, 1.0, 1.0]})
    >>> score_by(rows, fewest=1)[["model", "n", "auc", "brier"]].round(3).values.tolist()
    [['m', 4, 1.0, 0.025]]
    """
    _check(scored, by)
    found = []
    for values, rows in scored.groupby([*by, "model"], dropna=False, sort=True):
        if len(rows) < fewest:
            continue
        *segment, name = values
        y, p = rows["label"].to_numpy(dtype=float), rows["probability"].to_numpy(dtype=float)
        scores = score_table(y, {str(name): p}).drop(columns="promoted").to_dict("records")[0]
        split = brier_parts(y, p)
        row: dict[str, object] = {str(key): value for key, value in scores.items()}
        row |= {"reliability": split.reliability, "resolution": split.resolution, "uncertainty": split.uncertainty}
        found.append({**row, **dict(zip(by, segment, strict=True))})
    columns = [*by, "model", "n", "base_rate", "auc", "average_precision", "brier"]
    return pd.DataFrame(found, columns=[*columns, "reliability", "resolution", "uncertainty", "ece"])


def score_by_prefix(
    scored: pd.DataFrame, column: str = "updates", edges: Sequence[float] = (1, 2, 4, 8, 16)
) -> pd.DataFrame:
    """Return the scores by how much of a case had been seen: its number of events, or its age.

    Parameters
    ----------
    scored
        With the column.
    column
        Such as ``updates`` (events so far) or ``age_s``.
    edges
        Inner edges of the bins.

    Returns
    -------
    As :func:`score_by`, with ``prefix`` such as ``"2 to 4"``, in the order of the bins.
    """
    _check(scored, [column])
    names = [
        f"below {edges[0]:g}",
        *(f"{a:g} to {b:g}" for a, b in pairwise(edges)),
        f"{edges[-1]:g} or more",
    ]
    place = np.searchsorted(np.asarray(edges, dtype=float), scored[column].to_numpy(dtype=float), side="right")
    table = score_by(scored.assign(_place=place), ["_place"])
    table.insert(0, "prefix", pd.Series([names[int(p)] for p in table["_place"]], dtype="str"))
    return table.drop(columns="_place")


def score_by_week(scored: pd.DataFrame, freq: str = "W") -> pd.DataFrame:
    """Return by week what was said and what came, and how good the scores were.

    Returns
    -------
    ``week`` (its start), then as :func:`score_by`, with ``predicted`` (mean probability) beside ``base_rate``.
    """
    week = pd.DatetimeIndex(scored["at"].array).tz_localize(None).to_period(freq).start_time
    rows = scored.assign(week=week)
    table = score_by(rows, ["week"], fewest=1)
    said = rows.groupby(["week", "model"])["probability"].mean().rename("predicted").reset_index()
    table = table.merge(said, on=["week", "model"])
    table.insert(3, "predicted", table.pop("predicted"))
    return table


def precision_at_capacity(scored: pd.DataFrame, k: int = 20) -> pd.DataFrame:
    """Return how many of the daily alerts were right, and how many of the bad cases they found.

    Each instant the ``k`` cases with the highest probability are alerts (ties by case id).

    Returns
    -------
    ``model, k, days, alerts, precision, recall`` (of snapshots that end badly), ``cases_found`` (share of the cases
    that end badly and were an alert at least once).

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": list("abcd"), "at": pd.Timestamp("2024-03-01T08:00Z"), "model": "m",
    ...                      "probability": [0.1, 0.2, 0.8, 0.9], "label": [0.0, 1.0, 0.0, 1.0]})
    >>> precision_at_capacity(rows, 2)[["precision", "recall"]].values.tolist()
    [[0.5, 0.5]]
    """
    _check(scored, ())
    if k < 1:
        raise InputError("a capacity must be at least one alert a day", column="k", got=k, code="value.range")
    found = []
    for name, rows in scored.groupby("model", sort=True):
        alert = _top(rows, k)
        bad = rows["label"] == 1
        cases = rows.loc[bad, "case_id"].nunique()
        found.append(
            {
                "model": name,
                "k": k,
                "days": rows["at"].nunique(),
                "alerts": int(alert.sum()),
                "precision": float(rows.loc[alert, "label"].mean()),
                "recall": float(alert[bad].mean()) if bad.any() else float("nan"),
                "cases_found": rows.loc[alert & bad, "case_id"].nunique() / cases if cases else float("nan"),
            }
        )
    return pd.DataFrame(found)


@renamed_arguments
def recall_at_workload(
    scored: pd.DataFrame, not_reviewed: Sequence[float] = (0.5, 0.7, 0.8, 0.88, 0.9, 0.95)
) -> pd.DataFrame:
    """Return which share of the bad cases is found when only the riskiest part is looked at.

    Parameters
    ----------
    scored
        See the head of this module.
    not_reviewed
        Shares of the cases that are not looked at: 0.88 means that the riskiest 12 % are looked at.

    Returns
    -------
    ``model, not_reviewed, reviewed, recall, precision``.

    Notes
    -----
    The format in which work on escalations is reported: Montgomery and Damian (2017), What do support analysts know
    about their customers?, IEEE Requirements Engineering.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": list("abcd"), "at": pd.Timestamp("2024-03-01T08:00Z"), "model": "m",
    ...                      "probability": [0.1, 0.2, 0.8, 0.9], "label": [0.0, 1.0, 0.0, 1.0]})
    >>> recall_at_workload(rows, [0.5])[["reviewed", "recall"]].values.tolist()
    [[2.0, 0.5]]
    """
    _check(scored, ())
    found = []
    for name, rows in scored.groupby("model", sort=True):
        ranked = rows.sort_values(["probability", "case_id", "at"], ascending=[False, True, True])["label"].to_numpy()
        hits = np.concatenate([[0.0], np.cumsum(ranked)])
        for share in not_reviewed:
            if not 0 <= share < 1:
                raise InputError(
                    "a share of work saved must be between 0 and 1",
                    column="not_reviewed",
                    got=share,
                    code="value.range",
                )
            n = max(round((1 - share) * len(ranked)), 1)
            recall = hits[n] / hits[-1] if hits[-1] else float("nan")
            found.append(
                {"model": name, "not_reviewed": share, "reviewed": n, "recall": recall, "precision": hits[n] / n}
            )
    return pd.DataFrame(found)


def warning_times(scored: pd.DataFrame, k: int = 20) -> pd.DataFrame:
    """Return for each bad case how long before its end the first alert came.

    Parameters
    ----------
    scored
        With ``known_at``: when the outcome was known.
    k
        Alerts an instant, as in :func:`precision_at_capacity`.

    Returns
    -------
    One row for each model and case that ended badly: ``model, case_id, first_alert_at`` (missing without an alert),
    ``warning_s``.
    """
    _check(scored, ["known_at"])
    parts = []
    for name, rows in scored.groupby("model", sort=True):
        bad = rows["label"] == 1
        first = rows[_top(rows, k) & bad].groupby("case_id")["at"].min()
        ends = rows[bad].groupby("case_id")["known_at"].min()
        table = pd.DataFrame({"first_alert_at": first.reindex(ends.index), "known_at": ends}).reset_index()
        table["warning_s"] = (table.pop("known_at") - table["first_alert_at"]).dt.total_seconds()
        table.insert(0, "model", name)
        parts.append(table)
    columns = ["model", "case_id", "first_alert_at", "warning_s"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame({c: [] for c in columns})


def _top(rows: pd.DataFrame, k: int) -> pd.Series:
    ranked = rows.sort_values(["at", "probability", "case_id"], ascending=[True, False, True])
    return (ranked.groupby("at").cumcount() < k).reindex(rows.index)


def _check(scored: pd.DataFrame, by: Sequence[str]) -> None:
    require_columns(scored, (*SCORED_KEYS, *by), "scored")
