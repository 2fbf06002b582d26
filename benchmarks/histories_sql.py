"""The case history and KPI history of ``histories.py`` in hand-written DuckDB SQL."""

from __future__ import annotations

from pathlib import Path

import duckdb

CASES = """
CREATE TEMP TABLE history AS
WITH control AS (
    SELECT case_id, "at", kind, row_number() OVER w AS n, lead("at") OVER w AS next_at
    FROM events WHERE kind IN ('resolved', 'closed', 'merged', 'reopened', 'paused', 'resumed')
    WINDOW w AS (PARTITION BY case_id ORDER BY "at", seq)
), state AS (
    SELECT *,
        coalesce(max(CASE WHEN kind IN ('resolved', 'closed', 'merged') THEN n END) OVER b, 0) AS ended,
        coalesce(max(CASE WHEN kind = 'reopened' THEN n END) OVER b, 0) AS opened,
        coalesce(max(CASE WHEN kind = 'reopened' THEN n END) OVER (
            PARTITION BY case_id ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS opened_before,
        coalesce(max(CASE WHEN kind = 'reopened' THEN n END) OVER (PARTITION BY case_id), 0) AS last_opened
    FROM control WINDOW b AS (PARTITION BY case_id ORDER BY n ROWS UNBOUNDED PRECEDING)
), course AS (
    SELECT case_id,
        min("at") FILTER (kind IN ('resolved', 'closed')) AS first_resolved_at,
        max("at") FILTER (kind = 'closed' AND n > last_opened) AS closed_at,
        min("at") FILTER (kind = 'reopened' AND ended > 0) AS first_reopened_at,
        arg_min("at", n) FILTER (n > last_opened AND kind IN ('resolved', 'closed', 'merged')) AS ended_at,
        arg_min(kind, n) FILTER (n > last_opened AND kind IN ('resolved', 'closed', 'merged')) AS end_kind,
        count(*) FILTER (kind = 'reopened' AND ended > opened_before) AS reopens,
        sum(CASE WHEN kind = 'paused' AND opened >= ended
            THEN (epoch_us(coalesce(next_at, $until)) - epoch_us("at")) / 1e6 ELSE 0 END) AS pending_s
    FROM state GROUP BY case_id
), talk AS (
    SELECT case_id,
        min("at") FILTER (kind = 'message' AND public AND actor_role = 'agent') AS first_response_at,
        count(*) FILTER (kind = 'message' AND public AND actor_role = 'customer') AS customer_messages,
        count(*) FILTER (kind = 'message' AND public AND actor_role = 'agent') AS agent_messages,
        count(DISTINCT actor_id) FILTER (actor_role = 'agent') AS agents,
        count(*) FILTER (kind = 'escalated') AS escalations,
        count(*) FILTER (kind = 'priority') AS priority_changes,
        arg_max(new, ("at", seq)) FILTER (kind = 'status' AND new IS NOT NULL) AS status,
        arg_max(new, ("at", seq)) FILTER (kind = 'priority' AND new IS NOT NULL) AS last_priority
    FROM events GROUP BY case_id
), moves AS (
    SELECT case_id, "at", seq, team, lag(team) OVER (PARTITION BY case_id ORDER BY "at", seq) AS before
    FROM events WHERE kind = 'assigned' AND team IS NOT NULL
), teams AS (
    SELECT case_id, count(*) FILTER (before <> team) AS transfers, arg_max(team, ("at", seq)) AS last_team
    FROM moves GROUP BY case_id
)
SELECT c.*, coalesce(last_priority, priority) AS current_priority, coalesce(last_team, team) AS current_team, status,
    first_response_at, (epoch_us(first_response_at) - epoch_us(created_at)) / 1e6 AS first_response_s,
    first_resolved_at, CASE WHEN end_kind <> 'merged' THEN ended_at END AS resolved_at, first_reopened_at, closed_at,
    CASE WHEN end_kind = 'merged' THEN ended_at END AS merged_at, ended_at, ended_at IS NULL AS is_open,
    CASE WHEN end_kind <> 'merged' THEN (epoch_us(ended_at) - epoch_us(created_at)) / 1e6 END AS resolution_s,
    (epoch_us(coalesce(ended_at, $until)) - epoch_us(created_at)) / 1e6 AS age_s,
    coalesce(pending_s, 0) AS pending_s, coalesce(reopens, 0) AS reopens, coalesce(transfers, 0) AS transfers,
    coalesce(escalations, 0) AS escalations, coalesce(priority_changes, 0) AS priority_changes,
    coalesce(customer_messages, 0) AS customer_messages, coalesce(agent_messages, 0) AS agent_messages,
    coalesce(agents, 0) AS agents
FROM cases c LEFT JOIN course USING (case_id) LEFT JOIN talk USING (case_id) LEFT JOIN teams USING (case_id)
"""

