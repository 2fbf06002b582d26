"""From where to where each milestone of a metric runs along a timeline."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..arrays import Bools, Ints
from .clocks import MetricLifecycle, Timeline


@dataclass(frozen=True)
class MilestoneSpans:
    """The milestones of one metric: each ends with ``row`` at ``ended``; its clock is read with ``held`` at ``now``.

    Both are the same unless no policy holds any more at the end.
    ``stopped`` milestones were reached there, ``open_end`` ones stand at the end of the log; the others ended
    without being reached. Of ``unknown`` ones the stop is dated before the case; of ``unsure`` ones something that
    moved the clock earlier is, so that the time counted is the least that was used.
    """

    row: Ints
    ended: Ints
    held: Ints
    now: Ints
    stopped: Bools
    open_end: Bools
    unknown: Bools
    unsure: Bools

    def pick(self, which: Any) -> MilestoneSpans:
        """Return some of the milestones."""
        return MilestoneSpans(**{f.name: getattr(self, f.name)[which] for f in fields(self)})


def find_spans(line: Timeline, way: MetricLifecycle) -> MilestoneSpans:
    """Find where cycles end: at a stop, with the case, where a new clock replaces the old, or with the log."""
    cut = line.before(way.live) & (~way.live | way.begins) & ~way.stops
    ends = np.flatnonzero(way.stops | cut)
    last = np.flatnonzero(line.last & way.live)
    row = np.concatenate([ends - 1, last])
    ended = np.concatenate([line.at[ends], np.full(len(last), line.until)])
    held = _last_held(way)[row]
    now = np.where(way.choice[row] >= 0, ended, line.then[held])  # without a policy a clock stands still
    stopped, unknown = (
        np.concatenate([marks[ends], np.zeros(len(last), dtype=bool)])
        for marks in (way.stops, way.stops & line.backwards)
    )
    until = np.concatenate([ends, last])
    unsure = _is_any_backwards(line, way, row, until)
    spans = MilestoneSpans(row, ended, held, now, stopped, np.arange(len(row)) >= len(ends), unknown, unsure)
    if way.book.source or way.book.metric != "first_response":
        return spans
    # one row a clock: its reply, or else the last time that it came to stand, or the end of the log
    chosen = np.full(int(way.begins.sum()), -1)
    clock = way.clock[spans.row]
    chosen[clock] = np.arange(len(clock))
    chosen[clock[spans.stopped]] = np.flatnonzero(spans.stopped)
    return spans.pick(chosen[chosen >= 0])


def _is_any_backwards(line: Timeline, way: MetricLifecycle, row: Ints, until: Ints) -> Bools:
    """Return which clocks were started or stopped, up to a row, by something that is dated before the case."""
    moves = (way.live != line.before(way.live)) | way.stops | way.begins
    count = np.append(0, np.cumsum(line.backwards & moves))
    begun = np.flatnonzero(way.begins)[way.clock[row]]
    return np.asarray(count[until + 1] > count[begun], dtype=bool)


def _last_held(way: MetricLifecycle) -> Ints:
    """Return for each row the last one of the same clock at which a policy held; the first one where none did."""
    rows = np.arange(len(way.choice))
    return np.asarray(np.maximum.accumulate(np.where((way.choice >= 0) | way.begins, rows, 0)), dtype=np.int64)
