"""The 414 hourly series of the M4 competition, official split, horizon 48, with default settings.

    python benchmarks/m4_hourly.py [DATA_FOLDER] [--train-part]

The series have no calendar, so all end at the same invented hour (so that the last one is at 23:00 on a Sunday), and
nothing is said of their seasons: what a day and a week are good for is found on past origins. The errors are those of
the organisers: sMAPE, MASE with a season of 24, and OWA, the mean of both over those of Naive2 as published. The place
is among the published entries and benchmarks, all kinds of methods, by hourly OWA.

What the choice saw: the whole training part. Methods and constants (tiers, limits of noise, sharpness of the weights)
were scored on its last four blocks of 48 hours, each forecast from the values before it: those that begin 48, 96, 144
and 192 hours before its end (``--train-part`` runs the four). Other series were looked at too. The test part was not
looked at before all was settled.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from deskcast.forecasting import forecast

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "m4_hourly"
HORIZON, SEASON = 48, 24
FIRST = pd.Timestamp("2024-01-01")

#: Entries of the competition that are single statistical methods, by the organisers' description of each.
SINGLE = {
    "Naive": "benchmark",
    "sNaive": "benchmark",
    "Naive2": "benchmark",
    "SES": "benchmark",
    "Holt": "benchmark",
    "Damped": "benchmark",
    "Theta": "benchmark",
    "235": "Darin and Stellwagen",
    "260": "Legaki and Koutsouri",
    "5": "Spiliotis and Assimakopoulos",
    "251": "Ibrahim",
}


def long_frame(train: pd.DataFrame) -> pd.DataFrame:
    """Give the steps invented hours, the last step of every series the same."""
    longest = train["step"].max()
    ends = train.groupby("series")["step"].transform("max")
    weeks = -(-longest // 168) * 168
    hours = train["step"] - ends + weeks - 1
    return pd.DataFrame(
        {
            "unique_id": train["series"],
            "ds": FIRST + pd.to_timedelta(hours, unit="h"),
            "y": train["value"].astype(float),
        }
    )


def errors(made: pd.DataFrame, came: pd.DataFrame, train: pd.DataFrame) -> tuple[float, float]:
    """Return sMAPE and MASE as the organisers define them."""
    smape, mase = [], []
    points = {str(name): group.to_numpy() for name, group in made.groupby("unique_id")["deskcast"]}
    past = {str(name): group.to_numpy(dtype=float) for name, group in train.groupby("series")["value"]}
    for name, group in came.groupby("series")["value"]:
        y, point, before = group.to_numpy(dtype=float), points[str(name)], past[str(name)]
        smape.append(float(np.mean(200 * np.abs(y - point) / (np.abs(y) + np.abs(point)))))
        mase.append(float(np.mean(np.abs(y - point)) / np.mean(np.abs(before[SEASON:] - before[:-SEASON]))))
    return float(np.mean(smape)), float(np.mean(mase))


def run(train: pd.DataFrame, came: pd.DataFrame, published: pd.DataFrame, title: str) -> float:
    """Forecast, score, and print; return OWA."""
    begun = process_time()
    made = forecast(long_frame(train), HORIZON, "h")
    spent = process_time() - begun
    smape, mase = errors(made, came, train)
    naive = published.set_index("method").loc["Naive2"]
    owa = (smape / naive["hourly_sMAPE"] + mase / naive["hourly_MASE"]) / 2
    print(f"{title}: sMAPE {smape:.3f}, MASE {mase:.3f}, OWA {owa:.3f}, {spent:.1f} s of CPU with intervals")
    print("  made of:", made.attrs["weights"])
    return float(owa)


def main() -> None:
    """Run the official split, or four origins of the training part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("--train-part", action="store_true", help="score the last hours of the training part instead")
    given = parser.parse_args()
    train, test = (pd.read_csv(given.data / f"{part}.csv.gz") for part in ("train", "test"))
    published = pd.read_csv(given.data / "published_results.csv").dropna(subset=["hourly_OWA"])
    if given.train_part:
        ends = train.groupby("series")["step"].transform("max")
        for back in (1, 2, 3, 4):
            cut = ends - HORIZON * back
            came = train[(train["step"] > cut) & (train["step"] <= cut + HORIZON)]
            run(train[train["step"] <= cut], came, published, f"training part, {HORIZON * back} hours before its end")
        return
    owa = run(train, test, published, "official split")
    place = 1 + int((published["hourly_OWA"] < owa).sum())
    print(f"place {place} of {len(published) + 1} by hourly OWA; the entries around it:")
    ranked = published.sort_values("hourly_OWA", ignore_index=True)
    around = ranked.iloc[max(place - 4, 0) : place + 4]
    print(around[["method", "first_author", "hourly_sMAPE", "hourly_MASE", "hourly_OWA"]].to_string(index=False))
    single = published[published["method"].isin(SINGLE)].sort_values("hourly_OWA").iloc[0]
    name = SINGLE[str(single["method"])]
    print(f"best single statistical method: {single['method']} ({name}), OWA {single['hourly_OWA']:.3f}")


if __name__ == "__main__":
    main()
