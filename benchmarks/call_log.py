"""A bank's call log held against the formulas: handle time, patience, agents, and what was predicted by interval.

    python benchmarks/call_log.py [DATA_FOLDER] [PICTURE.html]

Real calls of February 1999 (the data folder's README tells where they come from). Agents per interval are not
recorded: they are inferred in two ways, and the formulas are held against the same log with each.

Where the model is off, on Sundays to Thursdays from 8:00 to 23:00:

* The agents. Counted from their first to their last call, without rests of over 15 minutes, they are too many: 31 s of
  waiting and 9 % who give up are predicted where 45 s and 13 % were seen. While somebody waits, only 4.8 of 6.0
  agents on duty handle a call; the formula has all of them do so. Short pauses, other work and skills are not in the
  log. Counted by who handles a call while somebody waits they are too few (65 s, 19 %), since a queue forms when few
  are there. What was seen lies between the two for most times of day. Nothing below matters as much as this.
* Quiet half-hours wait longer than predicted (tenth of the lowest prediction: 12 s for 3 s), overloaded ones shorter
  (65 s for 91 s), as an error in the agents makes them. It is not the balance that the formula assumes: a chain that
  carries the queue from one half-hour to the next gives the same means to a second.
* In the evening (21:30 and 22:00) too much waiting is predicted, in the late morning and at 15:00 too little.
* Handle times vary more than exponential ones (coefficient of variation 1.21); patience is longer in the tail than an
  exponential one (median 271 s for 239 s), which changes the predicted wait by 2 s.
* One call in sixteen gives up within a second, most at night or while the lines were down (3 and 21 February). No queue
  explains that, and they are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.forecasting.queueing.call_log import (
    call_intervals,
    compute_waits,
    estimate_patience,
    find_immediate_abandons,
)
from deskcast.forecasting.queueing.call_log_fit import expected_calls, predict_interval_performance
from deskcast.pipelines.charts.calls import plot_call_fit, plot_patience

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
ZONE = "Asia/Jerusalem"
OPEN = ("08:00", "23:00")


def bank_contacts(folder: Path) -> pd.DataFrame:
    """Return the calls as canonical contacts: a clock of 0:00:00 means that it does not apply; PHANTOM is left out."""
    raw = pd.read_csv(folder / "anonymous_bank_calls_feb1999" / "calls_1999_02.csv.gz", dtype=str)
    raw = raw[raw["outcome"] != "PHANTOM"].reset_index(drop=True)
    day = pd.to_datetime(raw["date"])
    clock = {c: pd.to_timedelta(raw[c]) for c in ("vru_exit", "q_start", "q_exit", "ser_start", "ser_exit")}
    zero = pd.Timedelta(0)
    queued = clock["q_start"].where(clock["q_start"] > zero, clock["vru_exit"])
    answered = clock["ser_start"].where((raw["outcome"] == "AGENT") & (clock["ser_start"] > zero))
    queued = queued.where(answered.isna() | (clock["q_start"] > zero), answered)  # not queued: answered at once
    served_until = answered + pd.to_timedelta(raw["ser_time"].astype(float), unit="s")
    left = clock["q_exit"].where(clock["q_exit"] > zero, queued)
    ended = served_until.where(answered.notna(), left)

    def instant(since_midnight: pd.Series) -> pd.Series:
        past_midnight = (since_midnight < queued - pd.Timedelta(hours=12)).astype(int)
        late = since_midnight + pd.to_timedelta(past_midnight, unit="D")
        return (day + late).dt.tz_localize(ZONE).dt.tz_convert("UTC").astype("datetime64[us, UTC]")

    contacts = pd.DataFrame(
        {
            "contact_id": np.arange(len(raw)).astype(str),
            "queued_at": instant(queued),
            "answered_at": instant(answered),
            "ended_at": instant(ended),
            "outcome": np.where(answered.notna(), "answered", "abandoned"),
            "agent_id": raw["server"].where(raw["server"] != "NO_SERVER"),
            "type": raw["type"],
        }
    )
    return contacts[(contacts["ended_at"] >= contacts["queued_at"]) & ~contacts["type"].isin(["IN"])]


def weekdays(intervals: pd.DataFrame) -> pd.DataFrame:
    """Keep the intervals of Sunday to Thursday, 8:00 to 23:00, in which any call was answered."""
    clock = intervals["ds"].dt.strftime("%H:%M")
    open_ = (clock >= OPEN[0]) & (clock < OPEN[1]) & ~intervals["ds"].dt.day_of_week.isin([4, 5])
    return intervals[open_ & (intervals["answered"] > 0)].assign(time=clock)


def fit(intervals: pd.DataFrame, patience: object, aht: float, agents: str, calls: str = "expected") -> pd.DataFrame:
    """Predict, and print the figures over all calls."""
    intervals = intervals.assign(expected=expected_calls(intervals))
    found = predict_interval_performance(intervals, patience, aht, agents, calls)
    words = [f"  {agents:9s} {'exponential' if isinstance(patience, float) else 'Kaplan-Meier':12s}"]
    for measure, scale, unit in (("mean_wait_s", 1, " s"), ("service_level", 100, " %"), ("abandonment", 100, " %")):
        seen, said = (found[p + measure] for p in ("", "predicted_"))
        each = [scale * np.average(v, weights=found["offered"]) for v in (seen, said, (said - seen).abs())]
        words.append(f"{measure} {each[0]:.1f} {each[1]:.1f} ({each[2]:.1f}){unit}")
    print("; ".join(words), f"; {len(found)} intervals, {found[agents].mean():.2f} agents")
    return found


def by_time(middle: pd.DataFrame, few: pd.DataFrame, many: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return observed and predicted values by time of day, over all calls of that time."""

    def mean(frame: pd.DataFrame, column: str) -> pd.Series:
        weighted = (frame[column] * frame["offered"]).groupby(frame["time"]).sum()
        return weighted / frame.groupby("time")["offered"].sum()

    columns = {"observed": mean(middle, measure), "predicted": mean(middle, f"predicted_{measure}")}
    columns |= {"low": mean(many, f"predicted_{measure}"), "high": mean(few, f"predicted_{measure}")}
    return pd.DataFrame(columns).rename_axis("time").reset_index()


