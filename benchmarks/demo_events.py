"""How the four hidden events of the simulated desk are told, week by week, and how many other alerts there are.

python benchmarks/demo_events.py [seed ...] [--alerts]

Each desk is looked at every Monday as it stood then, with what was remembered of the Monday before, as
``deskcast watch`` does. ``--alerts`` prints every alert of the played weeks.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from deskcast.pipelines.project.project import Project, open_project, view_as_of
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.simulated_desk.world import KnownEvent, known_events
from deskcast.pipelines.stages.watch import save_watch_stage, watch_stage, watched_history
from deskcast.pipelines.stages.watch_drivers import format_segment, parse_combination

DAY = pd.Timedelta(days=1)
BY = ["channel", "product", "region", "account"]
FIRST_LOOK, LAST_LOOK = "2025-08-25", "2026-03-02"
QUIET_SINCE, QUIET_UNTIL = pd.Timestamp("2025-01-06"), pd.Timestamp("2025-08-11")
#: Days after a start in which whatever is found in any segment is put down to the event, and in its own segment.
EVERYWHERE_DAYS, OWN_SEGMENT_DAYS = 3, 28


@dataclass
class Played:
    """What the looks of one desk told: the last state of each alert, and when it first named a cause."""

    alerts: dict[str, Any] = field(default_factory=dict)
    first_cause: dict[str, tuple[pd.Timestamp, str]] = field(default_factory=dict)
    subjects: dict[str, set[tuple[str, str, str]]] = field(default_factory=dict)
    called_over: dict[str, pd.Timestamp] = field(default_factory=dict)

    def add(self, look: pd.Timestamp, alerts: pd.DataFrame) -> None:
        """Remember one look."""
        for row in alerts[alerts["state"] != "explained"].itertuples():
            name = str(row.alert_id)
            if row.state == "cancelled":
                continue
            self.alerts[name] = row
            self.subjects.setdefault(name, set()).add((str(row.kpi), str(row.series), str(row.direction)))
            if row.causes and name not in self.first_cause:
                self.first_cause[name] = look, str(row.causes)
            if row.state == "back to normal":
                self.called_over.setdefault(name, look)


def play(folder: Path) -> Played:
    """Look at a desk every Monday."""
    project, played = open_project(folder / "deskcast.toml"), Played()
    for day in pd.date_range(FIRST_LOOK, LAST_LOOK, freq="7D"):
        last = day == pd.Timestamp(LAST_LOOK)
        then = project if last else view_as_of(project, f"{day:%Y-%m-%d}")
        stage = watch_stage(then, watched_history(then))
        save_watch_stage(then, stage)
        played.add(day, stage.tables["kpi_alerts"])
    return played


def local_start(event: KnownEvent, project: Project | None = None) -> pd.Timestamp:
    """Return the day on which an event began, on the clock of the desk."""
    start = pd.Timestamp(event.truth()["start"])
    return start.tz_convert(project.log.timezone if project else "Europe/Berlin").tz_localize(None).normalize()


def is_told_by(event: KnownEvent, row: Any) -> bool:
    """Tell whether an alert is one of an event: it was found within days of it, or later in its segment."""
    start, end = local_start(event), pd.Timestamp(event.truth()["end"]).tz_localize(None)
    if row.detected_at < start or row.started_at < start - 14 * DAY:
        return False
    own, segment = parse_combination(str(row.series), BY), event.segment
    inside = bool(own) and (own.items() <= dict(segment).items() or dict(segment).items() <= own.items())
    if inside and row.detected_at <= end + OWN_SEGMENT_DAYS * DAY:
        return event.kind == "agent_leaves" or row.started_at <= start + OWN_SEGMENT_DAYS * DAY
    follows = event.kind == "outage"  # queues are shared
    return follows and start - DAY <= row.started_at and row.detected_at <= start + EVERYWHERE_DAYS * DAY


def report(name: str, event: KnownEvent, played: Played) -> list[str]:
    """Print how one event was told; return the ids of its alerts."""
    own = [(at, row) for at, row in played.alerts.items() if is_told_by(event, row)]
    own.sort(key=lambda pair: (pair[1].detected_at, -abs(pair[1].z)))
    segment, start = format_segment(event.segment), local_start(event)
    print(f"  {name} ({segment}, {start:%d %b %Y}): {len(own)} alert{'' if len(own) == 1 else 's'}")
    for at, row in own:
        off = (row.started_at - start).days
        when, cause = played.first_cause.get(at, (None, ""))
        named = f"; cause named {when:%d %b}: {cause}" if when is not None else ""
        right = "" if row.series == segment else " [other segment]"
        print(
            f"    {row.kpi} {row.direction}, {row.series}{right}: {row.before:.3g} to {row.after:.3g}, "
            f"dated {off:+d} days, found {row.detected_at:%d %b}, {row.state}{named}"
        )
        print(f"      with {row.other_kpis or 'nothing else'} [{at}]")
    return [at for at, _ in own]


def main() -> int:
    """Print the table of each seed."""
    seeds = [int(word) for word in sys.argv[1:] if word.isdigit()] or [1]
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            write_desk(simulate_desk(40_000, seed=seed), Path(folder))
            played = play(Path(folder))
        print_desk(seed, played)
    return 0


def print_desk(seed: int, played: Played) -> None:
    """Print one desk."""
    print(f"seed {seed}")
    known = {at for name, event in known_events().items() for at in report(name, event, played)}
    first = min(played.alerts.values(), key=lambda row: row.reported_at).reported_at if played.alerts else None
    quiet = [r for r in played.alerts.values() if QUIET_SINCE <= r.detected_at < QUIET_UNTIL]
    weeks = (QUIET_UNTIL - QUIET_SINCE).days / 7
    later = [r for at, r in played.alerts.items() if at not in known and r.detected_at >= pd.Timestamp(FIRST_LOOK)]
    span = (pd.Timestamp(LAST_LOOK) - pd.Timestamp(FIRST_LOOK)).days / 7
    moved = [at for at, subjects in played.subjects.items() if len(subjects) > 1]
    print(f"  quiet weeks: {len(quiet) / weeks:.2f} alerts a week; other alerts in the played weeks: "
          f"{len(later) / span:.2f} a week; ids that changed their subject: {len(moved)}")  # fmt: skip
    if "--alerts" in sys.argv and first is not None:
        for at, row in sorted(played.alerts.items(), key=lambda pair: pair[1].detected_at):
            if row.detected_at >= QUIET_SINCE and at not in known:
                print(f"    {row.detected_at:%Y-%m-%d} {row.kpi} {row.direction} {row.series} {row.kind} z {row.z:.1f} "
                      f"since {row.started_at:%m-%d}: {row.before:.3g} to {row.after:.3g}; {row.members}; "
                      f"{row.other_kpis}")  # fmt: skip
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
