"""A fitted risk without the rows that it learnt from: what may be handed to whoever reads a registry."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from ...models.candidates.baselines import CalibratedModel
from ...models.risk.dissatisfaction import DissatisfactionRisk
from ...models.risk.estimator import RiskEstimator
from ...models.risk.segment_record import SegmentAdjustedModel

#: Rows that stand for all past cases where a reason compares with them: each percent that a reason can name.
REFERENCE_ROWS = 100
#: A shorter id is found by chance, as the name of a level or among the bytes of numbers.
MIN_ID_LENGTH = 6

T = TypeVar("T", bound=RiskEstimator)


@dataclass(frozen=True)
class ReasonReference:
    """Stands for the outcomes of a fitted risk: how old past cases were, in percents, and how long they waited."""

    snapshots: pd.DataFrame


def drop_training_rows(risk: T) -> T:
    """Return a copy of a fitted risk that says the same of every case and holds no row that it learnt from.

    The reasons of a case compare it with past ones ("longer than 85% of past cases"). A hundred values say that as well
    as all of them. Track records of segments are rows too, and name customers: they are left out, and
    :meth:`~deskcast.models.risk.dissatisfaction.DissatisfactionRisk.follow` gives them again from a log.

    Examples
    --------
    >>> from deskcast.models import BreachRisk
    >>> at = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(np.arange(400), unit="h")
    >>> rows = pd.DataFrame({"case_id": [f"c{i:03}" for i in range(400)], "at": at, "metric": "resolution",
    ...                      "age_s": np.tile([3600.0, 90000.0], 200)})
    >>> labels = pd.DataFrame({"case_id": rows["case_id"], "metric": "resolution", "label": rows["age_s"] > 7200,
    ...                        "known_at": at + pd.Timedelta("1h")})
    >>> risk = BreachRisk().fit(rows, labels)
    >>> slim = drop_training_rows(risk)
    >>> len(risk.outcomes_.snapshots), len(slim.outcomes_.snapshots), "case_id" in slim.outcomes_.snapshots
    (400, 100, False)
    """
    slim: Any = copy.copy(risk)
    slim.outcomes_ = ReasonReference(_reference(risk.outcomes_.snapshots))
    if isinstance(risk, DissatisfactionRisk):
        slim.stages_ = {
            name: replace(
                learnt,
                candidates=_without_records(learnt.candidates),
                answering_candidates=_without_records(learnt.answering_candidates),
            )
            for name, learnt in risk.stages_.items()
        }
    return slim  # type: ignore[no-any-return]


def _without_records(candidates: dict[str, CalibratedModel]) -> dict[str, CalibratedModel]:
    return {
        name: model.score.model if isinstance(model.score, SegmentAdjustedModel) else model
        for name, model in candidates.items()
    }


def _reference(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return the values at which a reason begins to name another percent (of ages) or tenth (of waits)."""
    columns = {}
    if "age_s" in snapshots:
        ages = _known(snapshots["age_s"])
        columns["age_s"] = _thresholds(ages, np.rint(100.0 * _shares(ages)), np.arange(1, REFERENCE_ROWS + 1))
    if "unanswered_s" in snapshots:
        waits = _known(snapshots["unanswered_s"])
        waits = waits[waits > 0]
        tenths = _thresholds(waits, np.floor(10.0 * _shares(waits)), np.arange(1, 11))
        columns["unanswered_s"] = np.repeat(tenths, REFERENCE_ROWS // 10)
    return pd.DataFrame(columns)


def _known(values: pd.Series) -> Floats:
    found = values.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return np.sort(found[np.isfinite(found)])


def _shares(values: Floats) -> Floats:
    """Return the share of values that are below one that is above the first, the second, ... of them."""
    return np.arange(1, len(values) + 1) / max(len(values), 1)


def _thresholds(values: Floats, step: Floats, wanted: Ints) -> Floats:
    """Return the first value above which each step is reached; missing where there are no values."""
    if not len(values):
        return np.full(len(wanted), np.nan)
    return values[np.searchsorted(step, wanted, side="left")]


def find_ids(model: bytes, ids: Iterable[object]) -> list[str]:
    """Return those of some ids that stand in the bytes of a model, each once.

    Ids of fewer than :data:`MIN_ID_LENGTH` characters are passed over.

    >>> find_ids(b"levels: North, C0000017", ["C0000017", "C0000018", "7"])
    ['C0000017']
    """
    by_length: dict[int, set[bytes]] = {}
    for one in ids:
        name = str(one).encode()
        if len(name) >= MIN_ID_LENGTH:
            by_length.setdefault(len(name), set()).add(name)
    found: set[bytes] = set()
    # Text of any language, and nothing of numbers beyond chance.
    for text in re.findall(rb"[\x20-\x7e\x80-\xff]{%d,}" % MIN_ID_LENGTH, model):
        for length, names in by_length.items():
            found |= {text[i : i + length] for i in range(len(text) - length + 1)} & names
    return sorted(name.decode() for name in found)
