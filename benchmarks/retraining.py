"""Twelve played months with and without monthly retraining, over a leaver, a fault and a doubling of the volume.

Eighteen months of a simulated desk: the first six train the first model, twelve are played. In August an agent leaves,
in October a form breaks, in November the network fails, in February a product is faulty (the desk's known events); in
May and June the volume is doubled here: every case gets a twin, and what happens to either takes 1.5 times as long. At
the end of each month a challenger is trained as ``deskcast train`` does it, judged with the model in use on cases that
neither has seen, and promoted or not; up to three earlier versions are judged too. Every probability is that of its
day: nothing is used that was not known by then. Three ways are compared month by month: never trained again and not
brought up to date; never trained again, brought up to date; retrained monthly and brought up to date.

    python benchmarks/retraining.py [--cases 12000] [--picture retraining.svg]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.breach import breach_labels, find_case_ends
from deskcast.features.snapshots.snapshots import daily, snapshots
from deskcast.models.evaluation.calibration import brier, ece
from deskcast.models.risk.breach import BreachRisk
from deskcast.models.risk.known_outcomes import known_outcomes
from deskcast.pipelines.charts.axes import percent, seconds, time_axis, value_axis
from deskcast.pipelines.charts.marks import Line
from deskcast.pipelines.charts.palette import BLUE, GREY, ORANGE
from deskcast.pipelines.charts.svg import draw_chart
from deskcast.pipelines.registry.slim import drop_training_rows
from deskcast.pipelines.stages.challenger import Outlook, choose_cut, judge_models, predict_forward
from dissatisfaction import desk_log

TRAIN = pd.Timedelta(days=120)
METRIC, DOUBLED, SLOWER = "resolution", ("2025-05-01", "2025-07-01"), 1.5
DAILY = 31  # as the work list of each morning is
WAYS = ("frozen", "brought up to date", "retrained monthly")
COLOURS = {"frozen": GREY, "brought up to date": ORANGE, "retrained monthly": BLUE}


@dataclass
class Played:
    """The whole record, of which each instant sees its part."""

    log: CaseLog
    frame: pd.DataFrame
    labels: pd.DataFrame
    ends: pd.DataFrame

    def outlook(self, until: pd.Timestamp) -> Outlook:
        """Return what was known at an instant."""
        known = self.labels.assign(label=self.labels["label"].where(self.labels["known_at"] <= until))
        clock: Any = SimpleNamespace(until=until, timezone=self.log.timezone)
        return Outlook(clock, METRIC, self.frame[self.frame["at"] <= until], known, self.ends)

    def train(self, as_of: pd.Timestamp) -> BreachRisk:
        """Train as ``deskcast train`` does."""
        rows = self.frame[(self.frame["at"] <= as_of) & (self.frame["at"] > as_of - TRAIN)]
        calendar = self.log.calendars.get("office")
        return drop_training_rows(BreachRisk(calendar=calendar).fit(rows, self.labels, as_of=as_of, ends=self.ends))


def doubled_desk(cases: int, seed: int) -> CaseLog:
    """Return the simulated desk with a doubled volume for two months."""
    log = desk_log(cases, seed)
    made, events = _double(log.frame("cases"), log.frame("events"))
    return CaseLog.from_frames(
        cases=made, events=events[events["at"] <= log.until], sla_policies=log.frame("sla_policies"), until=log.until,
        timezone=log.timezone, calendars=log.calendars, attributes=log.attributes,
    )  # fmt: skip


def _double(cases: pd.DataFrame, events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    start, end = (pd.Timestamp(day, tz="Europe/Berlin") for day in DOUBLED)
    busy = cases[(cases["created_at"] >= start) & (cases["created_at"] < end)]
    begun = busy.set_index("case_id")["created_at"]
    mine = events["case_id"].isin(begun.index)
    origin = events.loc[mine, "case_id"].map(begun)
    slow = events.copy()
    slow.loc[mine, "at"] = origin + (events.loc[mine, "at"] - origin) * SLOWER
    if "recorded_at" in slow:
        slow.loc[mine, "recorded_at"] = slow.loc[mine, "at"]
    twins, theirs = busy.assign(case_id=busy["case_id"] + "T"), slow[mine].assign(case_id=slow["case_id"][mine] + "T")
    return pd.concat([cases, twins], ignore_index=True), pd.concat([slow, theirs], ignore_index=True)


def play(played: Played, first: pd.Timestamp, months: int) -> tuple[pd.DataFrame, list[str]]:
    """Play months, and return the predictions of all ways with the decision of each month in a sentence."""
    frozen = in_use = played.train(first)
    earlier: list[BreachRisk] = []
    began, parts, told = first, [], list[str]()
    for number in range(months):
        start, end = first + pd.DateOffset(months=number), first + pd.DateOffset(months=number + 1)
        month = played.frame[(played.frame["at"] > start) & (played.frame["at"] <= end)]
        found = known_outcomes(month, played.labels, played.log.until)
        rows = found.snapshots[found.decided].reset_index(drop=True)
        outlook = played.outlook(end)
        said = {
            "frozen": frozen.risk(rows),
            "brought up to date": predict_forward(frozen, rows, outlook, updates=DAILY),
            "retrained monthly": predict_forward(in_use, rows, outlook, updates=DAILY),
        }
        parts += [
            pd.DataFrame(
                {"month": start, "way": way, "case_id": rows["case_id"], "p": p, "y": found.breached[found.decided]}
            )
            for way, p in said.items()
        ]
        cut, cases = choose_cut(outlook, began)
        if cut is None:
            told.append(f"{end:%b %Y}: only {cases} cases are decided since the last training; the model in use stays.")
            continue
        challenger = played.train(cut)
        verdict = judge_models(outlook, {"breach": in_use}, {"breach": challenger}, cut)["breach"]
        best, chosen = verdict, challenger if verdict.is_promoted else None
        for one in earlier:
            back = judge_models(outlook, {"breach": in_use}, {"breach": one}, cut, "An earlier version")["breach"]
            if back.is_promoted and (chosen is None or back.gain.mean > best.gain.mean):
                best, chosen = back, one
        told.append(f"{end:%b %Y}: {best.reason}")
        if chosen is not None:
            earlier = [in_use, *(one for one in earlier if one is not chosen)][:3]
            in_use, began = chosen, max(cut if chosen is challenger else began, began)
    return pd.concat(parts, ignore_index=True), told


def score(said: pd.DataFrame) -> pd.DataFrame:
    """Return Brier score and calibration error by month and way."""
    rows = [
        (month, way, len(g), g["y"].mean(), brier(g["y"], g["p"]), ece(g["y"], g["p"]))
        for (month, way), g in said.groupby(["month", "way"], sort=True)
    ]
    return pd.DataFrame(rows, columns=["month", "way", "n", "base_rate", "brier", "ece"])


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw error and calibration by month, one picture above the other."""
    months = table["month"].drop_duplicates().dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    pictures = []
    for column, title, label in (
        ("brier", "Brier score of breach risk by month", None),
        ("ece", "Calibration error of breach risk by month", percent),
    ):
        marks = [
            Line(
                seconds(months), table.loc[table["way"] == way, column].to_numpy(float), COLOURS[way], way.capitalize()
            )
            for way in WAYS
        ]
        text = f"{title}, with and without retraining."
        pictures.append(draw_chart(title, text, time_axis(months), value_axis(table[column], title, label), marks))
    heights = [int(p.svg.split('height="', 1)[1].split('"', 1)[0]) for p in pictures]
    inner = f"{pictures[0].svg}<g transform='translate(0 {heights[0]})'>{pictures[1].svg}</g>"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="460" height="{sum(heights)}">{inner}</svg>')


