"""How fast and how exact the requirement for a long horizon is, beside four other libraries in the same run.

python benchmarks/staffing.py [--rows 10000] [--peer-rows 10000] [--skip-peers]

The peers are those of the extra ``bench``; one that is not installed is left out. They work interval by interval, so
that at 5,000 Erlangs they are timed on fewer intervals and scaled up; the table says on how many.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting.queueing.chat import chat_performance
from deskcast.forecasting.queueing.erlang import PERFORMANCE_COLUMNS, queue_performance
from deskcast.forecasting.queueing.patience import Patience
from deskcast.forecasting.staffing.demand import Demand
from deskcast.forecasting.staffing.risk_of_short import risk_of_short
from deskcast.forecasting.staffing.staffing_plan import required_agents, scheduled_agents

ORACLES = Path(__file__).resolve().parent.parent / "tests" / "oracles"
TARGET, WITHIN, CAP = 0.8, 20, 0.85
Solve = Callable[[float, float, float], int]
Level = Callable[[float, float, int, float], float]


def intervals(erlangs: float, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return calls and handle times of each half hour."""
    rng = np.random.default_rng(1)
    aht = rng.integers(240, 361, rows).astype(float)
    return rng.uniform(0.7, 1.3, rows) * erlangs * 1800 / aht, aht


def peers() -> dict[str, tuple[Solve, Level]]:
    """Return for each installed peer: agents for (calls, aht, cap), and the service level with agents and patience."""
    found: dict[str, tuple[Solve, Level]] = {}
    try:
        from pyworkforce.queuing import ErlangC

        def queue(calls: float, aht: float) -> ErlangC:
            return ErlangC(transactions=calls, aht=aht / 60, asa=WITHIN / 60, interval=30, shrinkage=0.0)

        found["pyworkforce"] = (
            lambda calls, aht, cap: queue(calls, aht).required_positions(TARGET, cap)["raw_positions"],
            lambda calls, aht, agents, _: queue(calls, aht).service_level(agents),
        )
    except ImportError:
        pass
    try:
        from call_center_tools import calc_staffing

        found["call-center-tools"] = (
            lambda calls, aht, cap: calc_staffing(calls * 2, aht, None, cap, WITHIN, TARGET).agents,
            lambda calls, aht, agents, _: calc_staffing(calls * 2, aht, agents, 1.0, WITHIN).service_level,
        )
    except ImportError:
        pass
    try:
        from mod_turbotab.agents.capacity import agents_required
        from mod_turbotab.queues.queues import sla_metric

        found["turbotab"] = (
            lambda calls, aht, cap: agents_required(TARGET, WITHIN, calls, int(aht), 1800.0, None, cap),
            lambda calls, aht, agents, patience: sla_metric(
                agents, WITHIN, calls, int(aht), 1800.0, patience if math.isfinite(patience) else None
            ),
        )
    except ImportError:
        pass
    try:
        from callcenterdim.Dimensionamento import AgentsReq, ServiceLevel

        found["CallCenterDim"] = (
            lambda calls, aht, cap: max(AgentsReq(calls, 30, aht, TARGET, WITHIN), math.ceil(calls * aht / 1800 / cap)),
            lambda calls, aht, agents, _: ServiceLevel(calls, 30, aht, WITHIN, agents),
        )
    except ImportError:
        pass
    return found


def errors() -> None:
    """Hold the formulas against the golden files."""
    golden = pd.read_csv(ORACLES / "queues.csv")
    found = queue_performance(*(golden[c] for c in ("calls", "aht", "agents", "interval", "threshold", "patience")))
    tables = [("Erlang C and A", golden, found)]
    golden = pd.read_csv(ORACLES / "queues_chat.csv")
    inputs = [golden[c] for c in ("chats", "aht", "agents", "concurrency", "slowdown")]
    found = chat_performance(*inputs, threshold=golden["threshold"], patience=golden["patience"])
    tables.append(("chat", golden, found))
    golden = pd.read_csv(ORACLES / "queues_patience.csv")
    for model in golden["model"].unique():
        part = golden[golden["model"] == model].reset_index(drop=True)
        rows = [
            queue_performance(r.calls, r.aht, r.agents, threshold=r.threshold, patience=patience_of(r))
            for r in part.itertuples()
        ]
        tables.append((f"patience: {model}", part, pd.concat(rows, ignore_index=True)))
    print("largest relative error against 40 to 50 digits (values below 1e-100 left out)")
    for name, truth, ours in tables:
        worst = 0.0
        for column in PERFORMANCE_COLUMNS:
            exact, mine = truth[column].to_numpy(), ours[column].to_numpy()
            use = np.isfinite(exact) & (exact > 1e-100)
            worst = max(worst, float(np.max(np.abs(mine[use] / exact[use] - 1), initial=0.0)))
        print(f"  {name:18s} {len(truth):4d} rows   {worst:.1e}")


def patience_of(row: object) -> Patience:
    """Return the patience of a row of the golden file."""
    model, p1, p2, p3 = row.model, row.p1, row.p2, row.p3  # type: ignore[attr-defined]
    if model == "fixed":
        return Patience.fixed(p1)
    if model == "two":
        return Patience.observed([p2, p3], [1 - p1, 0.0])
    return Patience.erlang(p1, int(p2)) if model == "erlang" else Patience.hyperexponential([p1, 1 - p1], [p2, p3])


