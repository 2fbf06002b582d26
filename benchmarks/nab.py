"""Scores of single series by the rules of the Numenta benchmark: one threshold for all files, chosen on other files.

python benchmarks/nab.py [folder with series.csv.gz and anomaly_windows.csv]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.models.anomaly.scores import DETECTION_THRESHOLD, anomaly_scores
from scipy.special import erfc

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))
from nab_rules import PROFILES, Marked, final

FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "nab"
#: Published scores (standard profile, before the scale) of the windowed Gaussian detector at its threshold 1.0, for the
#: files whose published scores do not depend on the length of its window.
PUBLISHED = {
    "realAWSCloudwatch/ec2_cpu_utilization_24ae8d": -1.266678759349383,
    "realAWSCloudwatch/ec2_cpu_utilization_c6585a": -1.3200000000000003,
    "realAWSCloudwatch/ec2_network_in_257a54": 0.8606718242697022,
    "realAWSCloudwatch/elb_request_count_8c0756": -0.13844919792440225,
    "realAWSCloudwatch/rds_cpu_utilization_e47b3b": -0.13844919792440225,
    "realAdExchange/exchange-2_cpc_results": -1.0,
    "realAdExchange/exchange-3_cpc_results": 2.5026632611866138,
    "realAdExchange/exchange-4_cpc_results": 0.2922884634276035,
    "realKnownCause/ambient_temperature_system_failure": -2.0,
    "realKnownCause/nyc_taxi": -5.0,
    "realTraffic/TravelTime_387": -1.7959813307852819,
}
Scores = dict[str, np.ndarray]


def load(folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, Marked]]:
    """Return the rows and the marked points of each file."""
    rows = pd.read_csv(folder / "series.csv.gz", parse_dates=["timestamp"])
    windows = pd.read_csv(folder / "anomaly_windows.csv", parse_dates=["window_start", "window_end"])
    series = {name: part.reset_index(drop=True) for name, part in rows.groupby("series")}
    limits = {name: windows[windows["series"] == name] for name in series}
    return series, {
        name: Marked.of(
            part["timestamp"], list(zip(limits[name]["window_start"], limits[name]["window_end"], strict=True))
        )
        for name, part in series.items()
    }


def windowed_gaussian(x: np.ndarray, size: int = 6400, step: int = 100) -> np.ndarray:
    """Return the scores of the benchmark's own simplest detector: how far in the tail of a normal fit of the window."""
    out = np.zeros(len(x))
    for i in range(1, len(x)):
        end = i if i < size else size + (i - size) // step * step
        past = x[max(end - size, 0) : end]
        out[i] = 1 - 0.5 * erfc(abs(x[i] - past.mean()) / (past.std() or 1e-6) / 1.4142)
    return out


def random_alarms(n: int, seed: int) -> np.ndarray:
    """Return scores that mean nothing."""
    return np.random.default_rng(seed).uniform(size=n)


def raw_table(files: dict[str, Marked], scores: Scores, thresholds: np.ndarray, profile: str) -> pd.DataFrame:
    """Return the raw score of each file (row) at each threshold (column)."""
    return pd.DataFrame(
        {name: [file.raw(scores[name] >= limit, profile) for limit in thresholds] for name, file in files.items()},
        index=thresholds,
    ).T


def chosen(
    files: dict[str, Marked], scores: Scores, profile: str, held_out: dict[str, str]
) -> tuple[float, list[float]]:
    """Score each group of files at the threshold that is best on all others; return the final score and thresholds."""
    every = np.concatenate([scores[name][file.window != -2] for name, file in files.items()])
    thresholds = np.unique(np.quantile(every, 1 - np.geomspace(2e-5, 0.03, 60)))
    raw = raw_table(files, scores, thresholds, profile)
    groups = pd.Series(held_out)
    taken, alarms = [], {}
    for group in sorted(groups.unique()):
        best = float(raw[groups != group].sum().idxmax())
        taken.append(best)
        alarms |= {name: scores[name] >= best for name in groups.index[groups == group]}
    return final(files, alarms, profile), taken


