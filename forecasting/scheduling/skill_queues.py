"""Queues, and groups of agents who can serve some of them, as they are given: read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ...features.frames import require_columns
from ..arguments import check_number, check_numbers

#: Every set of queues gives one condition, so there cannot be many queues.
MAX_QUEUES = 12
Skills = Mapping[str, Sequence[str]]


def read_queues(queues: pd.DataFrame) -> pd.DataFrame:
    """Return the queues with their interval and checked numbers, or name the column that is missing."""
    where = "argument 'queues'"
    require_columns(queues, ("queue", "calls", "aht_s"), where)
    if queues.empty:
        raise InputError("missing rows", where=where, code="queue.empty")
    frame = pd.DataFrame({"queue": queues["queue"].astype("str").to_numpy()})
    frame["ds"] = queues["ds"].to_numpy() if "ds" in queues.columns else 0
    twice = frame.duplicated().to_numpy()
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise InputError(
            "duplicate queue",
            where=where,
            column="queue",
            row=row + 1,
            got=frame["queue"].iloc[row],
            code="row.doubled",
        )
    frame["calls"] = check_numbers("calls", queues["calls"].to_numpy(), least=0)
    frame["aht_s"] = check_numbers("aht_s", queues["aht_s"].to_numpy(), above=0)
    return frame


def read_interval(
    queues: pd.DataFrame, groups: Skills, all_served: bool = True
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_], list[str]]:
    """Return queues, which group (row) serves which (column), and the names of the groups."""
    frame, names = read_queues(queues), list(groups)
    if frame["ds"].nunique() > 1:
        raise InputError(
            "more than one interval", where="argument 'queues'", column="ds", wanted="one", code="frequency.invalid"
        )
    known = frame["queue"].tolist()
    if len(known) > MAX_QUEUES:
        raise InputError(
            "too many queues",
            where="argument 'queues'",
            got=len(known),
            wanted=f"up to {MAX_QUEUES}",
            code="plan.too_large",
        )
    if not names:
        raise InputError("missing groups", where="argument 'groups'", code="queue.empty")
    for name in names:
        for queue in groups[name]:
            if queue not in known:
                hint = did_you_mean(str(queue), known)
                raise InputError(
                    "unknown queue", where=f"argument 'groups[{name!r}]'", got=queue, hint=hint, code="series.unknown"
                )
    skills = np.array([[queue in groups[name] for queue in known] for name in names])
    alone = np.flatnonzero(~skills.any(axis=0) & (frame["calls"].to_numpy() > 0))
    if all_served and len(alone):
        raise InputError(
            "missing group for this queue", where="argument 'groups'", got=known[int(alone[0])], code="plan.impossible"
        )
    return frame, skills, names


def read_by_group(
    name: str,
    given: Mapping[str, float] | None,
    names: list[str],
    default: float | None,
    *,
    least: float | None = None,
    above: float | None = None,
) -> Floats:
    """Return a number of each group, in the order of their names, or name the group that has none."""
    values = dict(given or {})
    for group in values:
        if group not in names:
            raise InputError(
                "unknown group",
                where=f"argument '{name}'",
                got=group,
                hint=did_you_mean(group, names),
                code="series.unknown",
            )
    for group in names:
        if group not in values and default is None:
            raise InputError("a group has no value", where=f"argument '{name}'", got=group, code="value.missing")
    read = {g: check_number(f"{name}[{g!r}]", v, least=least, above=above, infinite=True) for g, v in values.items()}
    return np.array([read.get(group, default) for group in names], dtype=float)
