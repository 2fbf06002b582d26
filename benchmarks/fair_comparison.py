"""Fair comparison on the simulated desk: how often equal agents are flagged, and whether a worse one is found.

The agents of each team are dealt anew to its cases, so that they are equal and everything else (case mix, days on which
all are late, customers who come again) stays as it is; then one of them spoils a stated share of their good outcomes.

python benchmarks/fair_comparison.py [runs]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.cases.credits import find_team_of_agents
from deskcast.features.kpis.outcome_rows import fetch_outcomes
from deskcast.models.comparison.compare import compare_units
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

KPIS = ("sla_attainment", "reopen_rate", "csat")
FLAGS = ("higher than expected", "lower than expected")


def main() -> int:
    """Print, for each KPI, the share of runs with a wrong flag, and how often the worse agent was found."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        write_desk(simulate_desk(12_000, seed=1), Path(folder))
        log = open_project(Path(folder) / "deskcast.toml").log
    teams = find_team_of_agents(log)
    for kpi in KPIS:
        rows, mix = fetch_outcomes(log, kpi, "agent")
        rows = rows[rows["agent"].isin(teams)].reset_index(drop=True)
        rows["mix_team"] = rows["agent"].map(teams)
        wrong, found, told = [], [], []
        for run in range(runs):
            dice = np.random.default_rng([run, 7])
            dealt = rows.assign(unit=_deal(rows, dice))
            rest = {"cluster": "customer_id", "mix": (*mix, "mix_team"), "higher_is_better": kpi != "reopen_rate"}
            table = compare_units(dealt, **rest).table.set_index("unit")
            wrong.append(bool(table["verdict"].isin(FLAGS).any()))
            if run < runs // 4:
                size = table.loc[(table["overlap"] > 0.5) & (table["n"] >= 25), "n"]
                agent = (size - size.median()).abs().idxmin()  # one of the usual size
                drop = float(table.loc[agent, "detectable"])
                told.append(drop)
                worse = dealt.assign(outcome=_spoil(dealt, agent, drop, kpi, dice))
                verdict = compare_units(worse, **rest).table.set_index("unit").loc[agent, "verdict"]
                found.append(verdict == (FLAGS[0] if kpi == "reopen_rate" else FLAGS[1]))
        print(
            f"{kpi}: {len(table)} agents, {len(rows):,} outcomes; a wrong flag in {np.mean(wrong):.1%} of {runs} runs; "
            f"one agent worse by {100 * np.mean(told):.1f} points is found in {np.mean(found):.0%} of {len(found)}",
            flush=True,
        )
    return 0


def _deal(rows: pd.DataFrame, dice: np.random.Generator) -> np.ndarray:
    """Deal the agents of each team anew to its outcomes, all outcomes of a case to one of them."""
    cases = rows.drop_duplicates("case_id")
    dealt: dict[str, str] = {}
    for _, mine in cases.groupby("mix_team"):
        dealt |= dict(zip(mine["case_id"], dice.permutation(mine["agent"].to_numpy()), strict=True))
    return rows["case_id"].map(dealt).to_numpy()


def _spoil(rows: pd.DataFrame, agent: str, drop: float, kpi: str, dice: np.random.Generator) -> np.ndarray:
    """Turn good outcomes of an agent into bad ones, until their share is lower by ``drop``."""
    good = 0.0 if kpi == "reopen_rate" else 1.0
    mine = (rows["unit"] == agent) & (rows["outcome"] == good)
    share = mine.sum() / max((rows["unit"] == agent).sum(), 1)
    spoilt = mine & (dice.random(len(rows)) < drop / share)
    return np.where(spoilt, 1 - good, rows["outcome"])


if __name__ == "__main__":
    sys.exit(main())
