"""Issued forecasts and staffing plans against what has come since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from ...features.calendars.periods import parse_period_frequency
from ...features.errors import InputError
from ...features.kpis.kpi_history import kpi_history, series
from ...forecasting.volume.losses import pinball
from ..project.project import Project
from ..project.specs import ForecastSpec
from ..state.issued import SHADOW
from .forecast_target import find_forecast_target
from .issuing import TOTALS
from .planned_load import staffed_calls_by
from .queue import PlannedQueue, has_contacts, interval_freq, only_segment

#: The model that was recommended, and the naive one that was issued beside it.
ISSUED_MODEL, NAIVE_MODEL = "deskcast", "seasonal_naive"


def judge_forecasts(issued: pd.DataFrame, actuals: pd.DataFrame, end: pd.Timestamp, freq: str) -> pd.DataFrame:
    """Add to each issued forecast what came, where its time step is over.

    Parameters
    ----------
    issued
        ``unique_id, ds, step, deskcast, seasonal_naive`` and quantiles.
    actuals
        ``unique_id, ds, y``.
    end
        End of the log on the desk's own clock: a time step that ends later is not over.
    freq
        Length of a time step.

    Returns
    -------
    The rows whose time step is over and whose series is known, with ``y``.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-04")
    >>> issued = pd.DataFrame({"unique_id": "all", "ds": [day, day + pd.Timedelta("1D")], "deskcast": [9.0, 8.0]})
    >>> actuals = pd.DataFrame({"unique_id": "all", "ds": issued["ds"], "y": [10.0, 3.0]})
    >>> judge_forecasts(issued, actuals, day + pd.Timedelta("36h"), "D")["y"].tolist()
    [10.0]
    """
    step = to_offset(parse_period_frequency(freq).pandas_name)
    found = issued.merge(actuals[["unique_id", "ds", "y"]], on=["unique_id", "ds"], how="inner")
    return found[(found["ds"] + step <= end) & found["y"].notna()].reset_index(drop=True)


def add_up_totals(actuals: pd.DataFrame, nodes: Sequence[str], by: Sequence[str]) -> pd.DataFrame:
    """Return what came in sums of segments, such as ``total`` or ``channel=phone``.

    >>> day = pd.Timestamp("2024-03-04")
    >>> actuals = pd.DataFrame({"unique_id": ["phone/a", "phone/b", "mail/a"], "ds": day, "y": [1.0, 2.0, 4.0]})
    >>> add_up_totals(actuals, ["total", "channel=phone"], ["channel", "product"])["y"].tolist()
    [7.0, 3.0]
    """
    leaves = {str(name): dict(zip(by, str(name).split("/"), strict=False)) for name in actuals["unique_id"].unique()}
    parts = []
    for node in nodes:
        wanted = {} if node == "total" else dict(part.partition("=")[::2] for part in str(node).split("/"))
        inside = [name for name, values in leaves.items() if wanted.items() <= values.items()]
        rows = actuals[actuals["unique_id"].isin(inside)]
        parts.append(rows.groupby("ds", as_index=False)["y"].sum().assign(unique_id=node))
    return pd.concat(parts, ignore_index=True) if parts else actuals.head(0)


def score_issued_forecasts(judged: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Score issued forecasts, and the naive ones issued beside them, by groups.

    Returns
    -------
    ``keys``, ``model``, ``wape``, ``bias`` (forecast minus actual over the volume), ``wql`` (over the levels that were
    issued), ``coverage_80`` and so on (share of steps inside; where nothing came and nothing was possible a step does
    not count), ``volume`` and ``n``; by key, the recommended model first.

    Examples
    --------
    >>> judged = pd.DataFrame({"unique_id": "a", "y": [10.0, 30.0], "deskcast": [12.0, 28.0],
    ...     "seasonal_naive": [10.0, 20.0], "deskcast-lo-80": [8.0, 20.0], "deskcast-hi-80": [14.0, 29.0]})
    >>> score_issued_forecasts(judged, ["unique_id"])[["model", "wape", "coverage_80"]].values.tolist()
    [['deskcast', 0.1, 0.5], ['seasonal_naive', 0.25, nan]]
    """
    levels = sorted(float(str(c).rsplit("-", 1)[1]) for c in judged.columns if str(c).startswith("deskcast-lo-"))
    y = judged["y"].to_numpy(dtype=float)
    parts = []
    for model in (ISSUED_MODEL, NAIVE_MODEL):
        point = judged[model].to_numpy(dtype=float)
        known = ~np.isnan(point)
        sums: dict[str, Any] = {"n": known.astype(int), "volume": np.where(known, np.abs(y), 0.0)}
        sums |= {"error": np.where(known, np.abs(y - point), 0.0), "more": np.where(known, point - y, 0.0)}
        if model == ISSUED_MODEL:
            sums |= _interval_sums(judged, y, point, levels)
        total = pd.DataFrame({**{k: judged[k].to_numpy() for k in keys}, **sums}).groupby(list(keys), sort=True).sum()
        came = total["volume"].where(total["volume"] > 0)
        table = pd.DataFrame({"model": pd.Series(model, index=total.index, dtype="str")})
        table["wape"], table["bias"] = total["error"] / came, total["more"] / came
        table["wql"] = total["loss"] / came if "loss" in total else np.nan
        for level in levels:
            of = total[f"of_{level:g}"] if f"of_{level:g}" in total else pd.Series(0, index=total.index)
            inside = total.get(f"in_{level:g}", of)
            table[f"coverage_{level:g}"] = inside / of.where(of > 0)
        table["volume"], table["n"] = total["volume"], total["n"]
        parts.append(table[table["n"] > 0].reset_index())
    return pd.concat(parts, ignore_index=True).sort_values([*keys, "model"], kind="stable", ignore_index=True)


