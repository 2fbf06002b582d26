"""The tables of ``histories.py`` in tuned Polars: lazy, streamed, text as enumerations where it has few values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

Z = 1.959963984540054
ENDS = ["resolved", "closed", "merged"]
DAY_S = 86400.0
MEASURES = ("value", "n", "numerator", "lo", "hi", "median", "p90", "mean")


def run_polars(folder: Path, out: Path) -> None:
    """Derive both tables with Polars."""
    cases = pl.scan_parquet(folder / "cases" / "*.parquet")
    events = pl.scan_parquet(folder / "events" / "*.parquet")
    ends = pl.collect_all([cases.select(pl.col("created_at").max()), events.select(pl.col("at").max())])
    until = max(frame.item() for frame in ends)
    control = follow(events, until).collect(engine="streaming")
    history = case_history(cases, events, control.lazy(), until).collect(engine="streaming")
    history.write_parquet(out / "cases.parquet")
    kpis(history, control, until).write_parquet(out / "kpis.parquet")


def follow(events: pl.LazyFrame, until: Any) -> pl.LazyFrame:
    """Return the openings, ends and pauses in order, with what is known at each step."""
    kind, place = pl.col("kind"), pl.col("place")
    rows = events.filter(kind.is_in([*ENDS, "reopened", "paused", "resumed"])).select("case_id", "at", "seq", "kind")
    rows = rows.sort("case_id", "at", "seq").drop("seq")
    rows = rows.with_columns(
        place=pl.int_range(1, pl.len() + 1).over("case_id"), is_end=kind.is_in(ENDS), reopens=kind == "reopened"
    )
    marked = {"ended": "is_end", "opened": "reopens"}
    found = {n: pl.when(flag).then(place).otherwise(0).cum_max().over("case_id") for n, flag in marked.items()}
    rows = rows.with_columns(**found, next_at=pl.col("at").shift(-1).over("case_id").fill_null(until))
    rests = (kind == "paused") & (pl.col("opened") >= pl.col("ended"))
    spent = (pl.col("next_at") - pl.col("at")).dt.total_microseconds() / 1e6
    return rows.with_columns(
        final=place > pl.col("opened").max().over("case_id"),
        paused=pl.when(rests).then(spent).otherwise(0.0),
        again=pl.col("reopens") & (pl.col("ended") > pl.col("opened").shift(fill_value=0).over("case_id")),
    ).drop("next_at")


def case_history(cases: pl.LazyFrame, events: pl.LazyFrame, control: pl.LazyFrame, until: Any) -> pl.LazyFrame:
    """Return the case history."""
    kind, at, new = pl.col("kind"), pl.col("at"), pl.col("new")
    first = pl.when(pl.col("final") & pl.col("is_end")).then("place").min()
    course = control.with_columns(first=first.over("case_id")).group_by("case_id").agg(
        first_resolved_at=at.filter(kind.is_in(["resolved", "closed"])).min(),
        closed_at=at.filter((kind == "closed") & pl.col("final")).max(),
        first_reopened_at=at.filter(pl.col("reopens") & (pl.col("ended") > 0)).min(),
        ended_at=at.filter(pl.col("place") == pl.col("first")).first(),
        end_kind=kind.filter(pl.col("place") == pl.col("first")).first(),
        reopens=pl.col("again").sum(),
        pending_s=pl.col("paused").sum(),
    )  # fmt: skip
    public, role = (kind == "message") & pl.col("public").fill_null(False), pl.col("actor_role")
    moved, said = (kind == "assigned") & pl.col("team").is_not_null(), new.is_not_null()

    def last(value: str, mask: pl.Expr) -> pl.Expr:
        return pl.col(value).filter(mask).sort_by(at.filter(mask), pl.col("seq").filter(mask)).last()

    talk = events.group_by("case_id").agg(
        first_response_at=at.filter(public & (role == "agent")).min(),
        customer_messages=(public & (role == "customer")).sum(),
        agent_messages=(public & (role == "agent")).sum(),
        agents=pl.col("actor_id").filter(role == "agent").drop_nulls().n_unique(),
        escalations=(kind == "escalated").sum(),
        priority_changes=(kind == "priority").sum(),
        status=last("new", (kind == "status") & said),
        last_priority=last("new", (kind == "priority") & said),
        last_team=last("team", moved),
    )
    moves = events.filter(moved).select("case_id", "at", "seq", "team").sort("case_id", "at", "seq")
    changed = (pl.col("team") != pl.col("team").shift()) & (pl.col("case_id") == pl.col("case_id").shift())
    moves = moves.with_columns(changed=changed).group_by("case_id").agg(transfers=pl.col("changed").sum())
    joined = cases
    for part in (course, talk, moves):
        joined = joined.join(part, on="case_id", how="left")
    ended, merged = pl.col("ended_at"), pl.col("end_kind") == "merged"
    counts = [
        "reopens",
        "transfers",
        "escalations",
        "priority_changes",
        "customer_messages",
        "agent_messages",
        "agents",
    ]

    def seconds(end: pl.Expr) -> pl.Expr:
        return (end - pl.col("created_at")).dt.total_microseconds() / 1e6

    joined = joined.with_columns(
        current_priority=pl.coalesce("last_priority", "priority"),
        current_team=pl.coalesce("last_team", "team"),
        resolved_at=pl.when(~merged).then(ended),
        merged_at=pl.when(merged).then(ended),
        is_open=ended.is_null(),
        pending_s=pl.col("pending_s").fill_null(0.0),
        **{name: pl.col(name).fill_null(0).cast(pl.Int64) for name in counts},
    )
    return joined.with_columns(
        first_response_s=seconds(pl.col("first_response_at")),
        resolution_s=seconds(pl.col("resolved_at")),
        age_s=seconds(ended.fill_null(until)),
    ).drop("last_priority", "last_team", "end_kind")


def kpis(history: pl.DataFrame, control: pl.DataFrame, until: Any) -> pl.DataFrame:
    """Return the daily history by channel."""
    rows = history.lazy()
    first = history["created_at"].min().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    last = until.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = pl.datetime_range(first, last, "1d", closed="left", time_unit="us", eager=True).alias("ds")
    grid = history.select(pl.col("channel").unique().sort()).join(days.to_frame(), how="cross").lazy()
    counted = {"cases_opened": "created_at", "cases_resolved": "resolved_at"}
    parts = [_count(grid, rows, kpi, at) for kpi, at in counted.items()]
    parts.append(_backlog(grid, rows, control.lazy()))
    parts += [
        _durations(grid, rows, "first_response_time", "first_response_s", 7 * DAY_S),
        _durations(grid, rows, "resolution_time", "resolution_s", 90 * DAY_S),
    ]
    week = pl.duration(days=7)
    took = pl.col("first_reopened_at") - pl.col("first_resolved_at")
    ripe = pl.col("first_resolved_at") <= pl.lit(until) - week
    parts += [
        _share(grid, rows, "reopen_rate", "first_resolved_at", (took >= pl.duration(days=0)) & (took <= week), ripe),
        _share(grid, rows, "transfer_rate", "resolved_at", pl.col("transfers") > 0, pl.lit(True)),
        _share(grid, rows, "escalation_rate", "resolved_at", pl.col("escalations") > 0, pl.lit(True)),
    ]
    return pl.concat(pl.collect_all(parts, engine="streaming"))


def _day(at: str) -> pl.Expr:
    return pl.col(at).dt.replace_time_zone(None).dt.truncate("1d").cast(pl.Datetime("us")).alias("ds")


def _laid(grid: pl.LazyFrame, found: pl.LazyFrame, kpi: str) -> pl.LazyFrame:
    """Lay measures into the cells of the grid, those that are not there missing."""
    laid = grid.join(found, on=["channel", "ds"], how="left")
    there = found.collect_schema().names()
    columns = [pl.col(n).cast(pl.Float64) if n in there else pl.lit(None, pl.Float64).alias(n) for n in MEASURES]
    filled = [pl.col(n).fill_null(0.0) for n in ("n", "numerator")]
    return laid.select(pl.lit(kpi).alias("kpi"), "channel", "ds", *columns).with_columns(filled)


def _count(grid: pl.LazyFrame, rows: pl.LazyFrame, kpi: str, at: str) -> pl.LazyFrame:
    found = rows.filter(pl.col(at).is_not_null()).group_by("channel", _day(at)).agg(n=pl.len())
    found = found.with_columns(value=pl.col("n"), numerator=pl.col("n"))
    return _laid(grid, found, kpi).with_columns(pl.col("value").fill_null(0.0))


def _backlog(grid: pl.LazyFrame, rows: pl.LazyFrame, control: pl.LazyFrame) -> pl.LazyFrame:
    turns = control.filter(pl.col("is_end") | pl.col("reopens"))
    was_open = pl.col("reopens").shift().over("case_id").fill_null(True)
    turns = turns.filter(was_open != pl.col("reopens"))
    turns = turns.join(rows.select("case_id", "channel"), on="case_id")
    step = pl.when("reopens").then(1).otherwise(-1)
    steps = pl.concat([
        rows.select("channel", _day("created_at"), step=pl.lit(1)), turns.select("channel", _day("at"), step=step)
    ])  # fmt: skip
    daily = grid.join(steps.group_by("channel", "ds").agg(pl.col("step").sum()), on=["channel", "ds"], how="left")
    k = pl.col("step").fill_null(0).cum_sum().over("channel", order_by="ds")
    return _laid(grid, daily.select("channel", "ds", value=k, n=k, numerator=k), "backlog")


def _share(grid: pl.LazyFrame, rows: pl.LazyFrame, kpi: str, at: str, hit: pl.Expr, of: pl.Expr) -> pl.LazyFrame:
    rows = rows.filter(pl.col(at).is_not_null())
    both = (hit & pl.col("of")).fill_null(False).sum().cast(pl.Float64)
    rows = rows.with_columns(of=of.fill_null(False))
    found = rows.group_by("channel", _day(at)).agg(numerator=both, n=pl.col("of").sum().cast(pl.Float64))
    k, n = pl.col("numerator"), pl.col("n")
    p = k / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * (p * (1 - p) / n + Z**2 / (4 * n * n)).sqrt()
    some = pl.when(n > 0)
    found = found.with_columns(
        value=some.then(p), lo=some.then(pl.max_horizontal(middle - half, 0.0)),
        hi=some.then(pl.min_horizontal(middle + half, 1.0)),
    )  # fmt: skip
    return _laid(grid, found, kpi)


def _durations(grid: pl.LazyFrame, rows: pl.LazyFrame, kpi: str, seconds: str, horizon: float) -> pl.LazyFrame:
    """Kaplan-Meier over all cells at once."""
    cell, c, d, s = ["channel", "ds"], pl.col("c"), pl.col("d"), pl.col("s")
    spent = pl.coalesce(seconds, "age_s")
    times = rows.select("channel", _day("created_at"), s=spent, over=pl.col(seconds).is_not_null())
    times = times.filter(s >= 0).group_by(*cell, "s").agg(c=pl.len(), d=pl.col("over").sum()).sort(*cell, "s")
    r = (c.sum().over(cell) - c.cum_sum().over(cell) + c).cast(pl.Float64)
    times = times.with_columns(r=r, d=d.cast(pl.Float64))
    r, dies = pl.col("r"), pl.col("d") == pl.col("r")
    steps = {"log": (-d / r).log1p(), "v": d / (r * (r - d))}
    times = times.with_columns(
        **{n: pl.when(dies).then(0.0).otherwise(e).cum_sum().over(cell) for n, e in steps.items()}
    )
    log = pl.col("log")
    times = times.with_columns(surv=pl.when(dies).then(0.0).otherwise(log.exp()), theta=Z * pl.col("v").sqrt() / log)
    surv, theta = pl.col("surv"), pl.col("theta")

    def band(sign: float, dead: float) -> pl.Expr:
        moved = pl.when(log < 0).then(surv.pow((sign * theta).exp())).otherwise(1.0)
        return pl.when(dies).then(dead).otherwise(moved)

    before = surv.shift(fill_value=1.0).over(cell)
    since = s.shift(fill_value=0.0).over(cell)
    area = before * (pl.min_horizontal(s, horizon) - pl.min_horizontal(since, horizon))
    times = times.with_columns(area=area, lower=band(-1, 0.0), upper=band(1, float("inf")))

    def below(column: str, limit: float) -> pl.Expr:
        return s.filter(pl.col(column) <= limit + 1e-9).min()

    def middle(share: float) -> pl.Expr:  # of a curve that is flat there
        falls = s.filter(surv < share - 1e-9).min()
        return (below("surv", share) + pl.coalesce(falls, below("surv", share))) / 2

    complete = (surv.last() == 0) | (s.last() >= horizon)
    found = times.group_by(cell, maintain_order=True).agg(
        value=middle(0.5), median=middle(0.5), p90=middle(0.1), lo=below("lower", 0.5),
        hi=below("upper", 0.5), mean=pl.when(complete).then(pl.col("area").sum()), n=c.sum(), numerator=d.sum(),
    )  # fmt: skip
    return _laid(grid, found, kpi)
