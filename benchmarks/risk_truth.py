"""Breach risk on the simulated desk against the true probability, which is known from serving the same arrivals anew.

The arrivals of one desk are served many times over with new luck (handling times, routing, agents' choices). Of the
runs in which a case is still undecided on a morning, the share that breaks its promise is its true probability on that
morning, as far as it is known at arrival and from being open. The model is trained as of 15 January 2026 and followed
daily; mornings after that are held against the truth, by tenths of what was said. Then: where the cases of the account
whose agent left (A2, from 18 August 2025) and of the faulty product (Mobile in Portugal, from 12 February 2026) stand
in the list, before and after, and whether their true probability has risen at all.

Run: ``python benchmarks/risk_truth.py [CASES] [RUNS]``.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.breach import breach_labels, find_case_ends
from deskcast.features.snapshots.snapshots import daily, snapshots
from deskcast.models.risk.breach import BreachRisk, has_breached
from dissatisfaction import desk_log

CUT = pd.Timestamp("2026-01-15T07:00Z")
LEFT = pd.Timestamp("2025-08-17T22:00Z")
FAULT = pd.Timestamp("2026-02-12T05:00Z")
#: A true probability rests on so many runs in which the case is undecided.
FEWEST = 8


def served_anew(log: CaseLog, cases: int, seed: int, again: int) -> pd.DataFrame:
    """Return the outcomes of the same arrivals in another run: ``case_id, label, known_at``."""
    from deskcast.pipelines.simulated_desk import desk as d

    who = np.random.default_rng([seed, 0])
    talk, work = (np.random.default_rng([seed, stream, 7_000 + again]) for stream in (1, 2))
    drawn = d.draw_cases(cases, who)
    contacts, crew = d.run_contacts(drawn, cases, talk)
    settled, bot = d.resolved_on_contact(drawn, contacts, talk), d.draw_bot_resolutions(drawn, work)
    touches, more = d.run_touches(drawn, d.draw_touches(drawn, contacts, settled, bot, work), work, len(crew))
    crew += more
    case_ids = d.format_ids("C", np.arange(1, cases + 1), 7)
    customer_ids = d.format_ids("U", np.arange(1, int(drawn.customer.max()) + 2), 6)
    codes = d.build_events(drawn, contacts, settled, bot, touches)
    frames = {"cases": d.cases_frame(drawn, case_ids, customer_ids), "sla_policies": log.frame("sla_policies")}
    frames["events"] = d.events_frame(codes, case_ids, customer_ids, [m.name for m in crew])
    other = CaseLog.from_frames(until=log.until, timezone=log.timezone, calendars=log.calendars, **frames)
    labels = breach_labels(other)
    return labels[labels["metric"] == "resolution"][["case_id", "label", "known_at"]]


def truth(rows: pd.DataFrame, runs: list[pd.DataFrame]) -> np.ndarray:
    """Return for each snapshot the share of the runs with the case undecided that break the promise; else missing."""
    broke, count = np.zeros(len(rows)), np.zeros(len(rows))
    for run in runs:
        known = run.set_index("case_id").reindex(rows["case_id"])
        there = known["label"].notna().to_numpy() & (known["known_at"].array > rows["at"].array)
        count += there
        broke += there & known["label"].fillna(False).to_numpy(dtype=bool)
    return np.where(count >= FEWEST, broke / np.maximum(count, 1), np.nan)


def main(cases: int = 12_000, runs: int = 30, seed: int = 1) -> None:
    """Print the calibration against the truth, and where the two groups stand."""
    log = desk_log(cases, seed)
    labels = breach_labels(log)
    labels, ends = labels[labels["metric"] == "resolution"], find_case_ends(log)
    frame = snapshots(log, daily("2025-06-01", log.until, at="08:00", timezone=log.timezone))
    past = frame[frame["at"] <= CUT]
    calendar = next(iter(log.calendars.values())) if len(log.calendars) == 1 else None
    risk = BreachRisk(calendar=calendar).fit(
        past[past["at"] > CUT - pd.Timedelta(days=120)], labels, as_of=CUT, ends=ends
    )
    print(f"{len(past):,} snapshots until {CUT:%d %b %Y}. {risk.decision_}")
    test = frame[(frame["at"] > CUT) & ~has_breached(frame)].reset_index(drop=True)
    born = test["at"] - pd.to_timedelta(test["age_s"], unit="s")
    test = test[(born > CUT).to_numpy()].reset_index(drop=True)
    said = np.empty(len(test))
    for day in test["at"].unique():
        lately = frame[(frame["at"] <= day) & (frame["at"] > day - pd.Timedelta(days=57))]
        mine = (test["at"] == day).to_numpy()
        said[mine] = risk.follow(lately, labels, day, ends=ends).risk(test[mine])
    anew = [served_anew(log, cases, seed, again) for again in range(runs)]
    true = truth(test, anew)
    there = np.isfinite(true)
    table = pd.DataFrame({"said": said[there], "true": true[there]})
    table["tenth"] = np.digitize(table["said"], np.unique(np.quantile(table["said"], np.arange(1, 10) / 10)))
    table = table.groupby("tenth").agg(n=("said", "size"), said=("said", "mean"), true=("true", "mean"))
    error = float((table["n"] * (table["said"] - table["true"]).abs()).sum() / table["n"].sum())
    print(
        f"{there.sum():,} of {len(test):,} snapshots after the cut have a truth from at least {FEWEST} of {runs} runs"
    )
    print(f"mean said {said[there].mean():.3f}, true {true[there].mean():.3f}; calibration error against the truth "
          f"{error:.3f}; correlation {np.corrcoef(said[there], true[there])[0, 1]:.2f}")  # fmt: skip
    print(table.round(3).to_string())
    everything = frame[~has_breached(frame)].reset_index(drop=True)
    place = risers(everything, labels, ends, log, anew)
    print(place.round(3).to_string(index=False))


def risers(
    rows: pd.DataFrame, labels: pd.DataFrame, ends: pd.DataFrame, log: CaseLog, anew: list[pd.DataFrame]
) -> pd.DataFrame:
    """Return the place of the two groups in the lists before and after, each span by a model of its last morning."""
    accounts = log.frame("cases").set_index("case_id")["account"]
    faulty = ((rows["product"] == "Mobile") & (rows["region"] == "Portugal")).to_numpy()
    leaver = (rows["case_id"].map(accounts) == "A2").to_numpy()
    found = []
    for name, event, mine in (("account A2", LEFT, leaver), ("Mobile in Portugal", FAULT, faulty)):
        after = min(event + pd.Timedelta(days=31), log.until)
        for when, first, last in (("before", event - pd.Timedelta(days=28), event), ("after", event, after)):
            span = ((rows["at"] > first) & (rows["at"] <= last)).to_numpy()
            known = rows[(rows["at"] <= last) & (rows["at"] > last - pd.Timedelta(days=90))]
            model = BreachRisk(replicates=50).fit(known, labels, as_of=last, ends=ends)
            now, hit = rows[span].reset_index(drop=True), mine[span]
            p, true = pd.Series(model.candidates_["mean"].probability(now)), truth(now, anew)
            rank = p.groupby(now["at"]).rank(pct=True)
            row = {"group": name, "when": when, "n": int(hit.sum()), "a_day": hit.sum() / now["at"].nunique()}
            row |= {"said": p[hit].mean(), "others_said": p[~hit].mean(), "mean_rank": rank[hit].mean()}
            row |= {"in_top_tenth": float((rank[hit] > 0.9).mean()), "top_tenth_n": int((rank[hit] > 0.9).sum())}
            found.append(row | {"true": float(np.nanmean(true[hit])), "others_true": float(np.nanmean(true[~hit]))})
    return pd.DataFrame(found)


if __name__ == "__main__":
    main(*(int(v) for v in sys.argv[1:]))
