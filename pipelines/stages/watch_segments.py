"""A detection in the segment that moved: the figures of a combination of segments, from its own series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...models.series.kpi_kinds import KnownDays
from ...models.shifts.confirm import accompanying_detection, detection_in, open_run, score_over_days
from ...models.shifts.detect import DETECTION_COLUMNS
from ...models.shifts.grouping import TOTAL_SERIES, VOLUME_KPIS
from ...models.shifts.watched import WatchedKpi, watch_kpi
from .watch_drivers import ChangeExplanation, Explainer, format_segment, parse_combination
from .watch_relations import WAITING, kpi_theme

#: Last days of a longer wait in which it is asked what came in: what began after the wait may prolong it.
VOLUME_DAYS = 14
#: By so much more (in standard deviations) must a change stand out in a combination than in a segment that holds it.
MIN_NARROWER_GAIN = 1.0
#: The same where the days are compared: of a dozen combinations one has days that suit it by chance.
MIN_SAME_DAYS_GAIN = 2.0


@dataclass(frozen=True)
class Refined:
    """Detections with those of combinations among them, what moved them, and the series of the combinations."""

    detections: pd.DataFrame
    moved: dict[Any, ChangeExplanation]
    parts: tuple[WatchedKpi, ...]


@dataclass(frozen=True)
class Worth:
    """The KPIs that are watched, and what of them is worth a word."""

    kpis: tuple[str, ...]
    min_volume: float
    min_effect: float


def refine_segments(
    found: pd.DataFrame,
    moved: Mapping[Any, ChangeExplanation],
    ask: Explainer | None,
    known: Iterable[str],
    holidays: KnownDays,
    watched: Sequence[WatchedKpi] = (),
) -> Refined:
    """Add a detection for each combination of segments that a recent detection was found to owe its change to.

    Parameters
    ----------
    found, moved, ask
        The detections, what moved the recent ones, and who can answer.
    known
        Keys of the detections that were reported before: a combination among them is looked at again, on its old days.
    holidays
        Days that give no alarm.
    watched
        The KPIs in which the detections were found, so that the same days can be compared.
    """
    out = dict(moved)
    extra: list[tuple[dict[str, Any], ChangeExplanation]] = []
    if ask is None:
        return Refined(found, out, ())
    parts: dict[tuple[str, str], WatchedKpi] = {}
    for row, segment, why in [*_known_rows(known, ask), *_moved_rows(found, moved)]:
        series = format_segment(segment)
        near = next((k for k, (r, _) in enumerate(extra) if _is_same(r, row, series)), None)
        if near is not None:
            if why is not None and not extra[near][1].words:  # why is known anew of what was reported before
                extra[near] = (extra[near][0], why)
            continue
        if (row.kpi, series) not in parts:
            daily = ask.daily(row.kpi, segment)
            if daily is None:
                continue
            parts[row.kpi, series] = watch_kpi(daily, "D", holidays, {})
        told = detection_in(parts[row.kpi, series], series, row)
        if told is not None and (
            why is None or _stands_out_more(told, parts[row.kpi, series], segment, found, watched, ask.by)
        ):
            if why is None:  # reported before: what it is called by stays
                told |= {"started_at": row.started_at, "detected_at": row.detected_at}
            extra.append((told, why or ChangeExplanation(segment, found.head(0), "")))
    if not extra:
        return Refined(found, out, ())
    first = int(found.index.max()) + 1 if len(found) else 0
    more = typed_detections([r for r, _ in extra]).set_axis(range(first, first + len(extra)))
    out |= {first + k: why for k, (_, why) in enumerate(extra)}
    return Refined(pd.concat([found, more]), out, tuple(parts.values()))


def add_volume_of_waiting(
    refined: Refined, ask: Explainer | None, worth: Worth, holidays: KnownDays, watched: Sequence[WatchedKpi] = ()
) -> Refined:
    """Add what came in more in a combination of segments, of which a longer wait is what is seen first.

    Nobody watches all combinations, and a fault in one product of one region may hide in both. What waits asks.

    Parameters
    ----------
    refined, ask
        What :func:`refine_segments` returns, and who can answer.
    worth
        Which KPIs are watched, and what is worth a word.
    holidays
        Days that give no alarm.
    watched
        The KPIs in which the detections were found.
    """
    found, moved, parts = refined.detections, dict(refined.moved), list(refined.parts)
    volume = next((kpi for kpi in VOLUME_KPIS if kpi in worth.kpis), "")
    if ask is None or not volume:
        return refined
    first_place = max([*found.index, -1]) + 1
    rows: list[dict[str, Any]] = []
    for (first, last), noticed in _waiting_days(found.loc[list(moved)]).items():
        why = ask.why(_Known(volume, "level_shift", "up", first, last, last))
        series = format_segment(why.segment)
        told_before = set(found.loc[found["kpi"] == volume, "series"][found["last_at"] >= first])
        if len(why.segment) < 2 or series in told_before | {row["series"] for row in rows}:
            continue
        daily = ask.daily(volume, why.segment)
        if daily is None:
            continue
        part = watch_kpi(daily, "D", holidays, {})
        told = open_run(part, series, "up", (noticed, max(noticed, last)), worth.min_volume, worth.min_effect)
        if told is not None and _stands_out_more(told, part, why.segment, found, watched, ask.by):
            moved[first_place + len(rows)] = why
            rows.append(told)
            parts.append(part)
    if not rows:
        return refined
    more = typed_detections(rows).set_axis(range(first_place, first_place + len(rows)))
    return Refined(pd.concat([found, more]), moved, tuple(parts))


def _waiting_days(recent: pd.DataFrame) -> dict[tuple[pd.Timestamp, pd.Timestamp], pd.Timestamp]:
    """Return the last days of what waits longer, the strongest first, and the day on which it was noticed first."""
    spans: dict[tuple[pd.Timestamp, pd.Timestamp], pd.Timestamp] = {}
    row: Any
    for row in recent.itertuples():
        if kpi_theme(str(row.kpi), str(row.direction)) == (WAITING, True):
            last, noticed = pd.Timestamp(row.last_at), pd.Timestamp(row.detected_at)
            days = max(pd.Timestamp(row.started_at), last - pd.Timedelta(days=VOLUME_DAYS - 1)), last
            spans[days] = min(noticed, spans.get(days, noticed))
    return spans


def _is_same(told: Mapping[str, Any], row: Any, series: str) -> bool:
    """Tell whether a detection of a combination is there already, for the same series and days."""
    near = abs(told["started_at"] - pd.Timestamp(row.started_at)) <= pd.Timedelta(days=14)
    return near and (told["kpi"], told["series"], told["direction"]) == (row.kpi, series, row.direction)


def _stands_out_more(
    told: dict[str, Any],
    part: WatchedKpi,
    segment: Mapping[str, str],
    found: pd.DataFrame,
    watched: Sequence[WatchedKpi],
    by: Sequence[str],
) -> bool:
    """Tell whether a change stands out more in a combination than in any segment of it that was detected.

    A part of the right segment shows nearly as much of a change as the whole of it, and by chance a little more.
    """
    own = found[(found["kpi"] == told["kpi"]) & (found["direction"] == told["direction"])]
    own = own[(own["started_at"] - told["started_at"]).abs() <= pd.Timedelta(days=14)]
    wider = [row for row in own.itertuples() if _holds(parse_combination(str(row.series), by), segment)]
    gain = MIN_NARROWER_GAIN * bool(wider)
    if not told.get("by_days") and abs(told["z"]) >= max((abs(row.z) for row in wider), default=0.0) + gain:
        return True
    if told["kind"] != "level_shift" or not watched:
        return False
    days, way = (told["changed_at"], told["last_at"]), 1 if told["direction"] == "up" else -1
    panels = {name: one for one in watched if one.kpi == told["kpi"] for name in one.panel.names}
    scores = [  # of its own days or of these: each has days on which it stands out most
        way * score_over_days(panels[row.series], row.series, *span)
        for row in wider
        if row.series in panels
        for span in (days, (row.changed_at, row.last_at))
    ]
    narrow = way * score_over_days(part, format_segment(segment), *days)
    if not narrow >= max(scores, default=np.inf) + MIN_SAME_DAYS_GAIN:
        return False
    told["z"] = way * max(narrow, abs(told["z"]))
    return True


def _holds(wide: Mapping[str, str], narrow: Mapping[str, str]) -> bool:
    return bool(wide) and wide.items() < narrow.items()


def accompanying_kpis(
    found: pd.DataFrame, leads: Iterable[Any], parts: Iterable[WatchedKpi], min_volume: float, min_effect: float
) -> tuple[pd.DataFrame, list[Any]]:
    """Return the detections of other KPIs in the segments of level shifts, and the index of the shift of each.

    Parameters
    ----------
    found
        All detections: a KPI that has one of its own in the segment and days is not looked at again.
    leads
        Index of the level shifts.
    parts
        The KPIs that are watched.
    min_volume, min_effect
        What is worth a word.
    """
    rows: list[dict[str, Any]] = []
    owners: list[Any] = []
    near = pd.Timedelta(days=28)
    for at in leads:
        row = found.loc[at]
        own = found[(found["series"] == row["series"]) & ((found["changed_at"] - row["changed_at"]).abs() <= near)]
        for part in parts:
            if part.kpi in set(own["kpi"]):
                continue
            told = accompanying_detection(part, row, min_volume, min_effect)
            if told is not None:
                rows.append(told)
                owners.append(at)
    return typed_detections(rows), owners


def typed_detections(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Give rows of detections the columns and types of a table of them."""
    out = pd.DataFrame(rows, columns=list(DETECTION_COLUMNS))
    out = out.astype(dict.fromkeys(("kpi", "series", "kind", "direction", "drivers", "state"), "str"))
    out = out.astype({"resolved": "bool"} | dict.fromkeys(("before", "after", "n", "z", "impact"), "float64"))
    for column in ("started_at", "detected_at", "last_at", "changed_at"):
        out[column] = pd.to_datetime(out[column]).astype("datetime64[us]")
    return out