def main() -> None:
    """Print the table of all ways, and the decision of each month."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--cases", type=int, default=40_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--months", type=int, default=12)
    asked.add_argument("--picture", type=Path)
    options = asked.parse_args()
    log = doubled_desk(options.cases, options.seed)
    first = log.until - pd.DateOffset(months=options.months)
    mornings = daily(first - TRAIN, log.until, at="08:00", timezone=log.timezone)
    labels = breach_labels(log, with_decision=True)
    frame = snapshots(log, mornings, METRIC)
    frame = frame[~frame["already_breached"].astype("boolean").fillna(False)].reset_index(drop=True)
    played = Played(log, frame, labels[labels["metric"] == METRIC], find_case_ends(log, METRIC))
    said, told = play(played, first, options.months)
    table = score(said)
    sys.stdout.write(f"{options.cases:,} cases, seed {options.seed}; played from {first:%d %b %Y}\n")
    for column in ("brier", "ece"):
        wide = table.pivot(index="month", columns="way", values=column)[list(WAYS)]
        sys.stdout.write(f"\n{column}\n{wide.round(4).rename(index=lambda m: f'{m:%b %Y}').to_string()}\n")
    sys.stdout.write("\nall months\n")
    for way in WAYS:
        mine = said[said["way"] == way]
        sys.stdout.write(
            f"{way:<20} Brier {brier(mine['y'], mine['p']):.4f}  calibration error {ece(mine['y'], mine['p']):.4f}\n"
        )
    sys.stdout.write("\n" + "\n".join(told) + "\n")
    if options.picture is not None:
        draw(table, options.picture)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
