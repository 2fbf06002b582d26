"""The work list: open cases by breach risk, with reasons and actions; breached cases apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from ...features.errors import InputError, did_you_mean
from ...features.frames import require_columns
from ..candidates.feature_groups import FEATURE_GROUPS
from ..risk.breach import BreachRisk, has_breached
from .reasons import reasons
from .risk_levels import RISK_LEVEL_BOUNDS, RISK_LEVELS, assign_risk_levels

__all__ = ["RISK_LEVELS", "RISK_LEVEL_BOUNDS", "assign_risk_levels", "rank_cases"]

#: Columns of the list of cases at risk.
RISK_COLUMNS = (
    "rank", "case_id", "metric", "probability", "risk_level", "due_at", "left_s", "left_wall_s", "left_business_s",
    "paused", "team", "priority", "age_s", "group", "reason_1", "reason_2", "reason_3", "action",
)  # fmt: skip

#: Columns of the list of broken promises.
BREACHED_COLUMNS = ("case_id", "metric", "due_at", "overdue_s", "team", "priority")

#: Type of each column of the lists that a source may lack.
_OPTIONAL_COLUMN_TYPES = {
    "due_at": "datetime64[us, UTC]", "left_s": "float64", "paused": "boolean", "team": "str", "priority": "str",
    "left_wall_s": "float64", "left_business_s": "float64",
}  # fmt: skip

#: Stands for any group, or any band that is not named.
ANY_NAME = "any"

#: Suggested action: group of the first reason that raises the risk -> band -> what to do.
SUGGESTED_ACTIONS: dict[str, dict[str, str]] = {
    ANY_NAME: {
        "low": "none",
        "medium": "look at it today",
        "high": "work on it now",
        "very high": "work on it now and tell the customer when it will be done",
    },
    "time": {"medium": "plan it before it is due", "high": "work on it next"},
    "reply": {"medium": "reply to the customer today", "high": "reply to the customer now"},
    "conversation": {"high": "call the customer instead of writing"},
    "transfers": {"medium": "assign one owner", "high": "assign one owner and keep the case there"},
    "reopens": {"high": "let a senior agent find the cause"},
    "escalations": {"high": "speak with the manager who escalated it"},
    "status": {"medium": "check whether it still has to wait", "high": "follow up on the open item"},
    "load": {"medium": "see whether another team can take it", "high": "move it to a team with time"},
    "team": {"high": "offer the team help"},
}


def rank_cases(
    snapshots: pd.DataFrame,
    risk: BreachRisk,
    *,
    top: int | None = None,
    actions: Mapping[str, Mapping[str, str]] | None = None,
    as_read: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank the open cases by their risk of breaking the promise, and list those that have.

    Parameters
    ----------
    snapshots
        Open cases at one instant; see ``deskcast.features.snapshots.snapshots``. Those to which nothing was promised
        (``has_breached`` is missing) are in neither list.
    risk
        A fitted model of the same metric.
    top
        Keep only so many cases at risk. Broken promises are all listed.
    actions
        Suggested actions, group of the leading reason -> band -> text, laid over :data:`SUGGESTED_ACTIONS`. ``"any"``
        stands for all groups or bands that are not named.
    as_read
        The same rows as they stand when the list is read, where that is later than the snapshots; see
        :func:`deskcast.models.worklist.time_left.move_time_left`. The probabilities are those of the snapshots; what is
        said of the time is of these.

    Returns
    -------
    Two frames. The cases at risk, highest probability first (then the earliest due time, the oldest case, the case id;
    so where every case has the base rate the list is by due time, then by age, and the reason says so):
    ``rank, case_id, metric, probability, band, due_at, left_s`` (on the clock of the promise), ``left_wall_s,
    left_business_s, paused, team, priority, age_s, group`` (of the first reason that raises the risk), ``reason_1,
    reason_2, reason_3, action``. The broken promises, the latest first: ``case_id, metric, due_at, overdue_s, team,
    priority``. A reason that is not there is an empty text; anything else not known is missing.

    Raises
    ------
    InputError
        If the snapshots are of several instants or metrics, a case comes twice, a column that the model needs has
        vanished, or ``actions`` or ``top`` cannot be understood.

    Examples
    --------
    >>> assign_risk_levels([0.1, 0.2, 0.5, 0.95]).tolist()
    ['low', 'medium', 'high', 'very high']
    """
    _check(snapshots, top)
    table = _actions(actions or {})
    snapshots = snapshots.reset_index(drop=True)
    over = has_breached(snapshots)
    running = ~over & _has_sla(snapshots)
    shown = snapshots if as_read is None else as_read.reset_index(drop=True)
    wanted = shown[running].copy()
    parts = risk.contributions(snapshots[running])
    # The parts sum to the log-odds, so the probability need not be worked out a second time.
    wanted["probability"] = expit(parts["logit"].to_numpy())
    wanted["risk_level"] = assign_risk_levels(wanted["probability"].to_numpy(dtype=float))
    wanted = _with(wanted)
    keys = ["probability", "due_at", "age_s", "case_id"]
    wanted = wanted.sort_values(keys, ascending=[False, True, False, True], kind="stable")
    wanted = wanted if top is None else wanted.head(top)
    wanted["rank"] = np.arange(1, len(wanted) + 1)
    parts = parts.loc[wanted.index].reset_index(drop=True)
    wanted = _explained(wanted.reset_index(drop=True), parts, risk, table)
    return wanted[list(RISK_COLUMNS)], _list_breached(shown[over])


