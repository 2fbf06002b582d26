"""What to do about a case at risk: the table of the configuration, and the built-in one where that says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...features.errors import InputError, did_you_mean
from ..project.specs import ActionSpec, Config, RiskSpec

if TYPE_CHECKING:
    import pandas as pd

#: What a condition of an action may be about.
CONDITIONS = (
    *("reason", "band", "priority", "team", "owner", "status", "channel", "product", "region", "case_type", "paused"),
)


def check_risk(config: Config, where: str) -> None:
    """Refuse actions with conditions that do not exist, and numbers out of range.

    Raises
    ------
    InputError
        Names the section and the key, what came and what was wanted.
    """
    for number, action in enumerate(config.actions, 1):
        place = f"{where} [[action]] {number}"
        _check_when(action, place)
        if not 0 <= action.prevents <= 1:
            raise InputError(
                "this must be a share", where=place, column="prevents", got=action.prevents, wanted="0 to 1"
            )
        if action.effort_s is not None and action.effort_s <= 0:
            raise InputError("work takes some time", where=place, column="effort", got="0 s", wanted="above 0")
    spec, place = config.risk, f"{where} [risk]"
    for key, seconds in (("effort", spec.effort_s), ("capacity", spec.capacity_s)):
        if seconds is not None and seconds <= 0:
            raise InputError("the time is out of range", where=place, column=key, got="0 s", wanted="above 0")
    costs = spec.cost.values() if isinstance(spec.cost, Mapping) else [spec.cost]
    for cost in costs:
        if not 0 <= cost < float("inf"):
            raise InputError("a cost is not below 0", where=place, column="cost", got=cost)


def _check_when(action: ActionSpec, place: str) -> None:
    from ...models.candidates.feature_groups import GROUPS
    from ...models.worklist.ranking import BANDS

    for key, wanted in action.when.items():
        if key not in CONDITIONS:
            hint = did_you_mean(key, CONDITIONS)
            raise InputError("there is no such condition", where=place, column="when", got=key, hint=hint)
        known = {"reason": GROUPS, "band": BANDS, "paused": ("yes", "no")}.get(key)
        for value in _values(wanted):
            if known is not None and value not in known:
                hint = did_you_mean(value, known)
                raise InputError(f"there is no such {key}", where=place, column="when", got=value, hint=hint)


def suggest(
    rows: pd.DataFrame, actions: Sequence[ActionSpec], spec: RiskSpec
) -> tuple[list[str], list[float], list[float]]:
    """Return for each case what to do, the chance that it prevents the breach, and the hours that it takes.

    Parameters
    ----------
    rows
        The list: ``action`` (what the built-in table says), ``group`` of the leading reason, ``left_s`` and the columns
        that conditions are about.
    actions
        In the order of the configuration; the first whose conditions hold is taken.
    spec
        The effort where an action has none.

    Returns
    -------
    Three lists as long as the rows. A case whose time left is shorter than the work takes can only be saved in part:
    its chance is multiplied by the share of the work that still fits.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"action": ["look", "look"], "group": ["reply", "time"], "left_s": [900.0, 7200.0]})
    >>> call = ActionSpec("call", {"reason": "reply"}, prevents=0.8)
    >>> suggest(rows, [call], RiskSpec())
    (['call', 'look'], [0.4, 1.0], [0.5, 0.5])
    """
    todo = rows["action"].astype("object").to_numpy(copy=True)
    prevents = np.ones(len(rows))
    effort = np.full(len(rows), spec.effort_s)
    free = np.ones(len(rows), dtype=bool)
    for action in actions:
        hit = free & _holds(rows, action.when)
        todo[hit], prevents[hit], free[hit] = action.do, action.prevents, False
        if action.effort_s is not None:
            effort[hit] = action.effort_s
    left = rows["left_s"].to_numpy(dtype=float, na_value=np.nan)
    fits = np.where(np.isnan(left), 1.0, np.clip(left / effort, 0.0, 1.0))
    return [str(t) for t in todo], (prevents * fits).tolist(), (effort / 3600).tolist()


def costs_of(rows: pd.DataFrame, spec: RiskSpec) -> float | list[float]:
    """Return what the breach of each case costs: one number for all, or one by priority (1 where none is named).

    >>> import pandas as pd
    >>> costs_of(pd.DataFrame({"priority": ["1", "3"]}), RiskSpec(cost={"1": 10.0}))
    [10.0, 1.0]
    """
    if not isinstance(spec.cost, Mapping):
        return float(spec.cost)
    return [float(spec.cost.get(str(p), 1.0)) for p in rows["priority"]]


def _holds(rows: pd.DataFrame, when: Mapping[str, str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    hit = np.ones(len(rows), dtype=bool)
    for key, wanted in when.items():
        column = "group" if key == "reason" else key
        if column not in rows.columns:
            return np.zeros(len(rows), dtype=bool)
        values = rows[column]
        if key == "paused":
            values = values.map({True: "yes", False: "no"})
        hit &= values.astype("str").isin(_values(wanted)).to_numpy()
    return hit


def _values(text: str) -> list[str]:
    return [value.strip() for value in str(text).split("|")]