def main(folder: Path = DATA, page: Path | None = None) -> None:
    """Print the estimates and how far the predictions are off, and draw them."""
    contacts = bank_contacts(folder)
    patience = estimate_patience(contacts)
    seconds = (contacts["ended_at"] - contacts["answered_at"]).dt.total_seconds()[contacts["agent_id"].notna()].dropna()
    aht = float(seconds.mean())
    lost = compute_waits(contacts)[contacts["outcome"] == "abandoned"]
    print(
        f"{len(contacts):,} calls; handle time mean {aht:.1f} s, median {seconds.median():.0f} s, "
        f"coefficient of variation {seconds.std() / aht:.2f} (exponential: 1), "
        f"{(seconds < 10).mean():.1%} below 10 s"
    )
    print(
        f"patience: {patience.calls:,} calls waited, {patience.abandoned:,} of them gave up; mean of the exponential "
        f"{patience.mean_s:.0f} s; Kaplan-Meier median {patience.median_s:.0f} s ({patience.lo_s:.0f} to "
        f"{patience.hi_s:.0f}), exponential {patience.mean_s * np.log(2):.0f} s; mean wait of those who gave up, which "
        f"is no estimate of it: {lost.mean():.0f} s"
    )
    print(f"{patience.immediate_abandons:,} more gave up within a second and are left out from here on")
    contacts = contacts[~find_immediate_abandons(contacts)]
    intervals = weekdays(call_intervals(contacts, timezone=ZONE))
    print(
        f"load: {intervals['load'].mean():.2f} Erlangs offered, {intervals['busy'].mean():.2f} agents handling; over "
        f"intervals of one time of day the variance of the calls is {dispersion(intervals):.1f} times their mean"
    )
    print("observed, predicted (mean absolute difference by half-hour), over all calls:")
    middle = fit(intervals, patience.mean_s, aht, "on_duty")
    fit(intervals, patience.distribution(), aht, "on_duty")
    few = fit(intervals, patience.mean_s, aht, "taking")
    print("the same with the count of each half-hour as its rate:")
    fit(intervals, patience.mean_s, aht, "on_duty", "offered")
    print("the same with other rests between two calls that end a stretch of duty:")
    ranges = {}
    for rest in (300, 600, 1800, 3600):
        ranges[rest] = fit(
            weekdays(call_intervals(contacts, timezone=ZONE, rest=rest)), patience.mean_s, aht, "on_duty"
        )
    queued = intervals["waiting"] * intervals["taking"].notna()
    taking = np.average(intervals["taking"].fillna(0.0), weights=queued)
    there = np.average(intervals["on_duty"], weights=queued)
    print(
        f"somebody waits in {intervals['waiting'].mean():.0%} of the time; then {taking:.2f} of {there:.2f} agents on"
    )
    print("duty handle a call, where the formula has all of them do so")
    tables = {m: by_time(middle, few, ranges[3600], m) for m in ("mean_wait_s", "abandonment")}
    print(tables["mean_wait_s"].merge(tables["abandonment"], on="time", suffixes=("", "_lost")).round(3).to_string())
    print("by tenths of the predicted wait: predicted, observed mean wait; predicted, observed share who give up")
    tenth = pd.qcut(middle["predicted_mean_wait_s"], 10, labels=False)
    columns = ["predicted_mean_wait_s", "mean_wait_s", "predicted_abandonment", "abandonment", "load", "on_duty"]
    print(middle[columns].groupby(tenth).mean().round(3).to_string())
    for measure, table in tables.items():
        between = ((table["observed"] >= table["low"]) & (table["observed"] <= table["high"])).sum()
        print(f"{measure}: between the two predictions at {between} of {len(table)} times of day")
    if page:
        drawn = [plot_call_fit(table, measure) for measure, table in tables.items()]
        drawn.append(plot_patience(patience.curve, patience.mean_s))
        figures = [f"<figure><figcaption>{p.title}</figcaption>{p.svg}</figure>" for p in drawn]
        page.write_text("<!doctype html><meta charset='utf-8'>" + "".join(figures), encoding="utf-8")


def dispersion(intervals: pd.DataFrame) -> float:
    """Return the variance of the calls over their mean, within times of day; 1 for a known rate."""
    groups = intervals.groupby("time")["offered"]
    return float((groups.var() / groups.mean()).mean())


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:3]))
