"""The simulation and the formulas on random settings of each model: does the formula lie in the interval?

    python benchmarks/simulation_vs_formula.py [SETTINGS] [LENGTH]

Each setting is one run of LENGTH mean handle times, cut into 40 batches; the interval of a measure is that of their
means. A 99 % interval misses one time in a hundred even when both are right, so two counts are shown: within the 99 %
interval of each measure alone, and within the wider one that holds for all measures of all settings of a model
together with 99 %. Events rarer than one in fifty come in clusters, of which a run holds too few to judge; they are
not compared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from deskcast.forecasting.queueing.chat import chat_performance
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.queueing.patience import Patience
from deskcast.forecasting.simulation.chats import simulate_chats
from deskcast.forecasting.simulation.check_plan import batch_sums, check_plan, estimate_mean_interval, share_interval
from deskcast.forecasting.simulation.plan_run import draw_patience
from deskcast.forecasting.simulation.queue import ABANDONED, SERVED, Agent, QueueRun, simulate_queue
from scipy import special

ALWAYS = ((0.0, np.inf),)
INTERVAL, BATCHES = 1800.0, 40


def setting(rng: np.random.Generator, stable: bool) -> dict[str, float]:
    """Draw a queue: agents, handle time, load, threshold, patience."""
    load, aht = np.exp(rng.uniform(np.log(1.5), np.log(50))), rng.uniform(60, 900)
    spare = rng.uniform(0.5, 1.3) if stable else rng.uniform(-0.8, 1.0)
    agents = max(1, int(np.ceil(load + spare * load**0.5)))
    return {
        "calls": load * INTERVAL / aht,
        "aht": aht,
        "agents": agents,
        "threshold": rng.uniform(5, 120),
        "patience": rng.uniform(30, 600),
    }


def played(run: QueueRun, threshold: float) -> dict[str, np.ndarray]:
    """Return what each item says of the measures."""
    wait = np.where(run.outcome == ABANDONED, run.end, run.start) - run.arrived
    return {
        "service_level": (run.outcome == SERVED) & (wait <= threshold),
        "mean_wait": wait,
        "abandonment": run.outcome == ABANDONED,
    }


def compare(formula: pd.DataFrame, run: QueueRun, threshold: float) -> pd.DataFrame:
    """Return the measures of a setting: formula, simulation and its standard error."""
    rows = []
    for measure, values in played(run, threshold).items():
        truth = formula[measure].iloc[0]
        if (0.02 < truth < 0.98) if measure != "mean_wait" else truth > 0.02 * threshold:
            bounds = estimate_mean_interval if measure == "mean_wait" else share_interval
            mean, low, high = bounds(*batch_sums(values, BATCHES), level=0.99)
            rows.append((measure, formula[measure].iloc[0], mean[0], low[0], high[0]))
    return pd.DataFrame(rows, columns=["measure", "formula", "simulation", "low", "high"])


def calls_of(
    s: dict[str, float], length: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[Agent]]:
    """Draw Poisson arrivals over so many mean handle times, and exponential handle times."""
    items = int(length * s["calls"] * s["aht"] / INTERVAL)
    arrivals = rng.exponential(INTERVAL / s["calls"], items).cumsum()
    return arrivals, rng.exponential(s["aht"], items), [Agent((0,), ALWAYS)] * int(s["agents"])


def queue_model(kind: str) -> Callable[[np.random.Generator, float], pd.DataFrame]:
    """Return the comparison of one setting of a queue of calls."""

    def one(rng: np.random.Generator, length: float) -> pd.DataFrame:
        s = setting(rng, stable=kind == "Erlang C")
        patience = {"Erlang C": None, "Erlang A": s["patience"]}.get(kind, Patience.fixed(s["patience"]))
        if kind == "M/M/n+E2":
            patience = Patience.erlang(s["patience"], stages=2)
        arrivals, handle, crew = calls_of(s, length, rng)
        leave = draw_patience(np.inf if patience is None else patience, len(arrivals), rng)
        run = simulate_queue(arrivals, handle, crew, patience=leave)
        formula = queue_performance(s["calls"], s["aht"], s["agents"], INTERVAL, s["threshold"], patience)
        return compare(formula, run, s["threshold"])

    return one


def chat_model(slow: bool) -> Callable[[np.random.Generator, float], pd.DataFrame]:
    """Return the comparison of one setting of chats, several at once."""

    def one(rng: np.random.Generator, length: float) -> pd.DataFrame:
        s, places = setting(rng, stable=True), int(rng.integers(2, 5))
        slowdown = rng.uniform(0.05, 0.5) if slow else 0.0
        s["agents"] = max(2, round(s["agents"] / 2))
        room = s["agents"] * places
        busy = max(room - rng.uniform(0.5, 1.3) * room**0.5, 0.3 * room)  # chats open if all agents had them all
        s["calls"] = busy * INTERVAL / s["aht"] / (1 + slowdown * (places - 1))
        arrivals, handle, crew = calls_of(s, length, rng)
        run = simulate_chats(arrivals, handle, crew, places, slowdown)
        formula = chat_performance(
            s["calls"], s["aht"], s["agents"], places, slowdown, interval=INTERVAL, threshold=s["threshold"]
        )
        return compare(formula, run, s["threshold"]).assign(places=places, slowdown=slowdown, agents=s["agents"])

    return one


def day_model(rng: np.random.Generator, length: float) -> pd.DataFrame:
    """Compare a day whose queue is carried from interval to interval, beginning empty."""
    s, slots = setting(rng, stable=False), 12
    calls = s["calls"] * rng.uniform(0.5, 1.2, slots)
    ds = pd.date_range("2024-03-01 08:00", periods=slots, freq="30min")
    plan = pd.DataFrame({"ds": ds, "calls": calls, "aht_s": s["aht"], "agents": s["agents"]})
    found = check_plan(
        plan,
        threshold=s["threshold"],
        patience=s["patience"],
        replications=max(40, round(length / 50)),
        seed=int(rng.integers(1 << 30)),
    )
    rows = found[found["period"] == "interval"].iloc[[0, 1, slots // 2, slots - 1]]
    renamed = {"over_day_service_level": "formula", "service_level": "simulation"}
    renamed |= {"service_level_lo": "low", "service_level_hi": "high"}
    return rows.rename(columns=renamed)[list(renamed.values())].assign(measure="service_level")


MODELS = {
    "Erlang C": queue_model("Erlang C"),
    "Erlang A": queue_model("Erlang A"),
    "M/M/n+D": queue_model("M/M/n+D"),
    "M/M/n+E2": queue_model("M/M/n+E2"),
    "chat, no slowdown": chat_model(slow=False),
    "chat, slowdown": chat_model(slow=True),
    "over a day": day_model,
}


def run_model(name: str, settings: int, length: float, seed: int = 7) -> pd.DataFrame:
    """Return all measures of all settings of a model, with how many standard errors they are apart."""
    place = list(MODELS).index(name)
    parts = [MODELS[name](np.random.default_rng([seed, place, k]), length).assign(setting=k) for k in range(settings)]
    table = pd.concat(parts, ignore_index=True)
    half = np.where(table["formula"] > table["simulation"], table["high"] - table["simulation"], 0.0)
    half = np.where(table["formula"] <= table["simulation"], table["simulation"] - table["low"], half)
    one, all_ = (special.stdtrit(BATCHES - 1, 1 - 0.005 / k) for k in (1, len(table)))
    apart = (table["formula"] - table["simulation"]).abs() / np.maximum(half, 1e-300)
    return table.assign(inside=apart <= 1, inside_all=apart <= all_ / one, apart=apart * one)


def main(settings: int = 30, length: int = 20_000) -> None:
    """Print one line a model."""
    print(f"{settings} random settings of each model, runs of {length:,} mean handle times")
    for name in MODELS:
        start = time.perf_counter()
        table = run_model(name, settings, length)
        off = table.loc[table["apart"].idxmax()]
        gap = (table["simulation"] / table["formula"] - 1).abs().median()
        print(
            f"  {name:18s} {table['inside'].sum():3d} of {len(table)} within their own 99 % interval, "
            f"{table['inside_all'].sum():3d} within the joint one; widest {off['apart']:.1f} standard errors "
            f"({off['measure']}: {off['formula']:.4f} against {off['simulation']:.4f}); median difference {gap:.2%}; "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