def action_for(table: Mapping[str, Mapping[str, str]], group: str, band: str) -> str:
    """Return the action of a group and band: the nearest that the table has.

    >>> action_for(SUGGESTED_ACTIONS, "reply", "high"), action_for(SUGGESTED_ACTIONS, "region", "medium")
    ('reply to the customer now', 'look at it today')
    """
    # What is said for "high" of a group also fits "very high", unless that is named.
    bands = [band, "high", ANY_NAME] if band == "very high" else [band, ANY_NAME]
    for rows in (table.get(group, {}), table.get(ANY_NAME, {})):
        for name in bands if rows is not table.get(ANY_NAME) else [band, ANY_NAME]:
            if name in rows:
                return rows[name]
    return "none"


def _explained(
    rows: pd.DataFrame, parts: pd.DataFrame, risk: BreachRisk, table: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    told = reasons(rows, risk, parts=parts)
    for place in (1, 2, 3):
        texts = told[told["place"] == place].set_index("case_id")["reason"]
        rows[f"reason_{place}"] = texts.reindex(rows["case_id"]).fillna("").array
    first = told[(told["place"] == 1) & (told["direction"] == "raises")].set_index("case_id")["group"]
    groups = first.reindex(rows["case_id"]).fillna(ANY_NAME)
    if told.empty:
        # Whoever picks within a budget orders by what can still be saved, so no order is stated here.
        differs = "the time left" if rows["due_at"].notna().any() else "the age"
        base = f"all cases have the average breach rate of {rows['probability'].median():.0%}; only {differs} differs"
        rows["reason_1"] = pd.Series(base, index=rows.index, dtype="str")
    todo = [action_for(table, group, band) for group, band in zip(groups, rows["risk_level"], strict=True)]
    rows["group"] = groups.astype("str").array
    rows["action"] = pd.Series(todo, index=rows.index, dtype="str")
    rows["risk_level"] = rows["risk_level"].astype("str")
    return rows


def _list_breached(rows: pd.DataFrame) -> pd.DataFrame:
    rows = _with(rows.copy())
    rows["overdue_s"] = (rows["at"] - rows["due_at"]).dt.total_seconds()
    # On the clock of the promise where that is known: a weekend does not make a case later on business hours.
    rows["overdue_s"] = (-rows["left_s"].astype("float64")).fillna(rows["overdue_s"])
    rows = rows.sort_values(["overdue_s", "case_id"], ascending=[False, True], kind="stable")
    return rows[list(BREACHED_COLUMNS)].reset_index(drop=True)


def _with(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the lists that the source does not have, as missing."""
    absent = [name for name in _OPTIONAL_COLUMN_TYPES if name not in rows.columns]
    return rows.assign(**{name: pd.Series(index=rows.index, dtype=_OPTIONAL_COLUMN_TYPES[name]) for name in absent})


def _has_sla(snapshots: pd.DataFrame) -> NDArray[np.bool_]:
    if "already_breached" not in snapshots.columns:
        return np.ones(len(snapshots), dtype=bool)
    return np.asarray(snapshots["already_breached"].notna().to_numpy(dtype=bool))


def _check(snapshots: pd.DataFrame, top: int | None) -> None:
    require_columns(snapshots, ("case_id", "at", "metric", "age_s"), "snapshots")
    if top is not None and top < 0:
        raise InputError(
            "number of cases must be 0 or more", column="top", got=top, wanted="0 or more", code="plan.too_large"
        )
    if snapshots["at"].nunique() > 1:
        raise InputError(
            "the list is for one instant",
            where="snapshots",
            column="at",
            got=f"{snapshots['at'].nunique()} instants",
            hint="take the rows of the last one",
            code="time.order",
        )
    twice = snapshots["case_id"].duplicated()
    if twice.any():
        row = int(np.argmax(twice.to_numpy())) + 1
        raise InputError(
            "duplicate case",
            where="snapshots",
            column="case_id",
            row=row,
            got=str(snapshots["case_id"].iloc[row - 1]),
            code="row.doubled",
        )


def _actions(given: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    for group, rows in given.items():
        if group not in (*FEATURE_GROUPS, ANY_NAME):
            raise InputError(
                "unknown group of reasons",
                where="actions",
                got=group,
                hint=did_you_mean(group, (*FEATURE_GROUPS, ANY_NAME)),
                code="series.unknown",
            )
        for band in rows:
            if band not in (*RISK_LEVELS, ANY_NAME):
                hint = did_you_mean(band, (*RISK_LEVELS, ANY_NAME))
                raise InputError(
                    "unknown risk level",
                    where="actions",
                    column=group,
                    got=band,
                    hint=hint,
                    code="value.unknown",
                )
    merged = {group: dict(rows) for group, rows in SUGGESTED_ACTIONS.items()}
    for group, rows in given.items():
        merged[group] = {**({} if ANY_NAME in rows else merged.get(group, {})), **rows}
    return merged