GRID = """
CREATE TEMP TABLE grid AS
SELECT channel, ds::TIMESTAMP AS ds FROM (SELECT DISTINCT channel FROM cases), (SELECT unnest(generate_series(
    (SELECT date_trunc('day', min(created_at)::TIMESTAMP) FROM cases),
    date_trunc('day', $until::TIMESTAMP) - INTERVAL 1 DAY, INTERVAL 1 DAY)) AS ds)
"""

FLOW = """
CREATE TEMP TABLE flow AS
WITH turns AS (
    SELECT case_id, "at", kind, coalesce(lag(kind = 'reopened') OVER w, true) AS was_open
    FROM events WHERE kind IN ('resolved', 'closed', 'merged', 'reopened')
    WINDOW w AS (PARTITION BY case_id ORDER BY "at", seq)
), steps AS (
    SELECT channel, created_at AS "at", 1 AS step FROM cases
    UNION ALL
    SELECT channel, "at", CASE WHEN kind = 'reopened' THEN 1 ELSE -1 END
    FROM turns JOIN cases USING (case_id) WHERE was_open <> (kind = 'reopened')
), daily AS (SELECT channel, date_trunc('day', "at"::TIMESTAMP) AS ds, sum(step) AS step FROM steps GROUP BY ALL)
SELECT channel, ds, sum(coalesce(step, 0)) OVER (PARTITION BY channel ORDER BY ds) AS k
FROM grid LEFT JOIN daily USING (channel, ds)
"""

COUNT = """
SELECT '{kpi}' AS kpi, channel, ds, coalesce(k, 0)::DOUBLE AS value, coalesce(k, 0)::DOUBLE AS n,
    coalesce(k, 0)::DOUBLE AS numerator, NULL::DOUBLE AS lo, NULL::DOUBLE AS hi, NULL::DOUBLE AS median,
    NULL::DOUBLE AS p90, NULL::DOUBLE AS mean
FROM grid LEFT JOIN (
    SELECT channel, date_trunc('day', {at}::TIMESTAMP) AS ds, count(*) AS k FROM history GROUP BY ALL
) USING (channel, ds)
"""

BACKLOG = """
SELECT 'backlog' AS kpi, channel, ds, k AS value, k AS n, k AS numerator, NULL, NULL, NULL, NULL, NULL FROM flow
"""

SHARE = """
SELECT '{kpi}' AS kpi, channel, ds, CASE WHEN n > 0 THEN k / n END AS value, n, k AS numerator,
    CASE WHEN n > 0 THEN greatest((k / n + z2 / (2 * n)) / (1 + z2 / n) - half, 0) END AS lo,
    CASE WHEN n > 0 THEN least((k / n + z2 / (2 * n)) / (1 + z2 / n) + half, 1) END AS hi, NULL, NULL, NULL
FROM (
    SELECT *, CASE WHEN n > 0 THEN
        sqrt(z2) / (1 + z2 / n) * sqrt(k / n * (1 - k / n) / n + z2 / (4 * n * n)) END AS half
    FROM (
        SELECT channel, ds, coalesce(k, 0)::DOUBLE AS k, coalesce(n, 0)::DOUBLE AS n, 1.959963984540054 ** 2 AS z2
        FROM grid LEFT JOIN (
            SELECT channel, date_trunc('day', {at}::TIMESTAMP) AS ds, count(*) FILTER (({hit}) AND ({of})) AS k,
                count(*) FILTER ({of}) AS n
            FROM history GROUP BY ALL
        ) USING (channel, ds)
    )
)
"""

