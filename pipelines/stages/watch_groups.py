"""Which detections are one alert: related segments of a KPI, and KPIs that moved at one time for one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...models.shifts.ledger import Subject, detection_key
from .watch_drivers import ChangeExplanation
from .watch_relations import ComparedDetection, by_strength


def group_into_alerts(
    alarms: pd.DataFrame,
    moved: Mapping[Any, ChangeExplanation],
    known: Mapping[str, str],
    by: Sequence[str] = (),
    subjects: Mapping[str, Subject] | None = None,
) -> tuple[pd.Series, dict[int, str]]:
    """Number the detections so that those of one alert share a number.

    Parameters
    ----------
    alarms
        What :func:`~deskcast.models.shifts.detect.detect_shifts` returns.
    moved
        The segment that moved, by detection, where it was looked for; of the others their own series counts.
    known
        Id of the alert of detections that were reported before, by :func:`detection_key`: they stay together, and two
        alerts that were reported apart stay apart.
    by
        Columns of segments, as the names of the series begin.
    subjects
        KPI, series and direction by id: an id whose subject is no longer among its detections is given up.

    Returns
    -------
    (Series of int, mapping)
        The number by detection, and the id by number where one was reported before.

    Notes
    -----
    Each detection is held against the strongest one of an alert only: chains of neighbours would join everything.
    """
    rows = by_strength(alarms, moved, by)
    keys = {row.Index: known.get(detection_key(row), "") for row in alarms.itertuples()}
    if subjects is not None:
        kept = {name for row in alarms.itertuples() if (name := keys[row.Index]) and _is_about(row, subjects.get(name))}
        keys = {at: name if name in kept else "" for at, name in keys.items()}
    number: dict[Any, int] = {}
    ids: dict[int, str] = {}
    anchors: list[tuple[int, ComparedDetection]] = []
    of_id: dict[str, int] = {}
    for name in dict.fromkeys(name for name in keys.values() if name):
        of_id[name] = len(of_id)
        ids[of_id[name]] = name
    for one in rows:  # the subject of each id that was reported stands for it
        name = keys[one.place]
        if name and (subjects is None or one.subject == subjects.get(name)):
            anchors.append((of_id[name], one))
    for one in rows:
        if keys[one.place]:
            number[one.place] = of_id[keys[one.place]]
            continue
        fitting = [(group, anchor) for group, anchor in anchors if anchor.explains(one)]
        fits = max(fitting, key=lambda pair: pair[1].closeness(one))[0] if fitting else None
        if fits is None:
            fits = len(of_id) + len(number)
            anchors.append((fits, one))
        number[one.place] = fits
    _join_groups(rows, number, anchors, ids)
    return pd.Series([number[at] for at in alarms.index], index=alarms.index, dtype="int64"), ids


def _join_groups(
    rows: Sequence[ComparedDetection],
    number: dict[Any, int],
    anchors: Sequence[tuple[int, ComparedDetection]],
    ids: Mapping[int, str],
) -> None:
    """Join whole groups that nothing explains.

    What moved in segments as the whole desk moved, what moved elsewhere as the total moved with something sudden
    (queues are shared), what moved later in a segment though it counts for more, what moved on top of a level that has
    stayed, and what is so weak that it passed only in company.
    """
    leads = dict(reversed(anchors))
    totals = [t for t in rows if not t.own and _is_of(t, leads.get(number[t.place]))]
    sizes = Counter(number.values())
    wide = {number[one.place] for one in rows if not one.own}
    into: dict[int, int] = {}
    for group, one in anchors:
        others = [(g, anchor) for g, anchor in anchors if g != group and g not in into]
        open_now = {g for g, _ in others}
        fits = [g for t in totals if (g := number[t.place]) in open_now and t.shares_total(one)]
        moved = {number[t.place] for t in totals if t.theme == one.theme}
        fits += [g for g, anchor in others if anchor.bursts(one) and g in moved]
        if group not in wide:  # the whole desk would bring along what has nothing to do with the segment
            fits += [g for g, anchor in others if anchor.is_continued_by(one)]
        if group not in wide or sizes[group] == 1:
            fits += [g for g, anchor in others if anchor.is_topped_by(one)]
        if sizes[group] == 1:
            fits += [g for g, anchor in others if anchor.carries(one)]
        if fits and group not in ids:
            into[group] = fits[0]
    for at, group in number.items():
        while group in into:
            group = into[group]
        number[at] = group


def _is_of(total: ComparedDetection, lead: ComparedDetection | None) -> bool:
    """Tell whether the whole desk moved in what its alert is about, and not by chance at the same time."""
    return lead is not None and (lead.theme == total.theme or lead.is_load_of(total))


def _is_about(row: Any, subject: Subject | None) -> bool:
    return (row.kpi, row.series, row.direction) == subject
