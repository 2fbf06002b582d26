"""What changed, and when: incidents over all KPIs with few false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Places
from ...features.errors import InputError, did_you_mean
from ...features.renamed import renamed_arguments
from ..series.kpi_kinds import KnownDays, select_known_columns
from ..series.panel import check_columns, infer_freq, period_days
from ..series.tail_probability import KpiKind
from .false_alarms import MIN_SPIKE_SCORE, align_periods, flag_run_starts
from .grouping import TOTAL_SERIES
from .incident import benjamini_hochberg
from .incidents import merge_detections
from .watched import WatchedKpi, watch_kpi

DETECTION_COLUMNS = (
    *("kpi", "series", "kind", "direction", "started_at", "detected_at", "last_at"),
    *("before", "after", "n", "z", "drivers", "state", "resolved", "changed_at", "impact"),
)
#: Share of the accepted false alarms for each channel; the rest is kept back.
FALSE_ALERT_SHARES = {"spike": 0.15, "level_shift": 0.75}
#: Runs of two KPIs are company for each other if they began within so many days, in one segment or with a total.
MAX_COMPANY_DAYS = 14


@renamed_arguments
def detect_shifts(
    history: pd.DataFrame,
    *,
    freq: str | None = None,
    false_alerts_per_week: float = 1.0,
    min_volume: float = 5.0,
    min_effect: float = 0.1,
    holidays: KnownDays = (),
    kinds: Mapping[str, KpiKind] | None = None,
) -> pd.DataFrame:
    """Find incidents in a KPI history: single values that stand out (spikes), and levels that moved (shifts).

    Parameters
    ----------
    history
        What :func:`kpi_history` returns: ``kpi``, segment columns (text), ``ds``, ``value``, ``n``, ``numerator`` and so on; a
        warning names further columns, which are not used. Values that belong together (a KPI at one segmentation,
        say) should come together: the more series, the more a single one must stand out.
    freq
        Length of a period; the commonest step by default.
    false_alerts_per_week
        False alarms a week to expect over all series, while nothing happens.
    min_volume
        Cases that a value must rest on (counts: seen or expected) to give an alarm.
    min_effect
        Least change over what it was before: 0.1 is 10 %, for shares 2 points; durations by 30 s at least.
    holidays
        Known special days: dates, or a mapping from date to name. They give no alarm and teach nothing; what would
        have been one stands in ``attrs["explained"]``.
    kinds
        Kind of a KPI where the values do not tell: ``count``, ``share``, ``duration``, ``score`` or ``stock``.

    Returns
    -------
    DataFrame
        One row an incident, the newest first: ``kpi``, ``series`` (segment values joined by "/", "all" without
        segments), ``kind`` ("spike" or "level_shift"), ``direction`` ("up" or "down"), ``started_at`` (likeliest start),
        ``detected_at``, ``last_at`` (last alarm, or the return), ``before`` and ``after`` (expected and seen over the
        periods of the incident), ``n`` (cases in them), ``z`` (largest score; of a shift the
        root of twice its evidence), ``drivers`` (empty text; see
        :func:`drivers`), ``state`` ("continuing", "become usual", "back to normal", or "back to changed level" where it
        began on a level that had become usual; only periods whose value is known can be quiet), ``resolved`` (back to
        normal), ``changed_at`` (the likeliest start by all that is known at the end of the history), ``impact`` (cases beyond what was expected; hours for durations).
        ``attrs["notes"]`` names series that cannot alarm and why, ``attrs["segments"]`` the columns that split the
        history into series, ``attrs["passed_over"]`` those that are not used.

    Raises
    ------
    InputError
        If a column is missing or a setting is out of range.

    Notes
    -----
    Causal: which alarms an end of the history at ``t`` has up to ``t`` does not depend on what comes later; a later
    alarm can prolong an incident. Shifts: cumulated log likelihood ratios (CUSUM; Page 1954) of a negative binomial
    for counts, an overdispersed binomial for shares, a normal distribution for durations (logarithms) and means, against
    a level with a weekly shape that is learnt from values two weeks old and older and drawn to the other series of the
    KPI. Spikes: mid-p values around the same level. Both under the rule of Benjamini and Hochberg (1995) over the
    series of each period; where a KPI turns out to be wilder than thought, its alarms become rarer by themselves.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> value = [40 + (i * 7919 % 13) for i in range(120)]
    >>> value[100] = 150
    >>> found = detect_shifts(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value}))
    >>> found[["kpi", "kind", "direction", "detected_at", "after"]].astype(str).values.tolist()
    [['cases_opened', 'spike', 'up', '2024-04-10', '150.0']]
    """  # noqa: E501
    check_columns(history, ("kpi", "ds", "value"), "history")
    history, taken = select_known_columns(history)
    parts = watch_history(history, freq=freq, holidays=holidays, kinds=kinds)
    found = detect_watched_shifts(
        parts, false_alerts_per_week=false_alerts_per_week, min_volume=min_volume, min_effect=min_effect
    )
    found.attrs |= taken
    return found


def watch_history(
    history: pd.DataFrame,
    *,
    freq: str | None = None,
    holidays: KnownDays = (),
    kinds: Mapping[str, KpiKind] | None = None,
) -> list[WatchedKpi]:
    """Collect the evidence of all KPIs of a history: the first and longer half of :func:`detect_shifts`.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> [part.kpi for part in watch_history(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": 40.0}))]
    ['cases_opened']
    """
    check_columns(history, ("kpi", "ds", "value"), "history")
    _check_kinds(kinds)
    if history.empty:
        return []
    freq = freq or infer_freq(pd.DatetimeIndex(history["ds"]))
    return [watch_kpi(part, freq, holidays, kinds or {}) for _, part in history.groupby("kpi", sort=True)]


@renamed_arguments
def detect_watched_shifts(
    parts: list[WatchedKpi], *, false_alerts_per_week: float = 1.0, min_volume: float = 5.0, min_effect: float = 0.1
) -> pd.DataFrame:
    """Find the incidents in watched KPIs: the second half of :func:`detect_shifts`, of the same form.

    Examples
    --------
    >>> detect_watched_shifts([]).columns.tolist() == list(DETECTION_COLUMNS)
    True
    """
    _check_settings(false_alerts_per_week, min_volume, min_effect)
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    explained: list[tuple[str, str, pd.Timestamp, str]] = []
    if parts:
        share = false_alerts_per_week * period_days(parts[0].panel.freq) / 7
        alarms = _flag_detections(parts, share, min_volume, min_effect)
        for part, (spiked, up, down) in zip(parts, alarms, strict=True):
            for i in np.flatnonzero((spiked | up | down).any(axis=0)):
                own = merge_detections(part, int(i), spiked[:, i], up[:, i], down[:, i])
                found += [part.row(int(i), incident) for incident in own]
            notes += part.notes()
            explained += part.explained(share)
    out = pd.DataFrame(found, columns=list(DETECTION_COLUMNS))
    out = out.sort_values(
        ["detected_at", "z", "kpi", "series"], ascending=[False, False, True, True], ignore_index=True
    )
    out = out.astype(
        dict.fromkeys(("kpi", "series", "kind", "direction", "drivers", "state"), "str") | {"resolved": "bool"}
    )
    for column in ("started_at", "detected_at", "last_at", "changed_at"):
        out[column] = out[column].astype("datetime64[us]")
    out.attrs = {"notes": tuple(notes), "explained": tuple(explained)}
    return out


def _flag_detections(
    parts: list[WatchedKpi], share: float, min_volume: float, min_effect: float
) -> list[tuple[Bools, Bools, Bools]]:
    """Return where each KPI spiked, and where runs up and down opened, with control over all KPIs together."""
    stamps = [part.panel.stamps for part in parts]
    grid = pd.DatetimeIndex(np.unique(np.concatenate([s.to_numpy() for s in stamps])))
    places = [grid.searchsorted(s) for s in stamps]
    edges = np.cumsum([0, *(len(part.panel.names) for part in parts)])

    def is_reportable(row: int, column: int, since: str) -> bool:
        k = int(np.searchsorted(edges, column, side="right")) - 1
        i, t = column - int(edges[k]), int(np.searchsorted(places[k], row))
        start = int(getattr(parts[k].evidence, since)[t, i]) if since else t
        return parts[k].is_reportable(i, np.arange(start, t + 1, dtype=np.intp), min_volume, min_effect)

    z = align_periods(grid, stamps, [part.spikes() for part in parts])
    spiked = benjamini_hochberg(z, min(share * FALSE_ALERT_SHARES["spike"], 0.2), MIN_SPIKE_SCORE)
    for row, column in np.argwhere(spiked):
        spiked[row, column] = is_reportable(int(row), int(column), "")
    kpi = np.repeat(np.arange(len(parts)), [len(part.panel.names) for part in parts])
    series = np.array([name for part in parts for name in part.panel.names], dtype=object)

    def may_share_cause(row: int, columns: Places, since: str) -> Bools:
        starts = []
        for column in columns:
            k = int(kpi[column])
            at = getattr(parts[k].evidence, since)[int(np.searchsorted(places[k], row)), column - int(edges[k])]
            starts.append(stamps[k][int(at)].value)
        near = np.abs(np.subtract.outer(starts, starts)) <= MAX_COMPANY_DAYS * 86400e9
        one, names = kpi[columns], series[columns]
        total = names == TOTAL_SERIES
        place = (names[:, None] == names) | total[:, None] | total
        return np.asarray((one[:, None] == one) | (place & near))

    marks = [spiked]
    for up, since in ((True, "up_since"), (False, "down_since")):
        p = align_periods(grid, stamps, [part.p_values(up) for part in parts])
        score = align_periods(grid, stamps, [part.score(up) for part in parts])
        marks.append(
            flag_run_starts(
                p,
                score,
                share * FALSE_ALERT_SHARES["level_shift"],
                partial(is_reportable, since=since),
                related=partial(may_share_cause, since=since),
            )
        )
    return [
        (marks[0][place, left:right], marks[1][place, left:right], marks[2][place, left:right])
        for place, left, right in zip(places, edges[:-1], edges[1:], strict=True)
    ]


def _check_settings(rate: float, volume: float, effect: float) -> None:
    for name, value in (("false_alerts_per_week", rate), ("min_volume", volume), ("min_effect", effect)):
        if not (isinstance(value, (int, float)) and 0 <= value < np.inf):
            raise InputError(
                "the setting is out of range",
                where=f"argument '{name}'",
                got=value,
                wanted="from 0",
                code="value.range",
            )


def _check_kinds(kinds: Mapping[str, KpiKind] | None) -> None:
    for kpi, kind in (kinds or {}).items():
        if kind not in get_args(KpiKind):
            hint = did_you_mean(str(kind), list(get_args(KpiKind)))
            raise InputError(
                f"unknown kind of KPI ({kpi})", where="argument 'kinds'", got=kind, hint=hint, code="value.unknown"
            )
