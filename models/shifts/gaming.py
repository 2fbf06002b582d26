"""Speed bought with quality: pairs of KPIs of which one got better while the other got worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ...features.renamed import renamed_arguments
from ..series.kpi_kinds import KnownDays, select_known_columns
from ..series.panel import check_columns, infer_freq, period_days
from ..series.tail_probability import KpiKind
from .watched import WatchedKpi, watch_kpi


@dataclass(frozen=True)
class CounterMetricPair:
    """Two KPIs and the direction of each that together look like gaming.

    Attributes
    ----------
    gain, gain_way
        The KPI that got better, and its direction then: 1 up, -1 down.
    loss, loss_way
        The KPI that got worse, and its direction then.
    """

    gain: str
    improved_direction: int
    loss: str
    worsened_direction: int


#: The pairs that the sources of these KPIs warn of.
COUNTER_METRIC_PAIRS = (
    CounterMetricPair("handle_time", -1, "repeat_contact_rate", 1),
    CounterMetricPair("handle_time", -1, "reopen_rate", 1),
    CounterMetricPair("first_response_time", -1, "csat", -1),
    CounterMetricPair("cases_per_agent_hour", 1, "first_contact_resolution", -1),
)
COUNTER_METRIC_COLUMNS = (
    *(
        "improved_kpi",
        "worsened_kpi",
        "series",
        "started_at",
        "detected_at",
        "last_at",
        "improved_before",
        "improved_after",
    ),
    *("worsened_before", "worsened_after", "n", "evidence", "summary", "resolved"),
)
#: Evidence that either side must give by itself; both together must be as rare as the false alarms that are borne.
MIN_SIDE_EVIDENCE = 3.5
_PAIR_ALERT_SHARE = 0.2
_MAX_START_GAP_DAYS = 14  # days by which the two may have begun apart
_MERGE_DAYS = 14  # days after which what goes on is an alarm anew


@renamed_arguments
def gaming_guard(
    history: pd.DataFrame,
    *,
    pairs: Sequence[CounterMetricPair] = COUNTER_METRIC_PAIRS,
    freq: str | None = None,
    false_alerts_per_week: float = 1.0,
    holidays: KnownDays = (),
    kinds: Mapping[str, KpiKind] | None = None,
) -> pd.DataFrame:
    """Find series in which one KPI got better while its pair got worse: an alarm of its own.

    Either move may be too small for an alarm; that both happen at once, each against its own past, seldom is chance.

    Parameters
    ----------
    history
        What :func:`kpi_history` returns, with the KPIs of the pairs. Pairs without both KPIs are left out.
    pairs
        Which KPIs to hold against each other.
    freq
        Length of a period; the commonest step by default.
    false_alerts_per_week
        As in :func:`detect_shifts`; a fifth of them is for pairs.
    holidays, kinds
        As in :func:`detect_shifts`.

    Returns
    -------
    DataFrame
        One row an alarm, the newest first: ``improved_kpi``, ``worsened_kpi`` (KPIs), ``series``, ``started_at`` (the
        later of both starts), ``detected_at``, ``last_at``, ``improved_before``, ``improved_after``,
        ``worsened_before``, ``worsened_after``, ``n`` (cases of the loss), ``evidence``, ``summary``, ``resolved``.
        ``attrs`` name ``segments`` and columns ``passed_over``, as those of :func:`detect_shifts`.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = pd.date_range("2024-01-01", periods=150)
    >>> bad = np.arange(150) >= 120
    >>> time = pd.DataFrame({"kpi": "handle_time", "ds": days, "n": 60.0})
    >>> time["value"] = 400 * np.exp(rng.normal(0, 0.08, 150)) * np.where(bad, 0.85, 1)
    >>> again = pd.DataFrame({"kpi": "repeat_contact_rate", "ds": days, "n": 60.0})
    >>> again["numerator"] = rng.binomial(60, np.where(bad, 0.2, 0.1)).astype(float)
    >>> again["value"] = again["numerator"] / 60
    >>> gaming_guard(pd.concat([time, again]))["summary"].tolist()
    ['Handle time down, repeat contact rate up: check whether faster handling costs quality']
    """
    check_columns(history, ("kpi", "ds", "value"), "history")
    if not (isinstance(false_alerts_per_week, (int, float)) and 0 < false_alerts_per_week < np.inf):
        raise InputError(
            "the setting is out of range",
            where="argument 'false_alerts_per_week'",
            got=false_alerts_per_week,
            code="value.range",
        )
    wanted = {name for pair in pairs for name in (pair.gain, pair.loss)}
    history, taken = select_known_columns(history)
    known = history[history["kpi"].isin(wanted)]
    freq = freq or infer_freq(pd.DatetimeIndex(known["ds"]))
    watched = [watch_kpi(part, freq, holidays, kinds or {}) for _, part in known.groupby("kpi", sort=True)]
    found = guard_watched(watched, pairs=pairs, false_alerts_per_week=false_alerts_per_week)
    found.attrs |= taken
    return found


@renamed_arguments
def guard_watched(
    watched: Sequence[WatchedKpi],
    *,
    pairs: Sequence[CounterMetricPair] = COUNTER_METRIC_PAIRS,
    false_alerts_per_week: float = 1.0,
) -> pd.DataFrame:
    """Do the work of :func:`gaming_guard` on KPIs that are watched already.

    Examples
    --------
    >>> guard_watched([]).columns.tolist() == list(COUNTER_METRIC_COLUMNS)
    True
    """
    parts = {part.kpi: part for part in watched}
    rows: list[dict[str, Any]] = []
    if parts:
        freq = watched[0].panel.freq
        had = [pair for pair in pairs if pair.gain in parts and pair.loss in parts]
        size = sum(len(set(parts[p.gain].panel.names) & set(parts[p.loss].panel.names)) for p in had)
        limit = np.log(max(size, 1) / (false_alerts_per_week * period_days(freq) / 7 * _PAIR_ALERT_SHARE))
        for pair in had:
            rows += _detect_pair(pair, parts[pair.gain], parts[pair.loss], max(float(limit), 2 * MIN_SIDE_EVIDENCE))
    out = pd.DataFrame(rows, columns=list(COUNTER_METRIC_COLUMNS))
    out = out.sort_values(
        ["detected_at", "improved_kpi", "worsened_kpi", "series"], ascending=[False, True, True, True]
    )
    out = out.astype(
        {"improved_kpi": "str", "worsened_kpi": "str", "series": "str", "summary": "str", "resolved": "bool"}
    )
    for column in ("started_at", "detected_at", "last_at"):
        out[column] = pd.to_datetime(out[column]).astype("datetime64[us]")
    return out.reset_index(drop=True)


def _detect_pair(pair: CounterMetricPair, gain: WatchedKpi, loss: WatchedKpi, limit: float) -> list[dict[str, Any]]:
    """Return the alarms of one pair over all series that both KPIs have."""
    stamps, at, to = np.intersect1d(
        gain.panel.stamps.to_numpy(), loss.panel.stamps.to_numpy(), assume_unique=True, return_indices=True
    )
    rows: list[dict[str, Any]] = []
    for name in sorted(set(gain.panel.names) & set(loss.panel.names)):
        i, j = gain.panel.names.index(name), loss.panel.names.index(name)
        better = gain.score(pair.improved_direction > 0)[at, i]
        worse = loss.score(pair.worsened_direction > 0)[to, j]
        begun = _begun(gain, i, pair.improved_direction, at), _begun(loss, j, pair.worsened_direction, to)
        near = np.abs((begun[0] - begun[1]).astype("timedelta64[s]").astype(float)) <= _MAX_START_GAP_DAYS * 86400
        both = (better >= MIN_SIDE_EVIDENCE) & (worse >= MIN_SIDE_EVIDENCE) & (better + worse >= limit) & near
        live = (better > 0) & (worse > 0)
        t = 0
        while t < len(stamps):
            if not both[t]:
                t += 1
                continue
            stop = t + int((~live[t:]).argmax()) if (~live[t:]).any() else len(stamps)
            peak = t + int((better[t:stop] + worse[t:stop]).argmax())
            start = pd.Timestamp(max(begun[0][t], begun[1][t]))
            window = [_window(part, start, stamps[peak]) for part in (gain, loss)]
            was, now, _ = gain.levels(i, window[0])
            had, has, cases = loss.levels(j, window[1])
            last = rows[-1] if rows and rows[-1]["series"] == name else None
            if last and start - last["last_at"] <= pd.Timedelta(days=_MERGE_DAYS):
                last |= {"last_at": stamps[peak], "resolved": stop < len(stamps)}
            elif loss.is_large_enough(had, has, 0.1) and gain.is_large_enough(was, now, 0.05):
                rows.append(
                    {
                        "improved_kpi": pair.gain,
                        "worsened_kpi": pair.loss,
                        "series": name,
                        "started_at": start,
                        "detected_at": stamps[t],
                        "last_at": stamps[peak],
                        "improved_before": was,
                        "improved_after": now,
                        "worsened_before": had,
                        "worsened_after": has,
                        "n": cases,
                        "evidence": float(better[peak] + worse[peak]),
                        "summary": _words(pair),
                        "resolved": stop < len(stamps),
                    }
                )
            t = stop
    return rows


def _begun(part: WatchedKpi, i: int, way: int, rows: Any) -> Any:
    """Return since when the evidence of each period has grown."""
    since = part.evidence.up_since if way > 0 else part.evidence.down_since
    return part.panel.stamps.to_numpy()[since[rows, i]]


def _window(part: WatchedKpi, start: Any, last: Any) -> Any:
    stamps = part.panel.stamps
    return np.arange(stamps.searchsorted(start), stamps.searchsorted(pd.Timestamp(last)) + 1, dtype=np.intp)


def _words(pair: CounterMetricPair) -> str:
    moved = {1: "up", -1: "down"}
    gain, loss = (kpi.replace("_", " ") for kpi in (pair.gain, pair.loss))
    return (
        f"{gain[:1].upper()}{gain[1:]} {moved[pair.improved_direction]}, {loss} {moved[pair.worsened_direction]}: "
        "check whether faster handling costs quality"
    )
