"""What to do about a case at risk: the table of the configuration, and the built-in one where that says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...models.worklist.time_left import chance_in_time
from ..project.checks import split_values
from ..project.specs import ActionSpec, RiskSpec

if TYPE_CHECKING:
    import pandas as pd


def suggest_actions(
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
    Three lists as long as the rows. The chance is multiplied by that of being done in the time left: 0 where the work
    does not fit into it; see :func:`deskcast.models.worklist.time_left.chance_in_time`.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"action": ["look", "look"], "group": ["reply", "time"], "left_s": [2700.0, 7200.0]})
    >>> call = ActionSpec("call", {"reason": "reply"}, success_rate=0.5)
    >>> suggest_actions(rows, [call], RiskSpec())
    (['call', 'look'], [0.375, 1.0], [0.5, 0.5])
    """
    todo = rows["action"].astype("object").to_numpy(copy=True)
    prevents = np.ones(len(rows))
    effort = np.full(len(rows), spec.effort_s)
    free = np.ones(len(rows), dtype=bool)
    for action in actions:
        hit = free & _holds(rows, action.when)
        todo[hit], prevents[hit], free[hit] = action.do, action.success_rate, False
        if action.effort_s is not None:
            effort[hit] = action.effort_s
    left = rows["left_s"].to_numpy(dtype=float, na_value=np.nan)
    return [str(t) for t in todo], (prevents * chance_in_time(left, effort)).tolist(), (effort / 3600).tolist()


def breach_costs(rows: pd.DataFrame, spec: RiskSpec) -> float | list[float]:
    """Return what the breach of each case costs: one number for all, or one by priority (1 where none is named).

    >>> import pandas as pd
    >>> breach_costs(pd.DataFrame({"priority": ["1", "3"]}), RiskSpec(cost={"1": 10.0}))
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
        hit &= values.astype("str").isin(split_values(wanted)).to_numpy()
    return hit
