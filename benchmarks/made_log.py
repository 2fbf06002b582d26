"""Large logs, drawn in the engine from hashes and written to Parquet piece by piece; the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import duckdb

#: What may happen to a case, in order: kind, chance in percent, role, and where its text goes.
STORY = (
    ("created", 100, "customer", ""),
    ("assigned", 90, "system", "team"),
    ("message", 85, "agent", ""),
    ("message", 50, "customer", ""),
    ("status", 30, "agent", "waiting"),
    ("paused", 12, "agent", ""),
    ("resumed", 12, "customer", ""),
    ("message", 35, "agent", ""),
    ("assigned", 15, "agent", "team"),
    ("escalated", 4, "agent", ""),
    ("priority", 5, "agent", "1"),
    ("resolved", 93, "agent", ""),
    ("reopened", 4, "customer", ""),
    ("resolved", 4, "agent", ""),
    ("closed", 60, "system", ""),
)
_START, _DAYS = "TIMESTAMPTZ '2023-01-02 00:00:00+00'", 730


def write_log(folder: Path, cases: int, events: int, chunk: int = 500_000) -> tuple[int, int]:
    """Write ``cases`` and about ``events`` events as Parquet files below a folder, and return how many there are.

    The chances of :data:`STORY` give about six events a case; where more are wanted, cases have more messages.
    """
    base = sum(chance for _, chance, _, _ in STORY) / 100
    extra = max(round((events / cases - base) * 2), 0)  # each further message comes with a chance of one half
    scale = min(events / cases / base, 1.0)
    story = [(k, c if k in ("created", "resolved", "paused", "resumed") else c * scale, r, t) for k, c, r, t in STORY]
    story[8:8] = [("message", 50, ("customer", "agent")[i % 2], "") for i in range(extra)]
    for name in ("cases", "events"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET threads = 2; SET preserve_insertion_order = false")
    values = ", ".join(f"({i}, '{k}', {c}, '{r}', '{t}')" for i, (k, c, r, t) in enumerate(story))
    connection.execute(f"CREATE TABLE story AS SELECT * FROM (VALUES {values}) AS t(place, kind, chance, role, said)")
    for number, first in enumerate(range(0, cases, chunk)):
        last = min(first + chunk, cases)
        connection.execute(_CASES.format(first=first, last=last, start=_START, days=_DAYS))
        for name, query in (("cases", "SELECT * EXCLUDE (i, length) FROM made"), ("events", _events(len(story)))):
            connection.execute(f"COPY ({query}) TO '{folder}/{name}/{number:04d}.parquet' (FORMAT parquet)")
    count = "SELECT count(*) FROM read_parquet('{}/{}/*.parquet')"
    found = [connection.execute(count.format(folder, name)).fetchone() for name in ("cases", "events")]
    connection.close()
    return found[0][0], found[1][0]  # type: ignore[index]


_CASES = """
CREATE OR REPLACE TABLE made AS SELECT
    i, printf('C%09d', i) AS case_id,
    {start} + to_microseconds((hash(i, 1) % ({days}::UBIGINT * 86400000000))::BIGINT) AS created_at,
    ['email', 'phone', 'chat', 'web'][1 + (hash(i, 2) % 4)::INT] AS channel,
    ['alpha', 'beta', 'gamma'][1 + (hash(i, 3) % 3)::INT] AS product,
    (1 + hash(i, 4) % 4)::VARCHAR AS priority,
    'K' || (hash(i, 5) % 400000)::VARCHAR AS customer_id,
    'T' || (hash(i, 6) % 12)::VARCHAR AS team,
    -ln((1 + hash(i, 7) % 1000000) / 1000001.0) * 2 * 86400 AS length
FROM range({first}, {last}) AS r(i)
"""


def _events(steps: int) -> str:
    """Say when each step of the story comes: later steps later, and none after the end of the log."""
    return f"""
    SELECT case_id, place AS seq,
        created_at + to_microseconds((length * 1e6 * place / {steps})::BIGINT) AS at, kind,
        CASE WHEN kind IN ('status', 'priority') THEN said END AS new,
        CASE WHEN role = 'agent' THEN 'A' || (hash(i, 8, place % 3) % 900)::VARCHAR END AS actor_id, role AS actor_role,
        kind = 'message' AS public,
        CASE WHEN kind = 'assigned' THEN 'T' || (hash(i, 9, place) % 12)::VARCHAR END AS team
    FROM made, story
    WHERE hash(i, 10, CASE WHEN kind IN ('paused', 'resumed') THEN 99 ELSE place END) % 10000 < chance * 100
        AND created_at + to_microseconds((length * 1e6 * place / {steps})::BIGINT) < {_START} + INTERVAL {_DAYS} DAY
    """