@dataclass(frozen=True)
class _Known:
    kpi: str
    kind: str
    direction: str
    started_at: pd.Timestamp
    detected_at: pd.Timestamp
    last_at: pd.Timestamp
    series: str = TOTAL_SERIES


def _known_rows(keys: Iterable[str], ask: Explainer) -> list[tuple[Any, dict[str, str], None]]:
    """Return the combinations among what was reported, on their days."""
    found = []
    for key in keys:
        kpi, rest = key.split("|", 1)
        series, direction, *days = rest.rsplit("|", 3)
        segment = parse_combination(series, ask.by)
        if len(segment) > 1:
            start, detected = (pd.Timestamp(day) for day in days)
            kind = "spike" if start == detected else "level_shift"
            found.append((_Known(kpi, kind, direction, start, detected, detected), segment, None))
    return found


def _moved_rows(
    found: pd.DataFrame, moved: Mapping[Any, ChangeExplanation]
) -> list[tuple[Any, dict[str, str], ChangeExplanation]]:
    """Return the recent detections that owe their change to a combination, the strongest first."""
    rows: dict[Any, Any] = {row.Index: row for row in found.loc[list(moved)].itertuples()}
    combined = [(at, why) for at, why in moved.items() if len(why.segment) > 1 and why.words]
    combined.sort(key=lambda pair: -abs(rows[pair[0]].z))
    return [(rows[at], dict(why.segment), why) for at, why in combined]
