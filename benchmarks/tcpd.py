"""Where series changed, against what five people saw: F1 (margin 5) and cover, beside PELT and binary segmentation.

python benchmarks/tcpd.py [folder with series.csv.gz and annotations.json]
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.models.anomaly.change_points import change_points

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))
from cut_scores import cover, f_score

ROOT = Path(__file__).resolve().parent.parent
NOISES = ("white", "half kept", "four fifths kept", "seasonal", "trend", "outliers", "random walk")


def load(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, dict[str, list[int]]]]:
    """Return values (n, d) and annotations by series."""
    rows = pd.read_csv(folder / "series.csv.gz")
    wide = {k: g.pivot(index="index", columns="dimension", values="value") for k, g in rows.groupby("series")}
    people = json.loads((folder / "annotations.json").read_text())
    return {k: frame.sort_index().to_numpy(float) for k, frame in wide.items()}, {k: people[k] for k in wide}


def of_ruptures(search: str, model: str) -> Callable[[np.ndarray], list[int]]:
    """Return a method of ruptures on standardised values, with the penalty of Schwarz for its cost."""
    import ruptures

    def find(values: np.ndarray) -> list[int]:
        n, d = values.shape
        penalty = {"l2": (d + 1) * np.log(n), "rbf": np.log(n), "normal": (2 * d + 1) * np.log(n)}[model]
        x = (values - values.mean(axis=0)) / values.std(axis=0)
        return [int(b) for b in getattr(ruptures, search)(model=model, jump=1).fit(x).predict(pen=penalty)[:-1]]

    return find


def quiet(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return a series without any change."""
    noise, t = rng.normal(size=n + 100), np.arange(n)
    kept = {"half kept": 0.5, "four fifths kept": 0.8, "random walk": 1.0}.get(kind, 0.0)
    for i in range(1, n + 100):
        noise[i] += kept * noise[i - 1]
    y = noise[100:] + {"seasonal": 3 * np.sin(2 * np.pi * t / 12), "trend": 5 * t / n}.get(kind, 0.0)
    if kind == "outliers":
        y[rng.integers(0, n, 3)] += 10
    return y[:, None]


def main() -> int:
    """Print the tables."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "tcpd"
    warnings.simplefilter("ignore")  # ruptures on constant segments
    values, people = load(folder)
    methods: dict[str, Callable[[np.ndarray], list[int]]] = {"deskcast": change_points, "nothing (ZERO)": lambda _: []}
    for model in ("l2", "rbf", "normal"):
        methods |= {f"PELT {model}": of_ruptures("Pelt", model), f"BinSeg {model}": of_ruptures("Binseg", model)}
    print(f"{len(values)} series, mean over series      F1  cover  changes")
    ours = {}
    for name, method in methods.items():
        told = {k: method(x) for k, x in values.items()}
        scores = {k: (f_score(people[k], told[k]), cover(people[k], told[k], len(x))) for k, x in values.items()}
        ours = ours or {k: (*scores[k], told[k]) for k in values}
        f1, covered = np.mean(list(scores.values()), axis=0)
        print(f"  {name:24s} {f1:10.3f} {covered:6.3f} {sum(map(len, told.values())):8d}")
    print("deskcast by series")
    for name, (f1, covered, told) in ours.items():
        print(f"  {name:24s} {f1:10.3f} {covered:6.3f}  {told}")
    print("quiet series of 100 and 300 values: changes told in each (deskcast, PELT l2, BinSeg l2)")
    for kind in NOISES:
        series = [quiet(kind, n, np.random.default_rng(seed)) for seed in range(20) for n in (100, 300)]
        row = [np.mean([len(methods[m](y)) for y in series]) for m in ("deskcast", "PELT l2", "BinSeg l2")]
        print(f"  {kind:24s} " + " ".join(f"{number:6.2f}" for number in row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
