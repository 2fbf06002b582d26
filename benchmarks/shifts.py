"""How many false alarms a week, how many shifts found and how late, beside common rules and what is possible at all.

python benchmarks/shifts.py [seeds] [--desk N] [--large] [--years]

Seeds 0 to 19 are scored here; thresholds were set on seeds from 1000 on. "oracle" is a CUSUM that knows the level,
dispersion and size of every shift; its threshold gives one false alarm a week on quiet panels.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.models.shifts.detect import detect_shifts

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))
from panels import KINDS, quiet, shifted
from shift_limit import oracle_alarms

WARM = 60  # days that every method may learn from before its alarms count
SIZES = {"count": 1.3, "share": 2.5, "median": 1.5}
FIRST = pd.Timestamp("2023-01-02")


def same_weekday_mad(history: pd.DataFrame) -> pd.DataFrame:
    """Alarm where a value lies over 3.5 median deviations from the median of the last eight same weekdays."""
    wide = history.pivot(index="ds", columns="team", values="value")
    past = np.stack([wide.shift(7 * k).to_numpy() for k in range(1, 9)])
    middle = np.nanmedian(past, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(past - middle), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (wide.to_numpy() - middle) / spread
    return points(wide, np.abs(np.nan_to_num(z)) > 3.5)


def control_chart(history: pd.DataFrame) -> pd.DataFrame:
    """Alarm beyond three sigma of a p-chart or c-chart with the weekday mean of the last eight weeks."""
    wide = {c: history.pivot(index="ds", columns="team", values=c) for c in ("value", "n")}
    value, n = wide["value"].to_numpy(), wide["n"].to_numpy()
    past = np.stack([wide["value"].shift(7 * k).to_numpy() for k in range(1, 9)])
    middle = np.nanmean(past, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if history["numerator"].notna().any():
            z = (value - middle) / np.sqrt(middle * (1 - middle) / n)
        else:
            z = (value - middle) / np.sqrt(middle)
    return points(wide["value"], np.abs(np.nan_to_num(z, posinf=0, neginf=0)) > 3)


def ruptures_alone(history: pd.DataFrame) -> pd.DataFrame:
    """Alarm at each change of mean that PELT finds with hindsight, in values less their weekday median."""
    import ruptures

    wide = history.pivot(index="ds", columns="team", values="value")
    wide = np.log1p(wide) if history["median"].notna().any() else wide
    rest = wide - wide.groupby(wide.index.day_of_week).transform("median")
    spread = 1.4826 * rest.abs().median()
    z = (rest / spread.where(spread > 0, 1.0)).fillna(0.0).to_numpy()
    marks = np.zeros(z.shape, dtype=bool)
    for i in range(z.shape[1]):
        ends = ruptures.KernelCPD(kernel="linear", min_size=3).fit(z[:, i : i + 1]).predict(pen=3 * np.log(len(z)))
        marks[[end for end in ends if end < len(z)], i] = True
    return points(wide, marks)


def points(wide: pd.DataFrame, marks: np.ndarray) -> pd.DataFrame:
    """Return single alarms as incidents."""
    rows, columns = np.nonzero(marks)
    return pd.DataFrame({"series": wide.columns[columns], "detected_at": wide.index[rows]})


def judge(found: pd.DataFrame, truth: pd.DataFrame, days: int) -> tuple[float, float, float, float]:
    """Return false alarms a week, share found, median delay in days, and the share dated within three days."""
    start = FIRST + pd.Timedelta(days=WARM)
    found = found[found["detected_at"] >= start]
    both = found.merge(truth, on="series", how="left")
    inside = (both["detected_at"] >= both["start"]) & (both["detected_at"] <= both["end"] + pd.Timedelta(days=14))
    hit = both[inside & (both["detected_at"] <= both["end"])].sort_values("detected_at").groupby("series").first()
    delay = (hit["detected_at"] - hit["start"]).dt.days
    dated = np.nan
    if "changed_at" in hit and len(hit):
        dated = float(((hit["changed_at"] - hit["start"]).dt.days.abs() <= 3).mean())
    return (~inside).sum() / ((days - WARM) / 7), len(hit) / max(len(truth), 1), float(delay.median()), dated


METHODS = {
    "deskcast": detect_shifts,
    "weekday MAD": same_weekday_mad,
    "chart": control_chart,
    "ruptures": ruptures_alone,
    "oracle": oracle_alarms,
}


def quiet_panels(seeds: int) -> None:
    """Print false alarms on panels of several sizes."""
    print("quiet panels x 200 days: false alarms a week over all series, one allowed")
    never = pd.to_datetime([])
    nobody = pd.DataFrame({"series": pd.Series([], dtype="str"), "start": never, "end": never})
    for kind in KINDS:
        for size, part in ((10, seeds), (50, seeds), (200, seeds), (1000, max(seeds // 4, 1))):
            rates = [judge(detect_shifts(quiet(kind, size, 200, seed=s)), nobody, 200)[0] for s in range(part)]
            print(f"  {kind:7s} {size:5d} series {np.mean(rates):.2f} (largest {max(rates):.2f} of {part})", flush=True)


def injected(seeds: int) -> None:
    """Print the table of the injected shifts."""
    print("200 series x 200 days, 40 shifts of 14 days: false alarms a week, found, median delay, dated within 3 days")
    for kind in KINDS:
        for name, method in METHODS.items():
            if name == "chart" and kind == "median":
                continue
            start = time.perf_counter()
            rows = []
            for seed in range(seeds):
                history, truth = shifted(kind, SIZES[kind], seed=seed)
                found = method(history, kind, SIZES[kind], seed) if name == "oracle" else method(history)
                rows.append(judge(found, truth, 200))
            wrong, found_, delay, dated = np.nanmean(rows, axis=0)
            took = (time.perf_counter() - start) / seeds
            print(f"  {kind:7s} x{SIZES[kind]} {name:12s} {wrong:6.2f} {found_:6.1%} {delay:5.1f} {dated:6.0%}"
                  f"   {took:.1f} s", flush=True)  # fmt: skip


def years(seeds: int, series: int = 30, days: int = 800) -> None:
    """Print false alarms and shifts found where levels follow the year, or step."""
    print("30 series x 800 days, 10 shifts of 14 days in the last 150 days; from day 570 on")
    day = np.arange(days)
    for kind in KINDS:
        for shape in ("nothing", "season", "steps"):
            rows = []
            for seed in range(seeds):
                rng = np.random.default_rng(2000 + seed)
                move = np.zeros((days, series))
                if shape == "season":
                    turn = 2 * np.pi * (day - rng.uniform(0, 365)) / 365.25
                    swing = (0.4 if kind == "share" else 0.25) * rng.uniform(0.6, 1.4, series)
                    move = np.outer(np.sin(turn) + 0.4 * np.sin(2 * turn + 1), swing)
                elif shape == "steps":
                    for column in range(series):
                        for at in rng.integers(0, days, 3):
                            move[at:, column] += rng.normal(0, 0.3)
                starts = rng.integers(days - 150, days - 20, series // 3)
                for column, start in enumerate(starts):
                    move[start : start + 14, column] += np.log(SIZES[kind])
                begin = FIRST + pd.to_timedelta(starts, unit="D")
                truth = pd.DataFrame({"series": [f"t{i:03d}" for i in range(len(starts))], "start": begin})
                truth["end"] = truth["start"] + pd.Timedelta(days=13)
                found = detect_shifts(quiet(kind, series, days, seed, np.exp(move)))
                found = found[found["detected_at"] >= FIRST + pd.Timedelta(days=570)]
                wrong, hits, *_ = judge(found, truth, days)
                rows.append((wrong * (days - WARM) / (days - 570), hits))
            wrong, hits = np.mean(rows, axis=0)
            print(f"  {kind:7s} {shape:8s} {wrong:5.2f} false a week {hits:6.1%} found", flush=True)


def drifting(seeds: int, series: int = 60, days: int = 300) -> None:
    """Print false alarms where every level is a random walk."""
    print("60 series x 300 days, levels that wander by so much a day (of the logarithm; odds by twice as much)")
    nobody = pd.DataFrame(
        {"series": pd.Series([], dtype="str"), "start": pd.to_datetime([]), "end": pd.to_datetime([])}
    )
    for kind in KINDS:
        for step in (0.01, 0.02, 0.04):
            rates = []
            for seed in range(seeds):
                steps = np.random.default_rng(3000 + seed).normal(0, step * (1 + (kind == "share")), (days, series))
                frame = quiet(kind, series, days, 3000 + seed, np.exp(np.cumsum(steps, axis=0)))
                rates.append(judge(detect_shifts(frame), nobody, days)[0])
            print(f"  {kind:7s} {step:.2f} {np.mean(rates):5.2f} false a week", flush=True)


def desk(n: int) -> None:
    """Print what is found of the events of the simulated desk."""
    from deskcast.features.case_log.log import CaseLog
    from deskcast.features.kpis.kpi_history import kpi_history
    from deskcast.models.drivers.causes import candidate_causes
    from deskcast.models.drivers.combinations import explain_combinations
    from deskcast.pipelines.simulated_desk.desk import simulate_desk

    made = simulate_desk(n)
    tables = {name: made.tables[name] for name in ("cases", "events", "contacts")}
    log = CaseLog.from_frames(timezone=made.truth["timezone"], **tables)
    print(f"simulated desk of {n:,} cases: event, series, detected, days from the true start to the date given")
    wanted = {
        "outage": ([("cases_opened", "up")], ["product"], "Internet"),
        "product_fault": ([("cases_opened", "up")], ["product", "region"], "Mobile/Portugal"),
        "agent_leaves": ([(k, "up") for k in ("reopen_rate", "repeat_contact_rate", "handle_time")], ["account"], "A2"),
        "broken_form": ([("cases_opened", "down")], ["channel"], "web"),
    }
    for event in made.truth["events"]:
        kpis, by, series = wanted[event["kind"]]
        day = pd.Timestamp(event["start"]).tz_convert(log.timezone).tz_localize(None).normalize()
        for kpi, way in kpis:
            found = detect_shifts(kpi_history(log, kpi, by=by))
            rows = found[(found["series"] == series) & (found["direction"] == way)]
            rows = rows[(rows["started_at"] - day).abs() <= pd.Timedelta(days=20)]
            if rows.empty:
                print(f"  {event['kind']:14s} {kpi} {series}: not found")
                continue
            row = rows.sort_values("detected_at").iloc[0]
            after = row["changed_at"], min(row["last_at"], row["changed_at"] + pd.Timedelta(days=27))
            before = row["changed_at"] - pd.Timedelta(days=28), row["changed_at"] - pd.Timedelta(days=1)
            first = explain_combinations(log, kpi, before, after, ["channel", "product", "region", "account"])
            causes = candidate_causes(log, row["changed_at"])
            driver = first["segment"].iloc[0] if len(first) else "-"
            off = f"{(row['changed_at'] - day).days:+d} days"
            said = "; ".join(causes["summary"].head(2)) or "-"
            print(f"  {event['kind']:14s} {kpi} {series}: {row['detected_at']:%d %b %Y}, {off}; first driver: {driver}")
            print(f"      candidate causes: {said}")


def large() -> None:
    """Time ten thousand series of two years, and one new day of them."""
    rng = np.random.default_rng(0)
    series, days = 10_000, 730
    week = np.array([1.1, 1.05, 1.0, 1.0, 0.95, 0.4, 0.3])[np.arange(days) % 7][:, None]
    value = rng.poisson(10 ** rng.uniform(0.6, 2, series) * week).astype(float)
    history = pd.DataFrame({"kpi": "cases_opened", "value": value.ravel(), "n": value.ravel()})
    history["team"] = pd.Series(np.tile([f"t{i:05d}" for i in range(series)], days), dtype="str")
    history["ds"] = np.repeat(pd.date_range(FIRST, periods=days, unit="us"), series)
    for name, part in (("two years", history), ("one new day (last 250)", history[-250 * series :])):
        start = time.perf_counter()
        found = detect_shifts(part)
        print(f"  10,000 series, {name}: {time.perf_counter() - start:.1f} s, {len(found)} incidents", flush=True)


def main() -> int:
    """Print the tables."""
    words = [a for a in sys.argv[1:] if a.isdigit()]
    seeds = int(words[0]) if words else 3
    np.seterr(all="ignore")
    warnings.simplefilter("ignore", RuntimeWarning)  # slices without values in the common rules
    if "--years" in sys.argv:
        years(seeds)
        drifting(seeds)
        return 0
    quiet_panels(seeds)
    injected(seeds)
    if "--desk" in sys.argv:
        desk(int(words[1]) if len(words) > 1 else 40_000)
    if "--large" in sys.argv:
        large()
    return 0


if __name__ == "__main__":
    sys.exit(main())
