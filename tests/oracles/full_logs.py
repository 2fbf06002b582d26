"""The small random desk with everything that a KPI of the catalogue may need."""

from __future__ import annotations

import numpy as np
import pandas as pd
import promise_twin
from deskcast.features.calendars.business_calendar import BusinessCalendar
from logs import random_log

OFFICE = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-12:30", "13:30-18:00"]}, holidays="PT")
OPTIONS = ("valid_from", "when", "preset", "match", "on_change", "cycles", "versions", "pause_on", "calendar")


def full_log(seed: int, n_cases: int = 40, days: int = 40) -> dict[str, pd.DataFrame]:
    """Return the frames of ``random_log`` with amounts, tasks, repairs and all kinds of surveys."""
    frames = random_log(seed, n_cases, days)
    rng = np.random.default_rng(seed + 7919)
    start = pd.Timestamp("2024-03-10T00:00Z")
    end = start + pd.Timedelta(days=days)

    def moments(n: int) -> pd.Series:
        return pd.Series(start + pd.to_timedelta(rng.integers(0, days * 86400, n), unit="s")).dt.as_unit("us")

    def later(at: pd.Series, mean: float, share: float) -> pd.Series:
        after = at + pd.to_timedelta(rng.exponential(mean, len(at)).round(), unit="s").as_unit("us")
        return after.where((after <= end) & (rng.random(len(at)) < share))

    cases = frames["cases"]
    cases["amount"] = pd.Series(rng.integers(5, 900, n_cases) / 4).where(rng.random(n_cases) < 0.7)
    frames["tasks"] = pd.DataFrame({"task_id": [f"k{i}" for i in range(n_cases)], "started_at": moments(n_cases)})
    tasks = frames["tasks"]
    tasks["finished_at"] = later(tasks["started_at"], 400, 0.9)
    done = tasks["finished_at"].notna()
    tasks["completed"] = pd.Series(rng.random(n_cases) < 0.7).where(done, None).astype("boolean")
    for name in ("screens", "clicks"):
        tasks[name] = pd.Series(rng.integers(1, 30, n_cases)).where(done & (rng.random(n_cases) < 0.9)).astype("Int64")
    linked = pd.Series([*cases["case_id"].sample(20, random_state=seed), *[None] * 20])
    failed = moments(40).drop_duplicates().reset_index(drop=True)
    repairs = pd.DataFrame({"asset_id": [f"m{k}" for k in rng.integers(0, 9, len(failed))], "failed_at": failed})
    repairs["repaired_at"] = later(failed, 40000, 0.8)
    fixed = pd.Series(rng.random(len(failed)) < 0.6).where(repairs["repaired_at"].notna(), None)
    repairs["fixed_first_visit"] = fixed.astype("boolean")
    frames["repairs"] = repairs.assign(case_id=linked[: len(failed)].to_numpy())
    more = pd.DataFrame({"survey_id": [f"x{i}" for i in range(40)], "offered_at": moments(40)})
    more["kind"] = ["ces", "agent_satisfaction"] * 20
    more["case_id"] = pd.Series(rng.choice(cases["case_id"], 40)).where(more["kind"] == "ces", None)
    more["responded_at"] = later(more["offered_at"], 90000, 0.8)
    answered = more["responded_at"].notna()
    more["score"] = pd.Series(rng.integers(1, 8, 40).astype(float)).where(answered)
    surveys = pd.concat([frames["surveys"], more], ignore_index=True)
    said = surveys["responded_at"].notna() & (rng.random(len(surveys)) < 0.7)
    surveys["problem_solved"] = pd.Series(rng.random(len(surveys)) < 0.8).where(said, None).astype("boolean")
    frames["surveys"] = surveys
    views = frames["article_views"]
    views["read_s"] = views["read_s"].where(rng.random(len(views)) < 0.9)
    time = frames["agent_time"]
    time["end"] = time["end"].mask(time.index == time["end"].idxmax())
    return _add_more(frames, seed, end)


def _add_more(frames: dict[str, pd.DataFrame], seed: int, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Add what the KPIs of articles, outbound contacts, categories of cost and denominators need."""
    rng = np.random.default_rng(seed + 104729)
    contacts, events, views = frames["contacts"], frames["events"], frames["article_views"]
    articles = sorted(views["article_id"].unique())
    contacts["article_id"] = pd.Series(rng.choice(articles, len(contacts))).where(rng.random(len(contacts)) < 0.4)
    made = (events["kind"] == "created") & (rng.random(len(events)) < 0.4)
    events["actor_role"] = events["actor_role"].mask(made, "agent")
    called = contacts.sample(frac=0.5, random_state=seed)
    shift = pd.to_timedelta(rng.integers(-7200, 7200, len(called)), unit="s").as_unit("us")
    out = pd.DataFrame({"contact_id": "o" + called["contact_id"], "case_id": called["case_id"]})
    out = out.assign(channel="phone", team=called["team"], queued_at=np.minimum(called["queued_at"] + shift, end))
    frames["outbound_contacts"] = out.reset_index(drop=True)
    sessions = views["session_id"].drop_duplicates().sample(frac=0.8, random_state=seed)
    searches = pd.DataFrame({"session_id": [*sessions, "none", *sessions.head(3)]})
    at = views["viewed_at"].min() + pd.to_timedelta(rng.integers(0, 20 * 86400, len(searches)), unit="s").as_unit("us")
    found = pd.Series(rng.random(len(searches)) < 0.6).where(rng.random(len(searches)) < 0.9, None).astype("boolean")
    frames["searches"] = searches.assign(searched_at=np.minimum(at, end), found=found)
    costs = frames["costs"]
    more = costs.head(1).assign(category="tools", amount=costs["amount"].iloc[0] / 3)
    frames["costs"] = pd.concat([costs, more], ignore_index=True)
    starts = pd.date_range("2024-02-01", periods=15, freq="MS", tz="UTC").as_unit("us")
    months = pd.DataFrame({"start": starts[:-1], "end": starts[1:]}).merge(
        pd.DataFrame({"product": ["p0", "p1"]}), "cross"
    )
    months["customers"] = rng.integers(50, 90, len(months)).astype(float)
    months["units"] = pd.Series(rng.integers(1, 9, len(months)).astype(float)).where(months.index != 3)
    frames["denominators"] = months
    return frames


def slow_milestones(frames: dict[str, pd.DataFrame], until: pd.Timestamp, calendars: dict) -> list[dict]:
    """Return the milestones as their own twin tells them."""
    events, policies = frames["events"].copy(), frames["sla_policies"].copy()
    said = events["public"].notna()  # what is unsaid counts as public until the log begins to say so
    events["public"] = events["public"].where(said, events["at"] < events.loc[said, "at"].min()).astype(bool)
    for name in OPTIONS:
        if name not in policies:
            policies[name] = None
    rows = promise_twin.milestones(frames["cases"], events, policies, calendars, until, BusinessCalendar.always())
    return list(rows.astype(object).to_dict("records"))
