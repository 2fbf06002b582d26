"""Case features that users bring, each checked on every use: the future must not change what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from ..plugins import Plugin, PluginError, as_decorator, register, registered

#: When a feature may become known; what is only known with the outcome is no feature.
FEATURE_TIMINGS = ("creation", "event")
#: At so many instants of the rows a feature is compared with what it says of the log as it stood then.
CHECKED_INSTANTS = 4
#: A function of a log and of rows with ``case_id`` and ``at``: one value a row, as known at the instant of the row.
FeatureFunction = Callable[[CaseLog, pd.DataFrame], Any]


def register_feature(name: str, function: FeatureFunction | None = None, *, known: str = "event") -> Any:
    """Let a feature of yours teach the risk models: it stands in all snapshots as ``attr_<name>``.

    Parameters
    ----------
    name
        What it is called, such as ``words_so_far``.
    function
        From a log and n rows (``case_id``, ``at``) to n numbers, truth values or texts, as they were known at each
        row's instant. Each use checks at a few instants ``t`` that it says the same of ``log`` and ``log.as_of(t)``,
        and refuses it otherwise. Without a function a decorator is returned.
    known
        When it becomes known: with the ``creation`` of a case (then all rows of a case have the same value, which is
        checked too), or by ``event`` (it may change).

    Returns
    -------
    The function.

    Raises
    ------
    InputError
        If another feature is called so, or it would become known with the outcome.

    Examples
    --------
    >>> from deskcast.extend import unregister
    >>> @register_feature("opened_on_monday", known="creation")
    ... def opened_on_monday(log, rows):
    ...     created = log.frame("cases").set_index("case_id")["created_at"]
    ...     return rows["case_id"].map(created).dt.tz_convert(log.timezone).dt.day_of_week == 0
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-03T09:00Z", "2024-03-04T09:30Z"]})
    >>> rows = pd.DataFrame({"case_id": ["1", "2"], "at": pd.to_datetime(["2024-03-05T00:00Z"] * 2)})
    >>> build_own_features(CaseLog.from_frames(cases=cases), rows)["attr_opened_on_monday"].tolist()
    [0.0, 1.0]
    >>> unregister("feature", "opened_on_monday")
    """
    if known not in FEATURE_TIMINGS:
        hint = did_you_mean(str(known), FEATURE_TIMINGS)
        problem = "a feature is known with the creation of a case or by event, never with its outcome"
        raise InputError(problem, where=f"feature '{name}'", column="known", got=known, hint=hint, code="value.range")
    return as_decorator(lambda given: register(Plugin("feature", name, given, {"known": known})), function)


def own_feature_timings() -> dict[str, str]:
    """Return the column of each registered feature, and when it becomes known."""
    return {f"attr_{name}": plugin.facts["known"] for name, plugin in registered("feature").items()}


def build_own_features(log: CaseLog, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the registered features say of rows, checked.

    Parameters
    ----------
    log
        The log.
    rows
        Columns ``case_id`` and ``at``, n rows.

    Returns
    -------
    DataFrame
        n rows: ``attr_<name>``, numbers as floats and texts.

    Raises
    ------
    PluginError
        If a feature fails, gives something else than n numbers or texts, is called like an attribute of the log, or
        looks into the future.
    """
    asked = rows[["case_id", "at"]].reset_index(drop=True)
    out: dict[str, Any] = {}
    for name, plugin in registered("feature").items():
        if name in log.attributes:
            raise plugin.error("an attribute of this log is called so", hint="register it under another name")
        values = _values(plugin, log, asked)
        if plugin.facts["known"] == "creation":
            _check_constant(plugin, asked, values)
        _check_no_future(plugin, log, asked, values)
        out[f"attr_{name}"] = values.array
    return pd.DataFrame(out, index=rows.index)


def _values(plugin: Plugin, log: CaseLog, rows: pd.DataFrame) -> pd.Series[Any]:
    """Return a feature as floats or texts, one a row."""
    found = plugin.call(log, rows.copy())
    if isinstance(found, pd.Series):
        if len(found) == len(rows) and not found.index.equals(rows.index):
            hint = "reindex(rows.index), or to_numpy() if they stand in the order of the rows"
            raise plugin.error("its values have another index than the rows", hint=hint)
        values = found
    else:
        try:
            values = pd.Series(np.atleast_1d(np.asarray(found)))
        except ValueError as error:  # lists of several lengths, or more than one dimension
            got = found.shape if isinstance(found, pd.DataFrame) else type(found).__name__
            wanted = f"{len(rows):,} values"
            raise plugin.error("it must give one value a row", got=got, wanted=wanted) from error
    values = values.convert_dtypes() if values.dtype == object else values
    if len(values) != len(rows):
        raise plugin.error("it must give one value a row", got=len(values), wanted=f"{len(rows):,} values")
    kind = values.dtype
    if kind.kind == "c":
        raise plugin.error("its values are neither numbers nor texts", got=str(kind))
    if values.isna().all() or pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return values.astype("Float64").astype("float64")
    if not (pd.api.types.is_string_dtype(kind) or isinstance(kind, pd.CategoricalDtype)):
        raise plugin.error("its values are neither numbers nor texts", got=str(kind))
    return values.astype("str").where(values.notna())


def _check_constant(plugin: Plugin, rows: pd.DataFrame, values: pd.Series[Any]) -> None:
    """Refuse a feature of the creation that changes in the life of a case."""
    first = values.groupby(rows["case_id"]).transform("first")
    wrong = ~_is_same(values, first)
    if wrong.any():
        case = rows["case_id"].iloc[int(wrong.argmax())]
        raise plugin.error("it is said to be known at creation, and changes later", hint=f"case '{case}'")


def _check_no_future(plugin: Plugin, log: CaseLog, rows: pd.DataFrame, values: pd.Series[Any]) -> None:
    """Refuse a feature that says another thing of the log as it stood at the instant of a row."""
    instants = pd.DatetimeIndex(rows["at"].drop_duplicates().sort_values())
    instants = instants[instants < log.until]
    if not len(instants):
        return
    for t in instants[np.unique(np.linspace(0, len(instants) - 1, CHECKED_INSTANTS).round().astype(int))]:
        mine = (rows["at"] <= t).to_numpy()
        asked = rows[mine].reset_index(drop=True)
        then, now = _values(plugin, log.as_of(t), asked), values[mine].reset_index(drop=True)
        wrong = ~_is_same(then, now)
        if wrong.any():
            raise _peeks(plugin, asked.iloc[int(wrong.argmax())], t, now[wrong].iloc[0], then[wrong].iloc[0])


def _peeks(plugin: Plugin, row: pd.Series[Any], t: pd.Timestamp, got: object, wanted: object) -> PluginError:
    problem = "it looks into the future: it says another thing of log.as_of(t) than of the log"
    got, wanted = (v.item() if isinstance(v, np.generic) else v for v in (got, wanted))
    return plugin.error(problem, got=got, wanted=f"{wanted!r}", hint=f"case '{row['case_id']}' at {row['at']}, t = {t}")


def _is_same(one: pd.Series[Any], other: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return where two series say the same, missing values included; floats to the last few digits."""
    missing = one.isna().to_numpy() & other.isna().to_numpy()
    if one.dtype.kind == other.dtype.kind == "f":
        return np.asarray(missing | np.isclose(one.to_numpy(), other.to_numpy(), rtol=1e-9, atol=1e-12), dtype=bool)
    return np.asarray(missing | (one.astype("str").to_numpy() == other.astype("str").to_numpy()), dtype=bool)