def _interval_sums(judged: pd.DataFrame, y: Any, point: Any, levels: Sequence[float]) -> dict[str, Any]:
    """Return what coverage and quantile loss are made of; a level that a row was not issued with does not count."""
    sums: dict[str, Any] = {}
    loss, count = np.abs(y - point), np.ones(len(y))
    for level in levels:
        low, high = (judged[f"deskcast-{side}-{level:g}"].to_numpy(dtype=float) for side in ("lo", "hi"))
        p, known = (100 - level) / 200, ~np.isnan(low)
        both = 2 * pinball(y - low, p) + 2 * pinball(y - high, 1 - p)
        loss, count = loss + np.where(known, both, 0.0), count + 2 * known
        doubt = known & ((high > 0) | (y > 0))
        sums[f"in_{level:g}"] = ((y >= low) & (y <= high) & doubt).astype(float)
        sums[f"of_{level:g}"] = doubt.astype(float)
    return sums | {"loss": np.nan_to_num(loss / count)}


def forecast_tables(project: Project, issued: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Return ``accuracy_forecast`` (by series), ``accuracy_forecast_by_lead`` and ``accuracy_forecast_next``.

    Parameters
    ----------
    project
        Its log tells what came.
    issued
        What :func:`~deskcast.pipelines.state.issued.read_issued` returns of ``forecast``.
    settings
        Settings by scope: ``kpi``, ``freq`` and ``by``.
    """
    end = pd.Timestamp(project.log.until).tz_convert(project.log.timezone).tz_localize(None)
    judged = []
    volumes: dict[ForecastSpec, pd.DataFrame] = {}  # segments and their totals are of the same volumes
    for scope, rows in issued.groupby("scope", sort=False):
        known = settings[str(scope)]
        spec = ForecastSpec(freq=known["freq"], by=tuple(known["by"]), kpi=known["kpi"])
        try:
            actuals = volumes[spec] = volumes[spec] if spec in volumes else find_forecast_target(project, spec).actuals
        except InputError:
            continue  # this log no longer has the KPI or the segment: what was issued of it stays undecided
        if str(scope).endswith(f" {TOTALS}"):
            actuals = add_up_totals(actuals, list(rows["unique_id"].unique()), known["by"])
        judged.append(judge_forecasts(rows, actuals, end, known["freq"]))
    every = pd.concat(judged, ignore_index=True) if judged else pd.DataFrame()
    if every.empty:
        return {}
    every = every.rename(columns={"step": "lead"})
    return {
        "accuracy_forecast": score_issued_forecasts(every, ["scope", "unique_id"]),
        "accuracy_forecast_by_lead": score_issued_forecasts(every, ["scope", "lead"]),
        "accuracy_forecast_next": list_next_steps(every[~every["scope"].astype("str").str.endswith(SHADOW)]),
    }


def list_next_steps(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts of the next time step and what came, over all series of a scope.

    Parameters
    ----------
    judged
        What :func:`judge_forecasts` returns, with ``lead``; forecasts of totals have a scope of their own.

    Returns
    -------
    ``scope``, ``ds``, ``deskcast``, ``y``, and the 80% interval where one series or the total holds it; of a scope with
    totals the total is taken.

    Examples
    --------
    >>> judged = pd.DataFrame({"scope": "cases_opened D", "lead": 1, "unique_id": ["a", "b"], "deskcast": [3.0, 4.0],
    ...                        "ds": pd.Timestamp("2024-03-04"), "y": [2.0, 6.0]})
    >>> list_next_steps(judged)[["deskcast", "y"]].values.tolist()
    [[7.0, 8.0]]
    """
    first, parts = judged[judged["lead"] == 1], []
    for scope in dict.fromkeys(str(name).removesuffix(f" {TOTALS}") for name in first["scope"]):
        total = first[(first["scope"] == f"{scope} {TOTALS}") & (first["unique_id"] == "total")]
        rows = total if len(total) else first[first["scope"] == scope]
        bounds = [c for c in ("deskcast-lo-80", "deskcast-hi-80") if c in rows and rows["unique_id"].nunique() == 1]
        sums = rows.groupby("ds")[["deskcast", "y", *bounds]].sum(min_count=1).reset_index()
        sums.insert(0, "scope", pd.Series(scope, index=sums.index, dtype="str"))
        parts.append(sums)
    columns = ["scope", "ds", "deskcast", "y"]
    return pd.concat(parts, ignore_index=True) if parts else judged.reindex(columns=columns).head(0)


def staffing_table(project: Project, issued: pd.DataFrame) -> pd.DataFrame:
    """Return how staffing plans compare with what the contacts that came would have required.

    Parameters
    ----------
    project
        Its log tells what came; targets are those of its queues.
    issued
        What :func:`~deskcast.pipelines.state.issued.read_issued` returns of ``staffing``.

    Returns
    -------
    One row a queue and day ahead: ``queue``, ``lead``, ``n`` (intervals), ``calls_forecast``, ``calls``, ``wape`` (of
    contacts by interval), ``agent_hours`` (issued), ``agent_hours_required`` (by the contacts that came, with the
    handle time that was issued), ``bias`` of these, ``understaffed_share`` and ``overstaffed_share`` (of intervals),
    ``service_level`` (promised) and ``service_level_actual`` (of contacts in the same intervals; missing where answers
    are not recorded).
    """
    parts = []
    for name, rows in issued.groupby("scope", sort=True):
        spec = project.config.staffing.get(str(name))
        if spec is None or spec.kind == "cases":
            continue  # the queue is no longer configured: what was issued of it stays undecided
        queue = PlannedQueue(project, str(name), spec)
        try:
            came = find_contacts(queue, rows["ds"].min())
        except InputError:
            continue
        parts.append(_staffing_rows(queue, rows, came))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def find_contacts(queue: PlannedQueue, first: pd.Timestamp) -> pd.DataFrame:
    """Return ``ds, y``, and ``in_time, decided`` of contacts in time, by interval from a first one that is over."""
    log, freq = queue.project.log, interval_freq(queue.spec.interval_s)
    answers = has_contacts(log, queue.where)
    kpi, level = ("contacts_offered", f"service_level_{queue.spec.within_s:g}s") if answers else ("cases_opened", "")
    history = only_segment(kpi_history(log, [kpi, level] if level else [kpi], tuple(queue.where), freq), queue.where)
    found = series(history, kpi)[["ds", "y"]].groupby("ds", as_index=False).sum()
    end = pd.Timestamp(log.until).tz_convert(log.timezone).tz_localize(None)
    found = found[(found["ds"] >= first) & (found["ds"] + pd.Timedelta(seconds=queue.spec.interval_s) <= end)]
    rows = history[history["kpi"] == level].groupby("ds")[["numerator", "n"]].sum() if level else pd.DataFrame()
    for name, column in (("in_time", "numerator"), ("decided", "n")):
        found[name] = found["ds"].map(rows[column]) if level else np.nan
    return found


def _staffing_rows(queue: PlannedQueue, rows: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
    begins = rows.groupby("issue_id")["ds"].transform("min").dt.normalize()
    both = rows.assign(lead=(rows["ds"].dt.normalize() - begins).dt.days + 1).merge(came, on="ds")
    if both.empty:
        return pd.DataFrame()
    both["staffed"] = staffed_calls_by(queue, both, "issue_id", "y")
    pairs = both[["staffed", "aht_s"]].drop_duplicates()
    required = queue.target.require(pairs["staffed"].to_numpy(), pairs["aht_s"].to_numpy())["agents"].to_numpy()
    both = both.merge(pairs.assign(required=required), on=["staffed", "aht_s"])
    promised = both["expected_service_level"].fillna(both["service_level"])
    sums = pd.DataFrame(
        {
            "lead": both["lead"],
            "n": 1,
            "calls_forecast": both["calls"],
            "calls": both["y"],
            "error": (both["calls"] - both["y"]).abs(),
            "agent_hours": both["agents"] * queue.hours,
            "agent_hours_required": both["required"] * queue.hours,
            "understaffed_share": both["agents"] < both["required"],
            "overstaffed_share": both["agents"] > both["required"],
            "promised": (promised * both["calls"]).fillna(0.0),
            "promised_of": both["calls"].where(promised.notna(), 0.0),
            "in_time": both["in_time"],
            "decided": both["decided"],
        }
    )
    total = sums.groupby("lead", as_index=False).sum()
    out = total[["lead", "n", "calls_forecast", "calls"]].copy()
    out.insert(0, "queue", queue.name)
    out["wape"] = total["error"] / total["calls"].where(total["calls"] > 0)
    out["agent_hours"], out["agent_hours_required"] = total["agent_hours"], total["agent_hours_required"]
    needed = total["agent_hours_required"]
    out["bias"] = (total["agent_hours"] - needed) / needed.where(needed > 0)
    for name in ("understaffed_share", "overstaffed_share"):
        out[name] = total[name] / total["n"]
    out["service_level"] = total["promised"] / total["promised_of"].where(total["promised_of"] > 0)
    out["service_level_actual"] = total["in_time"] / total["decided"].where(total["decided"] > 0)
    return out
