"""Dissatisfaction: complaints, tickets whose labels are noise, and the simulated desk with a known truth.

* ``cfpb_complaints``: was the company's answer disputed? Only what is known at receipt is used (product, issue,
  company, state, channel); company response, timeliness and the date sent are outcomes. 2014: a blank means "not
  disputed so far", so a label is ripe 21 days after the company got the complaint; younger ones, and those that wait
  for the company, are censored. 2013: all are labelled.
* ``synthetic_support_tickets``: ratings are independent of everything; also with shuffled labels.
* The simulated desk: the true probability of a low score of a closed case is known in closed form, that at receipt from
  repeated simulation of the same arrivals.

Figures are out of time: the newest fifth of the cases, and on the desk the last five months.
Run: ``python benchmarks/dissatisfaction.py [FOLDER] [complaints] [synthetic] [desk] [open]``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.satisfaction import dissatisfaction_labels
from deskcast.models.evaluation.scores import bootstrap_table
from deskcast.models.risk.case_rows import case_snapshots
from deskcast.models.risk.dissatisfaction import DISSATISFACTION_LABEL, DissatisfactionRisk
from deskcast.models.risk.survey_cohort import prepare_snapshots
from scipy.stats import norm

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
#: After so many days a complaint of 2014 counts as not disputed; 30 days were allowed, and the file spans 35.
RIPE = pd.Timedelta(days=21)


def complaints_2014(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """Return looks at receipt, labels and the day of the extract."""
    told = pd.read_csv(folder / "cfpb_complaints/complaints_2014-10_2014-11.csv.gz", dtype="str")
    names = {"Product": "product", "Issue": "case_type", "State": "region", "Submitted via": "channel"}
    names |= {"Company": "attr_company", "Sub-product": "attr_sub_product", "Sub-issue": "attr_sub_issue"}
    rows = _receipt(told.rename(columns={"Complaint ID": "case_id", **names}), told["Date received"], "%m/%d/%Y")
    end = rows["at"].max() + pd.Timedelta(days=1)
    yes = told["Consumer disputed?"].eq("Yes").to_numpy()
    # What the company has not got or not answered cannot be disputed yet: that is not a "no". Mail takes a week to get
    # there and the web none, so counting from receipt would make the channel look like a reason.
    waits = told["Company response"].eq("In progress").to_numpy()
    sent = pd.to_datetime(told["Date sent to company"], format="%m/%d/%Y").dt.tz_localize("UTC")
    known = (sent.clip(lower=rows["at"]) + RIPE).mask(waits).astype(rows["at"].dtype)
    label = pd.array(yes, dtype="boolean")
    labels = pd.DataFrame({"case_id": rows["case_id"], "label": label, "known_at": known.where(known <= end)})
    labels.loc[labels["known_at"].isna(), "label"] = pd.NA
    return rows, labels, end


def complaints_2013(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """Return looks at receipt, labels and a day by which all are known."""
    told = pd.read_csv(folder / "cfpb_complaints/complaints_2013-08_2013-10.csv.gz", dtype="str")
    names = {"complaint_id": "case_id", "issue": "case_type", "state": "region", "submitted_via": "channel"}
    names |= {"company": "attr_company", "sub_product": "attr_sub_product", "sub_issue": "attr_sub_issue"}
    rows = _receipt(told.rename(columns=names), told["date_received"], "%m/%d/%Y")
    labels = pd.DataFrame({"case_id": rows["case_id"], "label": told["consumer_disputed?"].eq("Yes").to_numpy()})
    labels["known_at"] = rows["at"] + pd.Timedelta(days=60)
    return rows, labels.astype({"label": "boolean"}), rows["at"].max() + pd.Timedelta(days=60)


def synthetic(folder: Path, seed: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """Return looks at the rated tickets; with a seed their ratings are shuffled."""
    told = pd.read_csv(folder / "synthetic_support_tickets/customer_support_tickets.csv.gz", dtype="str")
    told = told[told["Customer Satisfaction Rating"].notna()].reset_index(drop=True)
    names = {"Product Purchased": "product", "Ticket Type": "case_type", "Ticket Priority": "priority"}
    names |= {"Ticket Channel": "channel", "Ticket Subject": "attr_subject", "Customer Gender": "attr_gender"}
    frame = told.rename(columns={"Ticket ID": "case_id", **names})
    at = pd.to_datetime(told["Time to Resolution"]).dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    rows = frame[["case_id", *names.values()]].assign(at=at, age_s=0.0, is_resolved=1.0)
    rows["attr_age"] = told["Customer Age"].astype(float)
    low = told["Customer Satisfaction Rating"].astype(float).le(2).to_numpy()
    if seed is not None:
        low = np.random.default_rng(seed).permutation(low)
    labels = pd.DataFrame({"case_id": rows["case_id"], "label": pd.array(low, dtype="boolean")})
    labels["known_at"] = at + pd.Timedelta(minutes=1)
    return rows, labels, at.max() + pd.Timedelta(days=1)


def report(title: str, data: tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]) -> DissatisfactionRisk:
    """Fit, and print what the product says and its table."""
    rows, labels, end = data
    begun = time.perf_counter()
    risk = DissatisfactionRisk().fit(rows, labels, as_of=end)
    print(f"\n##### {title}: {len(rows):,} looks, {int(labels['label'].notna().sum()):,} labels, "
          f"{time.perf_counter() - begun:.1f} s\n{risk.decision_}")  # fmt: skip
    table = risk.evaluation_[risk.evaluation_["n"] > 0]
    print(table.round(4).to_string(index=False))
    p = risk.risk(rows)
    print(f"distinct probabilities given: {len(np.unique(p.round(12))):,}, mean {p.mean():.4f}")
    return risk


def desk(cases: int = 40_000, seed: int = 1, replicates: int = 60) -> None:
    """Fit on the simulated desk and hold all probabilities against the truth, at receipt and at closing."""
    log = desk_log(cases, seed)
    labels = dissatisfaction_labels(log, low={"csat": 2})
    looks = [case_snapshots(log, at, segments=("account",)) for at in ("creation", closings(log))]
    rows = pd.concat(looks, ignore_index=True)
    report(f"simulated desk, {cases:,} cases", (rows, labels, log.until))
    # Out of time: fitted on what was known after 13 of the 18 months, held against the cases created after that.
    cut = log.until - pd.Timedelta(days=150)
    known = dissatisfaction_labels(log.as_of(cut), low={"csat": 2})
    born = rows["at"] - pd.to_timedelta(rows["age_s"], unit="s")
    test = rows[(born > cut) & (rows["at"] < log.until - pd.Timedelta(days=7))].reset_index(drop=True)
    place = test["case_id"].str.slice(1).astype(int).to_numpy() - 1
    truths = {
        "closed": truth_at_closing(experience_mean(cases, seed)),
        "open": truth_at_receipt(cases, seed, replicates),
    }
    for segments in ((), ("account",)):
        risk = DissatisfactionRisk(segments=segments).fit(rows[rows["at"] <= cut], known, as_of=cut)
        print(f"\n--- fitted as of {cut:%d %b %Y}, track records of: {segments or 'nothing'}\n{risk.decision_}")
        # The model stays as it was; of the track records each case sees what was known at its own instant.
        risk = risk.follow(rows, labels, log.until)
        _hold(risk, test, {stage: {n: v[place] for n, v in each.items()} for stage, each in truths.items()})


def open_cases(cases: int = 40_000, seeds: tuple[int, ...] = (2, 3, 4)) -> None:
    """Print what is said of the cases open on the six Mondays after training, beside the truth."""
    from types import SimpleNamespace

    from deskcast.features.snapshots.snapshots import snapshots
    from deskcast.pipelines.project.specs import RiskSpec
    from deskcast.pipelines.stages.dissatisfaction import fit_dissatisfaction
    from deskcast.pipelines.stages.train import training_instants

    for seed in seeds:
        log, truth = desk_log(cases, seed), truth_at_closing(experience_mean(cases, seed))
        cut = log.until - pd.Timedelta(weeks=8)
        then = log.as_of(cut)
        frame = snapshots(then, training_instants(then, RiskSpec()), "resolution")
        trained = SimpleNamespace(frame=frame, metric="resolution")
        risk, _ = fit_dissatisfaction(then, trained, dissatisfaction_labels(then, low={"csat": 2}))
        mondays = pd.DatetimeIndex([cut + pd.Timedelta(weeks=k) for k in range(7)])
        test = snapshots(log, mondays, "resolution").assign(stage="open")
        said, place = risk.predict_table(test), test["case_id"].str.slice(1).astype(int).to_numpy() - 1
        told = said["response_probability"].to_numpy()
        there = np.isfinite(truth["asked"][place])
        answers, p = truth["answers"][place], truth["response_probability"][place]
        print(f"seed {seed}, {there.sum():,} open cases, {risk.used_['open']}: among answers said "
              f"{np.average(said['dissatisfaction_risk_if_answered'][there], weights=told[there]):.3f}, true "
              f"{np.average(answers[there], weights=p[there]):.3f}; if asked said "
              f"{said['dissatisfaction_risk'][there].mean():.3f}, true "
              f"{truth['asked'][place][there].mean():.3f}", flush=True)  # fmt: skip


def _hold(risk: DissatisfactionRisk, test: pd.DataFrame, truths: dict[str, dict[str, np.ndarray]]) -> None:
    """Print how each probability stands against the truth, by stage."""
    said = risk.predict_table(test)
    for stage, truth in truths.items():
        mine = (said["stage"] == stage).to_numpy()
        columns = {"asked": "dissatisfaction_risk", "answers": "dissatisfaction_risk_if_answered"}
        for short in ("asked", "answers", "response_probability"):
            name = columns.get(short, short)
            _against(f"{stage}: {name}", said.loc[mine, name].to_numpy(), truth[short][mine])
        asked = truth["asked"][mine]
        _outcome(stage, risk, test[mine].reset_index(drop=True), asked)
        _risers(stage, test[mine], said.loc[mine, "dissatisfaction_risk"].to_numpy(), asked)


def _against(title: str, said: np.ndarray, truth: np.ndarray) -> None:
    """Print the calibration of a probability against the true one."""
    there = np.isfinite(truth)
    said, truth = said[there], truth[there]
    bins = np.digitize(said, np.unique(np.quantile(said, np.arange(1, 10) / 10)))
    table = pd.DataFrame({"bin": bins, "said": said, "truth": truth}).groupby("bin").agg(
        n=("said", "size"), said=("said", "mean"), truth=("truth", "mean"))  # fmt: skip
    error = float((table["n"] * (table["said"] - table["truth"]).abs()).sum() / table["n"].sum())
    spread = np.corrcoef(said, truth)[0, 1] if said.std() > 1e-12 else float("nan")
    print(f"\n{title} against the truth: mean said {said.mean():.3f}, true {truth.mean():.3f}, calibration error "
          f"{error:.4f}, root mean square {np.sqrt(np.mean((said - truth) ** 2)):.3f}, correlation "
          f"{spread:.2f}")  # fmt: skip
    print(table.round(3).to_string(index=False))


def _outcome(stage: str, risk: DissatisfactionRisk, test: pd.DataFrame, truth: np.ndarray) -> None:
    """Print all candidates on outcomes drawn from the truth, and how well the truth itself would do."""
    there = np.isfinite(truth)
    test, truth = test[there].reset_index(drop=True), truth[there]
    drawn = (np.random.default_rng(0).uniform(size=len(truth)) < truth).astype(float)
    frame = prepare_snapshots(test, DISSATISFACTION_LABEL)
    models = {name: model.probability(frame) for name, model in risk.stages_[stage].candidates.items()}
    table = bootstrap_table(drawn, {**models, "the truth": truth}, np.arange(len(truth)), replicates=100)
    print(
        table[["model", "n", "base_rate", "auc", "average_precision", "brier", "ece"]].round(4).to_string(index=False)
    )


def _risers(stage: str, test: pd.DataFrame, said: np.ndarray, truth: np.ndarray) -> None:
    """Print what is said of the account whose agent left and of the faulty product, beside the rest of their time."""
    rank = pd.Series(said).rank(pct=True).to_numpy()
    fault = (test["at"] >= pd.Timestamp("2026-02-12T05:00Z")).to_numpy()
    faulty = ((test["product"] == "Mobile") & (test["region"] == "Portugal")).to_numpy()
    groups = {
        "account A2 after the leaver": (test["account"] == "A2").to_numpy(),
        "other accounts": (test["account"] != "A2").to_numpy(),
        "Mobile in Portugal since the fault": faulty & fault,
        "others since then": ~faulty & fault,
    }
    there = np.isfinite(truth)
    top = np.argsort(-said, kind="stable")[: len(said) // 20]
    first = np.isin(np.arange(len(said)), top)
    print(f"{stage}:")
    for name, mine in groups.items():
        both = mine & there
        print(f"  {name:36} n {mine.sum():6,}  said {said[mine].mean():.3f}  true {truth[both].mean():.3f}  mean rank "
              f"{rank[mine].mean():.2f}  in the top 5 %: {first[mine].mean():.1%}")  # fmt: skip


def desk_log(cases: int, seed: int) -> CaseLog:
    """Return the simulated desk as a log."""
    import tempfile

    from deskcast.pipelines.project.project import open_log
    from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

    with tempfile.TemporaryDirectory() as folder:
        write_desk(simulate_desk(cases, seed=seed), folder)
        log = open_log(Path(folder) / "deskcast.toml")
        frames = {name: log.frame(name) for name in ("cases", "events", "surveys", "sla_policies")}
        until, zone, attributes, calendars = log.until, log.timezone, log.attributes, log.calendars
    return CaseLog.from_frames(until=until, timezone=zone, attributes=attributes, calendars=calendars, **frames)


def closings(log: CaseLog) -> pd.DataFrame:
    """Return each case with the instant of its last closing."""
    events = log.frame("events")
    return events[events["kind"] == "closed"].groupby("case_id")["at"].max().reset_index()


def experience_mean(cases: int, seed: int, again: int | None = None) -> np.ndarray:
    """Return how good each case was before the mood of the day; with ``again`` the same arrivals are served anew."""
    from deskcast.pipelines.simulated_desk import desk as d

    rngs = [np.random.default_rng([seed, stream]) for stream in range(3)]
    who, talk, work = rngs
    if again is not None:
        talk, work = (np.random.default_rng([seed, stream, 7_000 + again]) for stream in (1, 2))
    drawn = d.draw_cases(cases, who)
    contacts, crew = d.run_contacts(drawn, cases, talk)
    settled, bot = d.resolved_on_contact(drawn, contacts, talk), d.draw_bot_resolutions(drawn, work)
    touches, _ = d.run_touches(drawn, d.draw_touches(drawn, contacts, settled, bot, work), work, len(crew))
    resolved = d.final_resolution(drawn, contacts, settled, bot, touches)
    mean = d.score_experience(drawn, contacts, touches, resolved, _Calm())
    return np.where(resolved >= 0, mean, np.nan)


class _Calm:
    """Draws no mood."""

    def normal(self, mean: float, _: float, n: int) -> np.ndarray:
        return np.full(n, mean)


def truth_at_closing(mean: np.ndarray, steps: int = 41) -> dict[str, np.ndarray]:
    """Return the true probabilities of a low score if asked and among those who answer, and of an answer."""
    mood = norm.ppf((np.arange(steps) + 0.5) / steps) * 0.8
    felt = mean[:, None] + mood[None, :]
    answers = 1 / (1 + np.exp(1.0 + 0.55 * np.clip(felt, -2.5, 2)))
    low = felt <= -0.9
    asked = norm.cdf((-0.9 - mean) / 0.8)
    p = answers.mean(axis=1)
    return {"asked": asked, "answers": (low * answers).mean(axis=1) / p, "response_probability": p}


def truth_at_receipt(cases: int, seed: int, replicates: int) -> dict[str, np.ndarray]:
    """Return the same as known at receipt: the arrivals are served anew many times."""
    parts = [truth_at_closing(experience_mean(cases, seed, again), 15) for again in range(replicates)]
    asked = np.nanmean([p["asked"] for p in parts], axis=0)
    answers = np.nanmean([p["response_probability"] for p in parts], axis=0)
    low = np.nanmean([p["answers"] * p["response_probability"] for p in parts], axis=0)
    return {"asked": asked, "answers": low / answers, "response_probability": answers}


def _receipt(told: pd.DataFrame, day: pd.Series, style: str) -> pd.DataFrame:
    at = pd.to_datetime(day, format=style).dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    kept = [c for c in ("case_id", "product", "case_type", "region", "channel") if c in told]
    kept += sorted(c for c in told if c.startswith("attr_"))
    return told[kept].assign(at=at, age_s=0.0, weekday=at.dt.day_of_week.astype(float))


def main(folder: Path, parts: list[str]) -> None:
    """Print the parts that were asked for, all by default."""
    if not parts or "complaints" in parts:
        report("complaints of 2014", complaints_2014(folder))
        report("complaints of 2013", complaints_2013(folder))
    if not parts or "synthetic" in parts:
        report("synthetic tickets", synthetic(folder))
        verdicts = [
            report(f"synthetic tickets, shuffled {seed}", synthetic(folder, seed)).used_["closed"] for seed in range(3)
        ]
        print("used on shuffled labels:", verdicts)
    if not parts or "desk" in parts:
        desk()
    if not parts or "open" in parts:
        open_cases()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, sys.argv[2:])
