"""A day is staffed for its target with a stated chance: how many of 4,000 other days, played call by call, meet it?

python benchmarks/stated_chance.py [--days 4000] [--rows phone chat skills deadline]

Plans rest on 300 sample paths of counts and the forecast's quantiles, as in `deskcast staff`; the days are drawn anew,
each busier or quieter as a whole by 10%. Phone: 12 half hours, callers give up after three minutes on average; handle
times of a day are off by 8%, by themselves or with the volume. Chat: three at once, nobody gives up. Two skills: a
group for each queue and one for both. Deadline: cases to be done within two business hours, a week of five days from
one plan; a day is met where no case that falls due in it is late.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting.backlog.casework import build_deferred_work
from deskcast.forecasting.backlog.plan import backlog_plan
from deskcast.forecasting.backlog.work_flow import run_work
from deskcast.forecasting.scheduling.skill_week import SkillQueue, count_runs, plan_skill_groups
from deskcast.forecasting.simulation.chats import simulate_chats
from deskcast.forecasting.simulation.plan_run import build_agents
from deskcast.forecasting.simulation.queue import SERVED, Agent, QueueRun, simulate_queue
from deskcast.forecasting.staffing.handle_time_days import HandleTimeVariation, handle_time_paths
from deskcast.forecasting.staffing.path_plan import agents_over_period, rate_paths
from deskcast.forecasting.staffing.target import QueueTarget
from scipy import special

STEP, SPREAD, TIME_SPREAD, PATHS = 1800.0, 0.1, 0.08, 300
PROFILE = 120 * (0.5 + np.sin(np.linspace(0.3, np.pi - 0.3, 12)))
START = np.arange(len(PROFILE)) * STEP
DS = pd.Series(pd.Timestamp("2024-03-04 08:00") + pd.to_timedelta(START, unit="s"))
PHONE, CHAT = (
    QueueTarget(STEP, 0.8, 20.0, None, 180.0),
    QueueTarget(STEP, 0.8, 60.0, None, None, concurrency=3, slowdown=0.1),
)
SURE = (0.8, 0.9)
Row = tuple[str, float, float, int]


def draw_factors(count: int, seed: int) -> np.ndarray:
    """Return what the volume of each day is multiplied by."""
    return np.exp(SPREAD * np.random.default_rng(seed).standard_normal(count) - SPREAD**2 / 2)


def make_rates(profile: np.ndarray, seed: int) -> np.ndarray:
    """Return the rates of planned paths, from the quantiles of a forecast and sample paths of counts."""
    dice = np.random.default_rng(seed)
    many = dice.poisson(draw_factors(20_000, seed + 1)[:, None] * profile)
    ahead = pd.DataFrame({"ds": DS, "deskcast": np.median(many, axis=0)})
    for level in (80, 95):
        ahead[f"deskcast-lo-{level}"], ahead[f"deskcast-hi-{level}"] = (
            np.quantile(many, 0.5 + side * level / 200, axis=0) for side in (-1, 1)
        )
    counts = dice.poisson(draw_factors(PATHS, seed + 2)[:, None] * profile)
    parts = [pd.DataFrame({"unique_id": "all", "ds": DS, "path": k, "y": row}) for k, row in enumerate(counts)]
    return rate_paths(ahead, pd.concat(parts))


def play_single(
    agents: np.ndarray, aht: float, serve: Callable[..., QueueRun], target: QueueTarget, with_volume: float,
    own: float, days: int, seed: int,
) -> float:  # fmt: skip
    """Return the share of days that meet the target of one queue."""
    dice, factors, met = np.random.default_rng(seed), draw_factors(days, seed + 1), 0
    for factor in factors:
        count = dice.poisson(factor * PROFILE)
        at = np.sort(np.repeat(START, count) + dice.uniform(0, STEP, int(count.sum())))
        mean = aht * factor**with_volume * np.exp(own * dice.standard_normal())
        run = serve(at, dice.exponential(mean, len(at)), dice, build_agents(agents, START, STEP))
        in_time = (run.outcome == SERVED) & (run.start - run.arrived <= float(target.threshold))  # type: ignore[arg-type]
        met += int(in_time.sum() >= 0.8 * len(at))
    return met / days


def phone_rows(days: int) -> Iterator[Row]:
    """Yield the rows of the phone: handle times certain, and off by days, with volume or by themselves."""
    rates = make_rates(PROFILE, 1)

    def serve(at: np.ndarray, handle: np.ndarray, dice: np.random.Generator, crew: list[Agent]) -> QueueRun:
        return simulate_queue(at, handle, crew, patience=dice.exponential(180.0, len(at)))

    for correlation in (None, -0.5, 0.0, 0.5):
        spread = 0.0 if correlation is None else TIME_SPREAD
        part = correlation or 0.0
        days_vary = HandleTimeVariation(spread * np.sqrt(1 - part**2), part * spread / SPREAD)
        times = 300.0 * handle_time_paths(rates, days_vary, DS)
        name = "phone" if correlation is None else f"phone, handle time and volume {correlation:+.1f}"
        for sure in SURE:
            agents = agents_over_period(rates, times, PHONE, DS, sure, "day")
            held = play_single(agents, 300.0, serve, PHONE, days_vary.with_volume, days_vary.spread, days, 50)
            yield name, sure, held, days


def chat_rows(days: int) -> Iterator[Row]:
    """Yield the rows of the chats."""
    rates = make_rates(PROFILE, 1)

    def serve(at: np.ndarray, handle: np.ndarray, _: np.random.Generator, crew: list[Agent]) -> QueueRun:
        return simulate_chats(at, handle, crew, 3, 0.1)

    for sure in SURE:
        agents = agents_over_period(rates, 600.0, CHAT, DS, sure, "day")
        yield "chat", sure, play_single(agents, 600.0, serve, CHAT, 0.0, 0.0, days, 60), days


def skill_rows(days: int) -> Iterator[Row]:
    """Yield the rows of two queues that share agents: the one that is worse off."""
    groups, names = {"de": ["de"], "fr": ["fr"], "both": ["de", "fr"]}, ["de", "fr"]
    base, aht, slots = {"de": 60.0, "fr": 40.0}, 240.0, len(PROFILE)
    target = QueueTarget(STEP, 0.8, 20.0, None, 180.0)
    runs = count_runs(sum(base.values()) * slots, is_sure=True)
    even = special.ndtri((np.arange(runs) + 0.5) / runs)  # the rates of paths have the quantiles of the forecast
    factor = {q: np.exp(SPREAD * even[np.argsort(np.argsort(z))]) for q, z in zip(names, _pair(runs, 3), strict=True)}
    for sure in SURE:
        scale = np.exp(SPREAD * {0.8: 0.8416, 0.9: 1.2816}[sure])
        need = pd.concat(
            pd.DataFrame({"queue": q, "ds": DS.head(slots), "calls": base[q], "aht_s": aht,
                          "agents": int(target.require(base[q] * scale, aht)["agents"].iloc[0])}) for q in names
        )  # fmt: skip
        rates = {q: base[q] * factor[q][:, None] * np.ones(slots) for q in names}
        queues = {q: SkillQueue(target, confidence=sure) for q in names}
        plan, _ = plan_skill_groups(need, groups, queues, cost={"de": 1.0, "fr": 1.0, "both": 1.1}, rates=rates)
        crew = [
            Agent(tuple(names.index(q) for q in groups[name]), one.shifts)
            for name, rows in plan.groupby("group")
            for one in build_agents(rows.sort_values("ds")["agents"].to_numpy(), START[:slots], STEP)
        ]
        yield "two skills, the worse", sure, _play_skills(crew, base, aht, slots, days), days


def _pair(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return normal scores of two queues, correlated by one half."""
    common, *own = np.random.default_rng(seed).standard_normal((3, count))
    return tuple(np.sqrt(0.5) * common + np.sqrt(0.5) * each for each in own)  # type: ignore[return-value]