def quiet_rates(lengths: tuple[int, ...] = (2000, 4000, 12000)) -> pd.DataFrame:
    """Return alarms in 1,000 values on generated series in which nothing happens."""
    rows = {}
    for n in lengths:
        stamps = pd.date_range("2024-01-01", periods=n, freq="5min")
        day = np.sin(2 * np.pi * np.arange(n) / 288)
        for kind in ("normal", "half kept", "day and noise", "counts", "rare counts", "lognormal", "heavy tails"):
            rates = []
            for seed in range(4):
                rng = np.random.default_rng(seed)
                e = rng.normal(size=n)
                y = {
                    "normal": e,
                    "half kept": pd.Series(e).ewm(alpha=0.5, adjust=False).mean().to_numpy(),
                    "day and noise": 10 + 5 * day + e,
                    "counts": rng.poisson(20 + 15 * day).astype(float),
                    "rare counts": rng.poisson(0.5, n).astype(float),
                    "lognormal": np.exp(0.7 * e),
                    "heavy tails": rng.standard_t(3, n),
                }[kind]
                rates.append(
                    (anomaly_scores(pd.DataFrame({"ds": stamps, "y": y}))["score"] >= DETECTION_THRESHOLD).sum()
                    / n
                    * 1000
                )
            rows[(kind, n)] = float(np.mean(rates))
    return pd.Series(rows).unstack()


def main() -> int:
    """Print the tables."""
    series, files = load(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
    rows = pd.concat(series.values()).rename(columns={"series": "unique_id", "timestamp": "ds", "value": "y"})
    start = time.perf_counter()
    scored = anomaly_scores(rows)
    print(f"{len(rows):,} rows of {len(series)} series scored in {time.perf_counter() - start:.1f} s")
    ours = {name: part["score"].to_numpy() for name, part in scored.groupby("unique_id")}
    gaussian = {name: windowed_gaussian(part["value"].to_numpy(float)) for name, part in series.items()}
    known = [name for name in PUBLISHED if name in files]
    off = [abs(files[name].raw(gaussian[name] >= 1.0, "standard") - PUBLISHED[name]) for name in known]
    print(f"rules: windowed Gaussian on {len(known)} files, largest distance from its published scores {max(off):.1e}")
    methods = {
        "deskcast": ours,
        "windowed Gaussian": gaussian,
        "random": {name: random_alarms(len(part), seed) for seed, (name, part) in enumerate(series.items())},
    }
    family = {name: name.split("/")[0] for name in files}
    print(f"{'':20s} {'profile':20s} by file  by family  (thresholds by family)")
    for method, scores in methods.items():
        for profile in PROFILES:
            by = [chosen(files, scores, profile, held) for held in ({n: n for n in files}, family)]
            print(f"{method:20s} {profile:20s} {by[0][0]:7.1f} {by[1][0]:10.1f}  {np.round(by[1][1], 3).tolist()}")
    alarms = {name: scores >= DETECTION_THRESHOLD for name, scores in ours.items()}
    for profile in PROFILES:
        print(
            f"deskcast at its own threshold {DETECTION_THRESHOLD}: {profile:20s} {final(files, alarms, profile):6.1f}"
        )
    print(f"{'family':20s} files windows  hit  false alarms (per 1,000)  standard  low-FP")
    for one in sorted(set(family.values())):
        part = {name: file for name, file in files.items() if family[name] == one}
        false = sum(file.counts(alarms[name])[1] for name, file in part.items())
        outside = sum((file.window == -1).sum() for file in part.values())
        windows = sum(file.windows for file in part.values())
        hit = sum(file.hit(alarms[name]) for name, file in part.items())
        standard, low = (final(part, alarms, profile) for profile in ("standard", "reward_low_FP_rate"))
        rate = 1000 * false / outside
        print(f"{one:20s} {len(part):5d} {windows:7d} {hit:4d} {false:6d} {rate:18.2f} {standard:9.1f} {low:7.1f}")
    print("quiet generated series: alarms in 1,000 values, by length of the series")
    print(quiet_rates().round(2).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
