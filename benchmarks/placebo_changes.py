"""Changes that never were: how many of them are called an effect, and whether the leaver of the desk is sized rightly.

Of several simulated desks, accounts that nothing happened to and random dates. At 95 % one in twenty should be called.

python benchmarks/placebo_changes.py [changes] [desks]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.kpis.outcome_rows import fetch_outcomes
from deskcast.models.comparison.effect import describe_effect, estimate_effect, take_out_mix
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

KPIS = ("reopen_rate", "repeat_contact_rate", "csat", "sla_attainment", "first_contact_resolution")
LEAVES = pd.Timestamp("2025-08-18")
DAYS = pd.date_range("2024-12-01", "2026-01-20")


def main() -> int:
    """Print the share of placebo changes that are called effects, by KPI, and the effects of the leaver."""
    changes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    desks = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    dice = np.random.default_rng(0)
    called: dict[str, list[bool]] = {kpi: [] for kpi in KPIS}
    for seed in range(1, desks + 1):
        with tempfile.TemporaryDirectory() as folder:
            write_desk(simulate_desk(9_000, seed=seed), Path(folder))
            log = open_project(Path(folder) / "deskcast.toml").log
        for kpi in KPIS:
            rows, mix = fetch_outcomes(log, kpi, "account")
            rows = take_out_mix(rows, mix, "account")
            if seed == 1:
                print(describe_effect(estimate_effect(rows, LEAVES, "account", "A2"), f"{kpi}, A2", "18 Aug 2025"))
            clean = rows[rows["account"] != "A2"].reset_index(drop=True)
            accounts = sorted(clean["account"].unique())
            while len(called[kpi]) < seed * changes / (desks * len(KPIS)):
                day, account = DAYS[dice.integers(len(DAYS))], accounts[dice.integers(len(accounts))]
                effect = estimate_effect(clean, day, "account", account, placebos=False)
                if effect.verdict in ("effect", "no effect can be shown"):
                    called[kpi].append(effect.verdict == "effect")
        print(
            f"desk {seed}: " + ", ".join(f"{kpi} {np.mean(found or [np.nan]):.1%}" for kpi, found in called.items()),
            flush=True,
        )
    every = [one for found in called.values() for one in found]
    print(f"{np.mean(every):.1%} of {len(every):,} placebo changes are called an effect")
    return 0


if __name__ == "__main__":
    sys.exit(main())