DURATION = """
SELECT '{kpi}' AS kpi, channel, ds, median AS value, coalesce(n, 0) AS n, coalesce(k, 0) AS numerator, lo, hi, median,
    p90, CASE WHEN final = 0 OR longest >= {horizon} THEN mean END AS mean
FROM grid LEFT JOIN (
    WITH times AS (
        SELECT channel, date_trunc('day', created_at::TIMESTAMP) AS ds, coalesce({seconds}, age_s) AS s,
            count(*) AS c, count({seconds}) AS d
        FROM history GROUP BY ALL
    ), risk AS (
        SELECT *, sum(c) OVER (PARTITION BY channel, ds ORDER BY s DESC ROWS UNBOUNDED PRECEDING)::DOUBLE AS r
        FROM times
    ), sums AS (
        SELECT *, sum(CASE WHEN d < r THEN ln(1 - d / r) ELSE 0 END) OVER w AS log_s,
            sum(CASE WHEN d < r THEN d / (r * (r - d)) ELSE 0 END) OVER w AS v
        FROM risk WINDOW w AS (PARTITION BY channel, ds ORDER BY s ROWS UNBOUNDED PRECEDING)
    ), curve AS (
        SELECT *, CASE WHEN d = r THEN 0 ELSE exp(log_s) END AS surv,
            CASE WHEN log_s < 0 AND d < r THEN 1.959963984540054 * sqrt(v) / log_s END AS theta
        FROM sums
    ), bands AS (
        SELECT *, lag(surv, 1, 1.0) OVER w AS height, lag(s, 1, 0.0) OVER w AS since,
            CASE WHEN d = r THEN 0 WHEN log_s < 0 THEN surv ** exp(-theta) ELSE 1 END AS lower,
            CASE WHEN d = r THEN 'inf'::DOUBLE WHEN log_s < 0 THEN surv ** exp(theta) ELSE 1 END AS upper
        FROM curve WINDOW w AS (PARTITION BY channel, ds ORDER BY s)
    )
    SELECT channel, ds, sum(c)::DOUBLE AS n, sum(d)::DOUBLE AS k,
        (min(s) FILTER (surv <= 0.5 + 1e-9) + coalesce(min(s) FILTER (surv < 0.5 - 1e-9),
            min(s) FILTER (surv <= 0.5 + 1e-9))) / 2 AS median,
        (min(s) FILTER (surv <= 0.1 + 1e-9) + coalesce(min(s) FILTER (surv < 0.1 - 1e-9),
            min(s) FILTER (surv <= 0.1 + 1e-9))) / 2 AS p90, min(s) FILTER (lower <= 0.5 + 1e-9) AS lo,
        min(s) FILTER (upper <= 0.5 + 1e-9) AS hi, min(surv) AS final, max(s) AS longest,
        sum(height * (least(s, {horizon}) - least(since, {horizon}))) AS mean
    FROM bands GROUP BY channel, ds
) USING (channel, ds)
"""


def run_sql(folder: Path, out: Path) -> None:
    """Derive both tables with SQL."""
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    for name in ("cases", "events"):
        base.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/{name}/*.parquet')")
    last = """SELECT greatest((SELECT max("at") FROM events), (SELECT max(created_at) FROM cases))::VARCHAR"""
    found = base.execute(last).fetchone()
    until = f"TIMESTAMPTZ '{found[0]}'"  # type: ignore[index]
    for statement in (CASES, GRID, FLOW):
        base.execute(statement.replace("$until", until))
    base.execute(f"COPY history TO '{out}/cases.parquet' (FORMAT parquet)")
    week = f"first_resolved_at <= {until} - INTERVAL 7 DAY"
    again = "(epoch_us(first_reopened_at) - epoch_us(first_resolved_at)) BETWEEN 0 AND 7 * 86400000000"
    queries = [
        COUNT.format(kpi="cases_opened", at="created_at"),
        COUNT.format(kpi="cases_resolved", at="resolved_at"),
        BACKLOG,
        DURATION.format(kpi="first_response_time", seconds="first_response_s", horizon=7 * 86400.0),
        DURATION.format(kpi="resolution_time", seconds="resolution_s", horizon=90 * 86400.0),
        SHARE.format(kpi="reopen_rate", at="first_resolved_at", hit=again, of=week),
        SHARE.format(kpi="transfer_rate", at="resolved_at", hit="transfers > 0", of="true"),
        SHARE.format(kpi="escalation_rate", at="resolved_at", hit="escalations > 0", of="true"),
    ]
    whole = " UNION ALL ".join(f"({query})" for query in queries)
    base.execute(f"COPY ({whole}) TO '{out}/kpis.parquet' (FORMAT parquet)")
