"""Business time: 1 million pairs of instants, against loops and calendars that others use; and inside the engine.

Run: ``python benchmarks/business_time.py``. The loops are measured on a sample and counted up to 1 million pairs, and
what they give is compared with ours. The last lines give the engine's way on DuckDB, and the milestones of
1 million events.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.calendars.business_time import business_add, business_seconds
from deskcast.features.case_log.log import CaseLog
from deskcast.features.sla.milestones import milestones

PAIRS = 1_000_000
ZONE = "Europe/Lisbon"
OFFICE = BusinessCalendar.from_hours(ZONE, {"mon-fri": ["09:00-17:00"]})


def pairs(count: int, seed: int = 0) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Draw starts over four years and ends up to 20 days later, in whole minutes."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2021-01-01T00:00Z") + pd.to_timedelta(rng.integers(0, 4 * 365 * 1440, count), unit="min")
    return start.as_unit("us"), (start + pd.to_timedelta(rng.integers(0, 20 * 1440, count), unit="min")).as_unit("us")


def by_minute(start: datetime, end: datetime) -> float:
    """Look at the clock on the wall, minute by minute."""
    zone, total = ZoneInfo(ZONE), 0
    while start < end:
        wall = start.astimezone(zone)
        total += wall.weekday() < 5 and 9 <= wall.hour < 17
        start += timedelta(minutes=1)
    return total * 60.0


def by_business_hours(start: datetime, end: datetime) -> float:
    """Count whole hours with the custom business hours of pandas, which has no finer step."""
    hours = pd.offsets.CustomBusinessHour(start="09:00", end="17:00")
    local = [pd.Timestamp(t).tz_convert(ZONE).tz_localize(None) for t in (start, end)]
    return float(max(len(pd.date_range(local[0], local[1], freq=hours)) - 1, 0)) * 3600


def by_business_days(start: pd.DatetimeIndex, end: pd.DatetimeIndex) -> np.ndarray:
    """Count whole days with numpy and cut the two ends by hand: one interval a day, no change of clock within it."""

    def open_until(t: pd.DatetimeIndex) -> np.ndarray:
        local = t.tz_convert(ZONE).tz_localize(None)
        day = local.normalize().to_numpy().astype("M8[D]")
        within = np.clip((local - local.normalize()).total_seconds().to_numpy() - 9 * 3600, 0, 8 * 3600)
        return np.busday_count("2020-01-01", day) * 8 * 3600.0 + np.where(np.is_busday(day), within, 0.0)

    return open_until(end) - open_until(start)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds of a piece of work, and what it gave."""
    begun = time.perf_counter()
    given = work()
    return time.perf_counter() - begun, given


def event_log(events: int) -> CaseLog:
    """Make a log of cases with ten events each, and promises of four metrics on a business clock."""
    rng = np.random.default_rng(1)
    cases = events // 10
    created = pd.Timestamp("2022-01-01T00:00Z") + pd.to_timedelta(
        np.sort(rng.integers(0, 700 * 86400, cases)), unit="s"
    )
    names = np.char.mod("c%07d", np.arange(cases))
    kinds = np.array(["message", "message", "status", "message", "status", "message", "priority", "message",
                      "message", "resolved"])  # fmt: skip
    role = np.array(["customer", "agent", "agent", "customer", "agent", "agent", "agent", "customer", "agent", "agent"])
    status = np.array([None, None, "pending", None, "open", None, None, None, None, None], dtype=object)
    frame = pd.DataFrame({"case_id": np.repeat(names, 10), "seq": np.tile(np.arange(10), cases)})
    steps = np.cumsum(rng.exponential(20000, (cases, 10)).round(), axis=1).ravel()
    frame["at"] = np.repeat(created, 10) + pd.to_timedelta(steps, unit="s")
    frame["kind"], frame["actor_role"], frame["public"] = np.tile(kinds, cases), np.tile(role, cases), True
    frame["new"] = np.tile(status, cases)
    frame.loc[frame["kind"] == "priority", "new"] = rng.choice(["1", "2", "3"], cases)
    rows = [(m, p, h * 3600.0) for m, h in (("first_response", 4), ("next_response", 4), ("resolution", 40),
            ("agent_work", 30)) for p, h in (("1", h / 2), (None, h))]  # fmt: skip
    policies = pd.DataFrame(rows, columns=["metric", "priority", "target_s"])
    policies = policies.assign(policy="p", clock="business", calendar="office", preset="zendesk")
    told = pd.DataFrame({"case_id": names, "created_at": created, "priority": rng.choice(["1", "2", "3"], cases)})
    return CaseLog.from_frames(cases=told, events=frame, sla_policies=policies, calendars={"office": OFFICE})


def main() -> None:
    """Measure and print."""
    start, end = pairs(PAIRS)
    OFFICE.seconds_between(start[:1], end[:1])
    seconds, ours = timed(lambda: OFFICE.seconds_between(start, end))
    added, _ = timed(lambda: OFFICE.add(start, np.full(PAIRS, 40 * 3600.0)))
    print(f"deskcast, {PAIRS:,} pairs: {seconds:.2f} s between, {added:.2f} s to add")

    few = 40
    spent, slow = timed(lambda: [by_minute(a, b) for a, b in zip(few_of(start, few), few_of(end, few), strict=True)])
    same = bool(np.array_equal(np.asarray(slow), np.asarray(ours)[:few]))
    whole = spent / few * PAIRS
    print(f"minute by minute: {whole:,.0f} s, {whole / seconds:,.0f} times ours; equal: {same}")
    spent, rough = timed(lambda: [by_business_hours(a, b) for a, b in zip(start[:few], end[:few], strict=True)])
    off = float(np.abs(np.asarray(rough) - np.asarray(ours)[:few]).max()) / 3600
    print(
        f"pandas CustomBusinessHour: {spent / few * PAIRS:,.0f} s, {spent / few * PAIRS / seconds:,.0f} times ours; "
        f"off by up to {off:.1f} h"
    )
    spent, days = timed(lambda: by_business_days(start, end))
    same = bool(np.allclose(np.asarray(days), np.asarray(ours)))
    print(f"numpy busday by hand (one interval a day): {spent:.2f} s, {spent / seconds:.1f} times ours; equal: {same}")

    connection = ibis.duckdb.connect()
    connection.raw_sql("SET TimeZone = 'UTC'")
    for size in (1_000_000, 10_000_000):
        connection.raw_sql(
            "CREATE OR REPLACE TABLE pairs AS SELECT to_timestamp(1.6e9 + random() * 1e8) AS a, "
            f"to_timestamp(1.6e9 + random() * 1e8) AS b, random() * 1e6 AS w FROM range({size})"
        )
        table = connection.table("pairs")
        between = business_seconds(table, "a", "b", OFFICE)
        spent, _ = timed(lambda rows=between: rows.aggregate(total=rows.business_s.sum()).execute())
        further = business_add(table, "a", "w", OFFICE)
        later, _ = timed(lambda rows=further: rows.aggregate(last=rows.due_at.max()).execute())
        print(f"DuckDB, {size:,} rows: {spent:.2f} s between, {later:.2f} s to add")

    log = event_log(1_000_000)
    spent, found = timed(lambda: milestones(log))
    print(f"milestones of 1,000,000 events, four metrics by two priorities: {spent:.1f} s, {len(found):,} rows")


def few_of(index: pd.DatetimeIndex, count: int) -> list[datetime]:
    """Return the first instants as plain datetimes."""
    return [t.to_pydatetime().astimezone(UTC) for t in index[:count]]


if __name__ == "__main__":
    main()
