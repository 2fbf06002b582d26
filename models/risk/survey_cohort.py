"""Snapshots with what is known of who told, and what they told: surveys are not answered by all."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...features.arrays import Bools, Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from .known_outcomes import Outcomes, known_outcomes

#: Stage of a snapshot: its case is open, or it has ended.
CASE_STAGES = ("open", "closed")
#: A snapshot is ripe after the time in which this share of the slowest kind of outcome is known.
MATURE_SHARE = 0.9
#: Attributes that name a person: who it was is no reason, and the next one has another name.
_PERSON = re.compile(
    r"attr_(?:.*[_ ])?(?:id|by|to|e-?mail|phone|user|caller|requester|agent|assignee|owner|customer)$", re.IGNORECASE
)


class WeightedLabels(NamedTuple):
    """Snapshots whose label is known (0.0 or 1.0), and how many snapshots each of them stands for."""

    snapshots: pd.DataFrame
    label: Floats
    weight: Floats


@dataclass(frozen=True)
class Cohort:
    """Snapshots with what is known of their labels.

    Attributes
    ----------
    found
        The rows; its outcome is whether a label came (1.0), or it is known that none did (0.0), or neither yet.
    label
        The label, 0.0 or 1.0; missing where none came or it is not known yet. Shape (n,).
    """

    found: Outcomes
    label: Floats

    @property
    def labelled(self) -> Bools:
        """Which rows have a label."""
        return ~np.isnan(self.label)

    @property
    def is_fully_labelled(self) -> bool:
        """Whether every decided row has a label, so that nobody has to be stood for."""
        return bool(self.labelled[self.found.decided].all())

    def stage(self, name: str) -> Bools:
        """Tell which rows are of a stage."""
        return np.asarray(stage_of(self.found.snapshots) == name, dtype=bool)

    def weighted_rows(self, rows: Bools, propensity: Floats | None = None) -> WeightedLabels:
        """Return the rows with a label among these, weighted to stand for all of them.

        Parameters
        ----------
        rows
            Shape (n,).
        propensity
            Weight of each row for those who did not tell, shape (n,); without it the rows stand for those who tell.
        """
        lesson = self.found.weighted_rows(rows)
        place = np.flatnonzero(rows & self.found.decided)
        told = self.labelled[place]
        weight = lesson.weight if propensity is None else lesson.weight * propensity[place]
        return WeightedLabels(lesson.snapshots[told].reset_index(drop=True), self.label[place][told], weight[told])


def known_cohort(snapshots: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp, name: str) -> Cohort:
    """Set beside each snapshot what is known of its label at ``as_of``.

    Cases that are not in ``labels`` (not closed yet, or never asked) stay as cut off at ``as_of``: they tell how long
    cases were watched, which is what the weights of the known ones rest on. Snapshots that are too young are left out,
    whatever came of them: an answer is known at once and silence only after days, so of the youngest only answers are.

    Parameters
    ----------
    snapshots
        ``case_id, at, age_s`` and features; see :func:`case_snapshots`.
    labels
        ``case_id, label, known_at``; a label that is missing although ``known_at`` is not means that none came.
    as_of
        What became known later is not seen.
    name
        What the label says, such as ``dissatisfaction``.

    Raises
    ------
    InputError
        If a column is missing, there are no labels, or none is known yet.

    Examples
    --------
    >>> at = pd.to_datetime(["2024-03-01T08:00Z"] * 3)
    >>> snapshots = pd.DataFrame({"case_id": ["a", "b", "c"], "at": at, "age_s": 60.0})
    >>> known = pd.to_datetime(["2024-03-01T12:00Z", "2024-03-08T08:00Z", None])
    >>> labels = pd.DataFrame({"case_id": ["a", "b", "c"], "label": pd.array([True, None, None], "boolean"),
    ...                        "known_at": known})
    >>> cohort = known_cohort(snapshots, labels, pd.Timestamp("2024-03-09T08:00Z"), "dissatisfaction")
    >>> cohort.label.tolist(), cohort.found.breached.tolist()
    ([1.0, nan, nan], [1.0, 0.0, nan])
    """
    require_columns(labels, ("case_id", "label", "known_at"), "labels")
    if labels["label"].isna().all():
        hint = "surveys, disputes or complaints give labels; see deskcast.features.dissatisfaction_labels"
        raise InputError(
            f"missing labels of {name} to learn from", where="labels", column="label", hint=hint, code="labels.none"
        )
    rows = prepare_snapshots(snapshots, name)
    wanted = labels[["case_id", "label", "known_at"]].assign(metric=name)
    wanted["told"] = wanted["label"].notna().astype("boolean").where(wanted["known_at"].notna())
    absent = pd.Index(rows["case_id"].unique()).difference(pd.Index(wanted["case_id"]))
    nothing = pd.DataFrame({"case_id": absent.astype("str"), "metric": name})
    asked = pd.concat([wanted.drop(columns="label").rename(columns={"told": "label"}), nothing], ignore_index=True)
    asked["known_at"] = pd.to_datetime(asked["known_at"], utc=True).astype("datetime64[us, UTC]")
    found = known_outcomes(rows, asked.astype({"label": "boolean", "case_id": "str"}), as_of)
    value = wanted.set_index("case_id")["label"].reindex(found.snapshots["case_id"]).astype("Float64")
    label = np.where(found.breached == 1, value.to_numpy(dtype=np.float64, na_value=np.nan), np.nan)
    if np.isnan(label).all():
        got = f"as of {as_of}"
        raise InputError(
            f"no snapshot has a label of {name} that is known yet",
            where="labels",
            column="label",
            got=got,
            code="labels.none",
        )
    return _drop_immature(Cohort(found, np.asarray(label, dtype=np.float64)), as_of)


def _drop_immature(cohort: Cohort, as_of: pd.Timestamp) -> Cohort:
    """Leave out the snapshots that are too young for the slowest kind of outcome (silence, no, yes) to be known."""
    found = cohort.found
    if found.decided.all():  # nothing was cut off, so the young ones are no biased lot
        return cohort
    watched = (as_of - found.snapshots["at"]).dt.total_seconds().to_numpy(dtype=np.float64)
    waited = found.end_s - found.entry_s
    kept = np.zeros(len(watched), dtype=bool)
    for name in CASE_STAGES:
        rows = cohort.stage(name)
        kinds = (found.breached == 0, cohort.label == 0, cohort.label == 1)
        needed = [float(np.quantile(waited[rows & kind], MATURE_SHARE)) for kind in kinds if (rows & kind).any()]
        kept |= rows & (watched >= max(needed, default=0.0))
    if kept.all() or not (kept & cohort.labelled).any():
        return cohort
    less = replace(
        found,
        snapshots=found.snapshots[kept].reset_index(drop=True),
        breached=found.breached[kept],
        created_at=found.created_at[kept].reset_index(drop=True),
        entry_s=found.entry_s[kept],
        end_s=found.end_s[kept],
        known_at=found.known_at[kept].reset_index(drop=True),
        dropped={**found.dropped, "too young": int(np.sum(~kept))},
    )
    return Cohort(less, cohort.label[kept])


def prepare_snapshots(snapshots: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return snapshots as they are learnt from: a broken promise is a fact about the case, and persons are left out.

    >>> rows = pd.DataFrame({"metric": ["resolution"], "already_breached": [True], "attr_caller_id": ["x"]})
    >>> prepare_snapshots(rows, "dissatisfaction").to_dict("records")
    [{'metric': 'dissatisfaction', 'breached_resolution': True}]
    """
    persons = [c for c in snapshots.columns if _PERSON.match(str(c))]
    out = snapshots.drop(columns=[*persons, "metric"], errors="ignore")
    out.insert(0, "metric", pd.Series(name, index=out.index, dtype="str"))
    if "already_breached" in out:
        metric = snapshots["metric"].iloc[0] if "metric" in snapshots and len(snapshots) else "promise"
        out = out.rename(columns={"already_breached": f"breached_{metric}"})
    return out


def stage_of(snapshots: pd.DataFrame) -> NDArray[np.object_]:
    """Return the stage of each snapshot: ``closed`` where the case has ended, else ``open``.

    A column ``stage`` says so; without one a case that ``is_resolved`` has ended.

    >>> stage_of(pd.DataFrame({"is_resolved": [0.0, 1.0, None]})).tolist()
    ['open', 'closed', 'open']
    """
    if "stage" in snapshots.columns:
        return np.asarray(np.where(snapshots["stage"].eq("closed"), "closed", "open"), dtype=object)
    if "is_resolved" not in snapshots.columns:
        return np.full(len(snapshots), "open", dtype=object)
    ended = snapshots["is_resolved"].astype("Float64").fillna(0.0).to_numpy(dtype=np.float64) > 0
    return np.asarray(np.where(ended, "closed", "open"), dtype=object)