def speed(erlangs: float, rows: int, few: int, others: dict[str, tuple[Solve, Level]]) -> None:
    """Time the requirement without and with an occupancy cap, ours and theirs, and count their errors."""
    calls, aht = intervals(erlangs, rows)
    print(
        f"\n{rows:,} half hours of about {erlangs:g} Erlangs, 80 % in 20 s, without and with an occupancy cap of 0.85"
    )
    ours, needs = [], {}
    for cap in (None, CAP):
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            needs[cap] = required_agents(calls, aht, max_occupancy=cap)["agents"].to_numpy()
            seconds.append(time.perf_counter() - start)
        ours.append(min(seconds))
    print(f"  {'':22s} no cap     cap   both    times ours   on rows   wrong agents   off by   service level off by")
    print(f"  {'deskcast':22s} {ours[0]:6.3f} {ours[1]:7.3f} {sum(ours):6.3f}")
    ratios = []
    at = np.arange(few)
    level = queue_performance(calls[at], aht[at], needs[None][at])["service_level"].to_numpy()
    for name, (solve, level_of) in others.items():
        theirs, wrong, off = [], 0, 0
        for cap in (None, CAP):
            start = time.perf_counter()
            found = np.array([solve(c, s, cap or 1.0) for c, s in zip(calls[at], aht[at], strict=True)])
            theirs.append((time.perf_counter() - start) * rows / few)
            wrong += int((found != needs[cap][at]).sum())
            off = max(off, int(np.abs(found - needs[cap][at]).max()))
        shown = [level_of(calls[i], aht[i], int(needs[None][i]), np.inf) for i in at[:200]]
        gap = float(np.max(np.abs(np.array(shown, dtype=float) - level[:200])))
        ratios.append(sum(theirs) / sum(ours))
        label = f"{name} {_version(name)}"
        print(
            f"  {label:22s} {theirs[0]:6.3f} {theirs[1]:7.3f} {sum(theirs):6.2f} {ratios[-1]:10.1f} x {few:9,d} "
            f"{wrong / (2 * few):13.2%} {off:8d} {gap:17.1e}"
        )
    if ratios:
        print(f"  the fastest of them takes {min(ratios):.1f} times as long as deskcast (promised: 8)")


def hard_cases(others: dict[str, tuple[Solve, Level]]) -> None:
    """Show inputs at which interval-by-interval code goes wrong."""
    cases = [
        ("nobody calls", "agents", (0.0, 300.0, 1.0)),
        ("35.7 Erlangs, cap 0.85", "agents", (214.2, 300.0, 0.85)),
        ("0.001 Erlangs", "agents", (0.006, 300.0, 1.0)),
        ("9 agents for 10 Erlangs", "level", (100.0, 180.0, 9, np.inf)),
        ("51 for 50, patience 120 s", "level", (300.0, 300.0, 51, 120.0)),
        ("800 for 790", "level", (4740.0, 300.0, 800, np.inf)),
        ("20,050 for 20,000", "level", (120000.0, 300.0, 20050, np.inf)),
    ]
    print(f"\n{'':28s} {'deskcast':>12s} " + " ".join(f"{name:>18s}" for name in others))
    for words, kind, inputs in cases:
        if kind == "agents":
            calls, aht, cap = inputs
            ours = str(required_agents(calls, aht, max_occupancy=cap)["agents"].iloc[0])
        else:
            calls, aht, agents, patience = inputs
            ours = f"{queue_performance(calls, aht, agents, patience=patience)['service_level'].iloc[0]:.6f}"
        row = []
        for solve, level_of in others.values():
            try:
                row.append(str(solve(*inputs)) if kind == "agents" else f"{level_of(*inputs):.6f}")
            except Exception as error:  # noqa: BLE001 - what they raise is the finding
                row.append(type(error).__name__)
        print(f"{words:28s} {ours:>12s} " + " ".join(f"{x:>18s}" for x in row))


def uncertainty() -> None:
    """A rate that varies between intervals costs more than any refinement of the formula."""
    print(
        "\n57 agents for 50 Erlangs, 80 % in 20 s, when the rate varies (gamma): expected share in time, risk to miss"
    )
    for spread in (0.0, 0.05, 0.10, 0.20):
        row = risk_of_short(Demand.varying(300, 300, spread=spread), 57)[0].iloc[0]
        print(f"  {spread:4.0%}  {row['expected_service_level']:.3f}  {row['miss_probability']:.3f}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def main() -> int:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--peer-rows", type=int, default=10_000, help="at 50 Erlangs; a fiftieth of it at 5,000")
    parser.add_argument("--skip-peers", action="store_true")
    args = parser.parse_args()
    others = {} if args.skip_peers else peers()
    errors()
    speed(50, args.rows, min(args.peer_rows, args.rows), others)
    speed(5000, args.rows, max(min(args.peer_rows, args.rows) // 50, 1), others)
    if others:
        hard_cases(others)
    uncertainty()
    print("people for 21 agents at 30 % shrinkage:", scheduled_agents(21, 0.30))
    return 0


if __name__ == "__main__":
    sys.exit(main())