def _play_skills(crew: list[Agent], base: dict[str, float], aht: float, slots: int, days: int) -> float:
    dice, scores, met = np.random.default_rng(70), _pair(days, 71), np.zeros(2)
    for pair in zip(*scores, strict=True):
        count = dice.poisson([[rate * np.exp(SPREAD * z)] * slots for rate, z in zip(base.values(), pair, strict=True)])
        kind, slot = (np.repeat(x.ravel(), count.ravel()) for x in np.indices(count.shape))
        at = START[slot] + dice.uniform(0, STEP, len(slot))
        leave = dice.exponential(180.0, len(at))
        run = simulate_queue(at, dice.exponential(aht, len(at)), crew, skill=kind, patience=leave)
        in_time = (run.outcome == SERVED) & (run.start - run.arrived <= 20.0)
        met += np.bincount(kind, in_time, 2) >= 0.8 * np.bincount(kind, minlength=2)
    return float(met.min() / days)


def deadline_rows(days: int) -> Iterator[Row]:
    """Yield the rows of case work: the days of a week that is planned at once."""
    office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    profile = np.tile(np.concatenate([np.zeros(16), np.full(20, 15.0), np.zeros(12)]), 5)
    ds, of_day = pd.date_range("2024-03-04", periods=len(profile), freq="30min"), np.arange(len(profile)) // 48

    def build(count: int, seed: int, handle: bool) -> pd.DataFrame:
        dice = np.random.default_rng(seed)
        cases = dice.poisson(draw_factors(5 * count, seed + 1).reshape(count, 5)[:, of_day] * profile).astype(float)
        if handle:  # cases of the mean length that take as long as these
            cases = np.where(cases > 0, dice.gamma(np.maximum(cases, 1.0)), 0.0)
        return pd.concat([pd.DataFrame({"ds": ds, "path": k, "y": row}) for k, row in enumerate(cases)])

    rules = {"sla_s": 7200.0, "handle_s": 1200.0}
    paths, fresh = build(PATHS, 5, False), build_deferred_work(build(days // 5, 80, True), office, **rules)
    for sure in SURE:
        plan = backlog_plan(paths, office, confidence=sure, **rules)
        late = run_work(fresh, plan["agents"].to_numpy() * fresh.open_s).late.reshape(-1, 5, 48).sum(axis=2)
        yield "deadline", sure, float((late <= 0.01).mean()), late.size


ROWS = {"phone": phone_rows, "chat": chat_rows, "skills": skill_rows, "deadline": deadline_rows}


def main() -> None:
    """Print a row for each kind of work and stated chance."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--days", type=int, default=4000)
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=tuple(ROWS))
    given = parser.parse_args()
    print(f"{'':40s} stated    held  +- 2 standard errors")
    for kind in given.rows:
        for name, sure, held, days in ROWS[kind](given.days):
            print(f"{name:40s} {sure:6.0%} {held:7.1%} {2 * np.sqrt(held * (1 - held) / days):7.1%}", flush=True)


if __name__ == "__main__":
    main()
