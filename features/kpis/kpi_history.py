"""KPI histories: one value for each KPI, period and segment, with its company."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from ..frames import require_columns
from ..plugins import PluginError, PluginWarning
from .agent_credits import find_credit
from .availability import KPI_CATALOGUE, describe_missing_data
from .case_kpis import sla_attainment
from .cells import CUT_COLUMN, KPI_MEASURES, MISSING_SEGMENT, find_segments
from .cut_periods import find_cut_start, find_open_start
from .formulas import KPI_FORMULAS, KpiFormula, find_formula
from .maturity import find_ripe_start
from .queries import HistoryOrQuery, run_queries
from .view import AGENT, COST_CATEGORY, Limits, LogView
from .volume_kpis import has_only_volumes

_SLA = "sla_attainment"
#: Tables of KPIs that are counted row by row, so that a split is a sum of finer ones.
_COUNTED_BY_ROW = frozenset(
    ("cases", "contacts", "outbound_contacts", "surveys", "article_views", "repairs", "team_stays", "status_stays")
)
#: Segments that make several rows of one.
_MULTIPLYING = frozenset((AGENT, "article_id", COST_CATEGORY))


def kpi_history(
    log: CaseLog,
    kpis: Sequence[str] | str | None = None,
    by: Sequence[str] | str = (),
    freq: str = "D",
    *,
    limits: Limits | None = None,
    open_period: bool = False,
) -> pd.DataFrame:
    """Give the history of KPIs by period and segment.

    Parameters
    ----------
    log
        Any log.
    kpis
        Names of the catalogue; all that this log allows by default. ``sla_attainment`` comes with one
        ``sla_attainment_<metric>`` for each metric where there are several. A name may state a limit of its own:
        ``responded_within_4h``, ``resolved_within_5d``, ``backlog_over_3d``, ``service_level_60s``,
        ``article_left_within_30s``.
    by
        Columns of ``cases`` to split by, such as ``channel``. Contacts are split by their own channel and team,
        surveys and the like by those of their case.
    freq
        ``<n>min``, ``h``, ``D``, ``W``, ``MS``, ``QS`` or ``6MS``, on the clock of ``log.timezone``.
    limits
        Further limits that are counted with, and the calendar of business time: :class:`Limits`.
    open_period
        Whether the last period, which is not over at the end of the log, is there too, as far as it has come: it is
        marked in ``cut``.

    Returns
    -------
    DataFrame
        kpi, the segments, ds (start of the period, local clock), value (count, share or median), n (denominator),
        numerator, lo, hi (95%: Wilson for shares, log-log for medians), median, p90, mean, cut (whether the period is
        cut, because the log begins or ends in the midst of it, or too young: until the log is as old as the target, SLA
        attainment knows only what was met, and until surveys had their usual time only quick answers are in). From the
        first period with a row of the KPI's own table to the last that is over at the end of the log, or with
        ``open_period`` the one after it. Where nothing came a count is 0, and a share or a duration is NaN with n = 0.
        A segment without a value is called ``(missing)``.

    Raises
    ------
    InputError
        If a KPI, a column or the frequency is unknown, or a KPI that was asked for by name cannot be had.

    Notes
    -----
    Durations are Kaplan-Meier estimates over all cases created in the period, the open ones censored; the last
    periods, in which few have ended, may have no median yet. :mod:`deskcast.features.kpis.catalogue` says what each KPI
    counts.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2", "3"], "channel": ["phone", "chat", "phone"],
    ...     "created_at": ["2024-03-01T09:00Z", "2024-03-02T10:00Z", "2024-03-02T12:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-03T00:00Z")
    >>> kpi_history(log, "cases_opened", by="channel")[["channel", "ds", "value"]].astype(str).values.tolist()
    [['chat', '2024-03-01', '0.0'], ['chat', '2024-03-02', '1.0'],
     ['phone', '2024-03-01', '1.0'], ['phone', '2024-03-02', '1.0']]
    """
    return kpi_histories(log, [(kpis, by)], freq, limits=limits, open_period=open_period)[0]


def kpi_histories(
    log: CaseLog,
    splits: Sequence[tuple[Sequence[str] | str | None, Sequence[str] | str]],
    freq: str = "D",
    *,
    limits: Limits | None = None,
    open_period: bool = False,
) -> list[pd.DataFrame]:
    """Give the histories of several splits, each as :func:`kpi_history` gives it, and count their rows together.

    Parameters
    ----------
    log, freq, limits, open_period
        As for :func:`kpi_history`.
    splits
        KPIs and segment columns of each history.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "channel": ["phone", "chat"],
    ...                       "created_at": ["2024-03-01T09:00Z", "2024-03-02T10:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, until="2024-03-03T00:00Z")
    >>> total, split = kpi_histories(log, [("cases_opened", ()), ("cases_opened", "channel")])
    >>> total["value"].tolist(), split["value"].tolist()
    ([1.0, 1.0], [0.0, 1.0, 1.0, 0.0])
    """
    desks = [LogView.of(log, by, freq, limits, open_end=open_period) for _, by in splits]
    chosen = [dict(choose_formulas(desk, kpis)) for desk, (kpis, _) in zip(desks, splits, strict=True)]
    counted = _counted(desks, chosen, asked=any(kpis is not None for kpis, _ in splits))
    tables = iter(run_queries([query for own in counted for query in own.values()]))
    made = [{name: next(tables) for name in own} for own in counted]
    return [_join(desk, own) for desk, own in zip(desks, made, strict=True)]


def _join(desk: LogView, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the KPIs of one split below each other, and mark the periods that are cut."""
    log = desk.log
    begun, now = find_cut_start(log, desk.freq), find_open_start(log, desk.freq)
    for name, table in tables.items():
        table.insert(0, "kpi", pd.Series(name, index=table.index, dtype="str"))
        cuts = [cut.ds for cut in (begun, find_cut_start(log, desk.freq, name)) if cut is not None]
        table[CUT_COLUMN] = table["ds"].isin(cuts)
        if now is not None:
            table[CUT_COLUMN] |= table["ds"] >= now
        if (ripe := find_ripe_start(log, name, desk.limits)) is not None:
            table[CUT_COLUMN] |= table["ds"] < ripe
    if not tables:
        return pd.DataFrame(columns=["kpi", *desk.by, "ds", *KPI_MEASURES, CUT_COLUMN])
    history = pd.concat(tables.values(), ignore_index=True)
    history["ds"] = history["ds"].astype("datetime64[us]")
    return history


def series(history: pd.DataFrame, kpi: str) -> pd.DataFrame:
    """Take one KPI out of a history as series for forecasting.

    Parameters
    ----------
    history
        As :func:`kpi_history` gives it.
    kpi
        A KPI in it.

    Returns
    -------
    DataFrame
        unique_id (the segments before ``ds`` joined by ``/``, or ``all``; numbers are no segments), ds, y; by unique_id
        and ds. A first period that is cut is left out: it would teach too low a level.

    Examples
    --------
    >>> import pandas as pd
    >>> history = pd.DataFrame({"kpi": ["backlog"], "channel": ["phone"], "ds": [pd.Timestamp("2024-03-01")],
    ...                         "value": [7.0]})
    >>> series(history, "backlog").astype(str).values.tolist()
    [['phone', '2024-03-01', '7.0']]
    """
    require_columns(history, ("kpi", "ds", "value"), "history")
    mine = history[history["kpi"] == kpi]
    if mine.empty:
        known = tuple(dict.fromkeys(history["kpi"]))
        hint = did_you_mean(kpi, known) if known else "the history is empty"
        raise InputError("missing KPI in the history", column="kpi", got=kpi, hint=hint, code="kpi.unknown")
    if CUT_COLUMN in mine:
        mine = mine[~mine[CUT_COLUMN].fillna(False).astype(bool)]
    segments = find_segments(history[history.columns[: history.columns.get_loc("ds")]])
    ids = pd.Series("all", index=mine.index, dtype="str")
    if segments:
        ids = mine[segments[0]].astype("str").fillna(MISSING_SEGMENT)
        for column in segments[1:]:
            ids = ids + "/" + mine[column].astype("str").fillna(MISSING_SEGMENT)
    out = pd.DataFrame({"unique_id": ids.astype("str"), "ds": mine["ds"], "y": mine["value"].astype(np.float64)})
    return out.sort_values(["unique_id", "ds"], ignore_index=True)


def choose_formulas(desk: LogView, kpis: Sequence[str] | str | None) -> Iterable[tuple[str, KpiFormula]]:
    """Choose the formulas of KPIs, or say why one cannot be had; a KPI comes before its parts."""
    if kpis is None:
        names = [name for name in KPI_FORMULAS if _splits(desk, name) and not _describe_missing_data(desk, name)]
        if has_only_volumes(desk) and not desk.log.has("cases"):
            names = [name for name in names if name != "contacts_offered"]  # the same figures as cases_opened
    else:
        names = list(dict.fromkeys([kpis] if isinstance(kpis, str) else kpis))
    metrics = _metrics(desk.log) if any(name.startswith(_SLA) for name in names) else []
    for name in names:
        metric = name.removeprefix(_SLA + "_") if name.startswith(_SLA + "_") else ""
        if metric in metrics and not describe_missing_data(desk.log, _SLA):
            yield name, partial(sla_attainment, metric=metric)
            continue
        _check(desk, name, metrics)
        yield name, _formula(name)[0]
        if name == _SLA and len(metrics) > 1:
            for each in metrics:
                if f"{_SLA}_{each}" not in names:
                    yield f"{_SLA}_{each}", partial(sla_attainment, metric=each)


def _counted(
    desks: Sequence[LogView], chosen: Sequence[Mapping[str, KpiFormula]], *, asked: bool
) -> list[dict[str, HistoryOrQuery]]:
    """Let each formula say what it counts in each split; a user's that fails is left out by name, unless asked for."""
    counted: list[dict[str, HistoryOrQuery]] = [{} for _ in desks]
    views: dict[tuple[str, ...], LogView] = {}
    for name in dict.fromkeys(name for own in chosen for name in own):
        places = [place for place, own in enumerate(chosen) if name in own]
        try:
            for group in _group_splits(desks, places, name):
                views_of = [desks[place] for place in group]
                found: Any = chosen[group[0]][name](_widest(views_of, views, name))
                for place, desk in zip(group, views_of, strict=True):
                    counted[place][name] = found if len(group) == 1 else found.narrow(desk.by)
        except PluginError as error:
            if asked:
                raise
            warnings.warn(f"left out of the history: {error}", PluginWarning, stacklevel=4)
    return [
        {name: query for name in own if (query := found.get(name)) is not None}
        for own, found in zip(chosen, counted, strict=True)
    ]


def _group_splits(desks: Sequence[LogView], places: Sequence[int], name: str) -> list[list[int]]:
    """Put the splits together whose rows are the same: not those by agent or by what only some rows name."""
    found = find_formula(name)
    if found is not None and found[1] not in _COUNTED_BY_ROW:
        return [[place] for place in places]
    alike = [place for place in places if not set(desks[place].by) & _MULTIPLYING]
    return [alike] * bool(alike) + [[place] for place in places if place not in alike]


def _widest(desks: Sequence[LogView], views: dict[tuple[str, ...], LogView], name: str) -> LogView:
    """Return the view with the segments of all of these."""
    by = tuple(dict.fromkeys(column for desk in desks for column in desk.by))
    desk = desks[0]
    if len(desks) > 1:
        desk = views.setdefault(by, replace(desk, by=by))
    return desk.credited(find_credit(name) or desk.credit)


def _check(desk: LogView, name: str, metrics: list[str]) -> None:
    known = (*KPI_CATALOGUE, *(f"{_SLA}_{metric}" for metric in metrics))
    if find_formula(name) is None or name.startswith(_SLA + "_"):
        raise InputError("unknown KPI", column="kpis", got=name, hint=did_you_mean(name, known), code="kpi.unknown")
    lack = _describe_missing_data(desk, name)
    if lack:
        raise InputError(f"this log cannot give the KPI: it {lack}", column="kpis", got=name, code="kpi.unavailable")
    if not _splits(desk, name):
        hint = "ask for its total, without 'by'"
        raise InputError(
            f"{name} cannot be split by these columns",
            column="by",
            got=list(desk.by),
            hint=hint,
            code="kpi.unavailable",
        )


def find_unsplit_kpis(log: CaseLog, kpis: Sequence[str], by: Sequence[str] | str) -> list[str]:
    """Name the KPIs of which no row tells the segment: only their total can be had.

    Parameters
    ----------
    log
        Any log.
    kpis
        Names as :func:`kpi_history` takes them.
    by
        Columns to split by.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"], "channel": ["phone"]})
    >>> find_unsplit_kpis(CaseLog.from_frames(cases=cases), ["cases_opened", "cost_per_case"], "channel")
    ['cost_per_case']
    """
    desk = LogView.of(log, by, "D")
    return [name for name in kpis if find_formula(name) is not None and not _splits(desk, name)]


def _splits(desk: LogView, name: str) -> bool:
    """Return whether a KPI can be split by the columns that were asked for."""
    table = _formula(name)[1]
    if table in ("cases", "contacts") and not desk.log.has(table):
        table = "volumes"
    if not desk.by:
        return True
    if desk.by_agent and find_credit(name) is None:
        return False
    if not table or not desk.has_segments(table):
        return False
    return table != "surveys" or desk.has_surveyed_cases(name)


def _formula(name: str) -> tuple[KpiFormula, str]:
    found = find_formula(name)
    if found is None:
        raise InputError(
            "unknown KPI",
            column="kpis",
            got=name,
            hint=did_you_mean(name, tuple(KPI_CATALOGUE)),
            code="kpi.unknown",
        )
    return found


def _describe_missing_data(desk: LogView, name: str) -> str:
    return describe_missing_data(desk.log, name, desk.limits.calendar)


def _metrics(log: CaseLog) -> list[str]:
    if not log.has("sla_policies"):
        return []
    return sorted(fetch(log.table("sla_policies").select("metric").distinct())["metric"].dropna())
