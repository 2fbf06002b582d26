"""Staffing from the configuration: calls, chats, case work, and the shifts that cover them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.forecasting.staffing.required_agents import required_chat_agents
from deskcast.forecasting.staffing.staffing_plan import scheduled_agents
from deskcast.pipelines.project.config import StaffingSpec, parse_config
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.casework import find_sla_targets, load_backlog
from deskcast.pipelines.stages.queue import (
    PlannedQueue,
    counted_noun,
    describe_aht,
    queue_arrivals,
    queue_segments,
    read_handle_totals,
    shrinkage_words,
)
from deskcast.pipelines.stages.shifts import clock_seconds, required_column
from deskcast.pipelines.stages.staff import _queue_sentences, staff_stage
from deskcast.pipelines.words.facts import Finding


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(6000, 2), folder)
    return open_project(folder / "deskcast.toml")


@pytest.fixture(scope="module")
def stage(project):
    return staff_stage(project)


def test_every_configured_queue_is_planned(project, stage):
    assert not stage.skipped
    more = {"shrinkage", "team_time", "concurrency", "staffing_settings", "staffing_forecast"}
    assert set(stage.tables) == {"staffing", "casework", "schedule", "coverage", "staff_figures", *more}
    assert set(stage.tables["staffing"]["queue"]) == {"phone", "chat"}
    assert set(stage.tables["casework"]["queue"]) == {"email"}
    assert not [f for f in stage.findings if f.startswith("Not planned") or "nan" in f]
    for queue in ("phone", "chat", "email"):
        assert any(f.startswith(f"{queue.title()}:") for f in stage.findings)


def test_a_chat_plan_is_the_fewest_agents_of_the_birth_death_chain(project, stage):
    spec = project.config.staffing["chat"]
    plan = stage.tables["staffing"].query("queue == 'chat'")
    rules = {"interval": spec.interval_s, "threshold": spec.within_s}
    need = required_chat_agents(plan["calls"], plan["aht_s"], spec.concurrency, spec.slowdown, **rules)
    assert plan["agents"].tolist() == need["agents"].tolist()
    assert (plan["agents_hi"] >= plan["agents"]).all()
    assert plan["miss_probability"].between(0, 1).all()
    assert any(f.startswith("Chat: expected service level") for f in stage.findings)


def test_case_work_is_done_in_open_hours_and_nothing_is_lost(project, stage):
    plan = stage.tables["casework"]
    assert (plan.loc[plan["open_h"] == 0, "worked"] == 0).all()
    began = len(load_backlog(project, {"channel": "email"}, ("1", "2", "3", "4")))
    flow = began + plan["arrived"].sum() - plan["worked"].sum()
    assert plan["backlog"].iloc[-1] == pytest.approx(flow, abs=0.01)
    assert plan["agents_to_schedule"].tolist() == pytest.approx(plan["agents"] / (0.90 * 0.94))
    assert plan["breach_risk"].between(0, 1).all()


def test_the_backlog_of_an_attribute_is_that_of_its_cases(project):
    """The same whether the project is cut, or was made of what was known then."""
    then = view_as_of(project, str(project.log.until - pd.Timedelta(days=3, hours=7)))
    classes = ("1", "2", "3", "4")
    each = [load_backlog(then, {"account": f"A{i}"}, classes) for i in range(1, 200)]
    whole = load_backlog(then, {}, classes)
    assert 0 < sum(0 if part is None else len(part) for part in each) <= len(whole)
    assert max(0 if part is None else len(part) for part in each) < len(whole)
    pd.testing.assert_frame_equal(whole, load_backlog(replace(then, whole=None), {}, classes))


def test_shifts_cover_the_phone(stage):
    cover = stage.tables["coverage"]
    need = stage.tables["staffing"].query("queue == 'phone'")["agents"].to_numpy()
    assert np.allclose(cover["required"], need)
    assert np.allclose(cover["scheduled"] + cover["understaffed"] - cover["overstaffed"], need)
    assert cover["understaffed"].sum() == 0
    shifts = stage.tables["schedule"]
    assert not shifts["days"].str.contains("sun").any()
    assert shifts["scheduled_agents"].sum() == scheduled_agents(shifts["agents"].sum(), 0.15)


def test_shifts_lie_within_the_opening_hours_and_idle_hours_are_named(project, stage):
    """Nobody is paid for a minute after closing; hours in which nobody is required are in the sentence."""
    cover = stage.tables["coverage"]
    starts = pd.DatetimeIndex(cover["ds"]).tz_localize("Europe/Berlin", nonexistent="shift_forward", ambiguous="NaT")
    is_open = project.log.calendars["phone"].open_share(starts, 1800) > 0
    assert cover.loc[~is_open, "scheduled"].sum() == 0
    idle = cover.loc[cover["required"] == 0, "scheduled"].sum()
    said = [f for f in stage.findings if "without required agents, first" in f]
    assert len(said) == int(idle > 0)


def test_paid_hours_beyond_the_required_ones_are_named_with_their_causes(stage):
    figures = stage.tables["staff_figures"].query("subject == 'phone'").set_index("kind")["value"]
    need = stage.tables["staffing"].query("queue == 'phone'")["agents_to_schedule"].sum() / 2
    assert figures["paid hours"] == pytest.approx(stage.tables["schedule"]["hours"].sum())
    surplus = figures["paid hours beyond those to schedule"]
    assert surplus == round(figures["paid hours"] - need) > 0
    causes = figures.filter(like="paid hours by ")
    assert causes.sum() == surplus
    assert any(f"{surplus:.0f} paid hours beyond those to schedule" in f for f in stage.findings)


def test_a_confidence_that_is_set_is_the_one_that_is_said(project, stage):
    plan = stage.tables["staffing"].query("queue == 'phone'").assign(agents_sure=7)
    sure = replace(project.config.staffing["phone"], confidence=0.95)
    said = _queue_sentences(PlannedQueue(project, "phone", sure), plan, Finding("told"))
    assert any("at a time (" in f and " on contacts)" in f for f in said)
    assert "Phone: the peak requires 7 agents to be 95% sure of the target." in said
    assert required_column(plan) == "agents_sure"
    email = [f for f in stage.findings if f.startswith("Email: ")]
    assert any("To be 80% sure of enough hours, schedule up to" in f for f in email)
    assert any("(multiplied; added 16%)" in f for f in email)
    assert not any("if the forecast is exact" in f for f in email)  # the plan is for more
    table = stage.tables["casework"]
    due, late = table["expected_due"].sum(), round(table["breaches"].sum())
    said = [f for f in email if f"among {due:.0f} cases due" in f or f"among {due:.0f} case due" in f]
    assert [f"({late or 'none'} if volume is as planned)" in f for f in said] == [True]  # one sentence, both figures


def test_agents_are_agents_in_words_and_tables(stage):
    """The sentence, the table and the sum over the week speak of the same agents to schedule."""
    for queue, table in (("phone", "staffing"), ("chat", "staffing"), ("email", "casework")):
        plan = stage.tables[table].query(f"queue == '{queue}'")
        most = int(plan["agents"].max())
        crew = scheduled_agents(most, {"leave": 0.10, "breaks": 0.06} if queue == "email" else 0.15)
        head = f"{queue.title()}: "
        assert any(f.startswith(head) and f"chedule up to {crew} agent" in f for f in stage.findings)
        assert plan["agents_to_schedule"].max() <= crew < plan["agents_to_schedule"].max() + 1
        hours = plan["agents_to_schedule"] * (plan["open_h"] if queue == "email" else 0.5)
        assert any(f.startswith(f"{head}{round(hours.sum())} agent hours to schedule") for f in stage.findings)
    phone = stage.tables["staffing"].query("queue == 'phone'")
    assert phone["agents_to_schedule"].sum() == pytest.approx(phone["agents"].sum() / 0.85)
    level = np.average(phone["expected_service_level"].fillna(1), weights=phone["calls"])
    assert any(f"Phone: expected service level {level:.0%} within 20 s (" in f for f in stage.findings)
    assert any(
        f"the peak requires {phone['agents_hi'].max()} agent" in f and "80% sure of the target" in f
        for f in stage.findings
    )


def test_the_plan_with_a_confidence_is_the_plan_of_the_headline(project):
    """``confidence = 0.8`` gives what the sentence on 8 of 10 weeks says, for calls and for chats."""
    queues = {n: replace(project.config.staffing[n], confidence=0.8) for n in ("phone", "chat")}
    stage = staff_stage(replace(project, config=replace(project.config, staffing=queues, shifts={})))
    plan = stage.tables["staffing"]
    assert plan["agents_sure"].tolist() == plan["agents_hi"].tolist()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ("multiply", "shrinkage 28% (multiplied; added 30%)"),
        ("add", "shrinkage 30% (added; multiplied 28%)"),
    ],
)
def test_both_readings_of_shrinkage_are_said(parts, words):
    assert shrinkage_words(StaffingSpec(shrinkage={"leave": 0.2, "breaks": 0.1}, shrinkage_parts=parts)) == words
    assert shrinkage_words(StaffingSpec(shrinkage=0.3, shrinkage_parts=parts)) == "shrinkage 30%"


@pytest.mark.slow
def test_a_plan_may_be_played_and_a_backlog_cleared_by_a_date(project):
    by = (project.log.until + pd.Timedelta(days=2)).tz_convert("Europe/Berlin").strftime("%Y-%m-%d 18:00")
    stage = staff_stage(replace(project, config=replace(project.config, shifts={})), simulate=True, clear_by=by)
    played = stage.tables["simulated"].query("period == 'all'").set_index("queue")
    assert set(played.index) == {"phone", "chat"}
    assert (played["service_level"] - played["formula_service_level"]).abs().max() < 0.05
    table = stage.tables["clearing"]
    assert table["chance"].is_monotonic_increasing
    assert table["enough"].any()
    assert any("to clear the" in f for f in stage.findings)


def test_a_queue_takes_contacts_where_there_are_any_and_else_cases(project):
    assert queue_segments(project.log, "email", StaffingSpec()) == {"channel": "email"}
    assert queue_segments(project.log, "everyone", StaffingSpec()) == {}
    phone = queue_arrivals(project.log, {"channel": "phone"}, "h")["y"].sum()
    contacts = project.log.frame("contacts")
    assert phone <= (contacts["channel"] == "phone").sum()
    assert phone > 0.95 * (contacts["channel"] == "phone").sum()
    assert queue_arrivals(project.log, {"channel": "email"}, "h")["y"].sum() > 0


def estimate_aht(log, where):
    """Return the mean handle time of a queue, and where it comes from."""
    return describe_aht(read_handle_totals(log, where, StaffingSpec()), StaffingSpec(), where.get("channel", "all"))


def test_handle_time_is_measured_from_the_contacts_of_the_queue(project):
    seconds, basis = estimate_aht(project.log, {"channel": "phone"})
    rows = project.log.frame("contacts").query("channel == 'phone'").dropna(subset=["answered_at", "ended_at"])
    rows = rows[rows["queued_at"] > project.log.until - pd.Timedelta(days=56)]
    slow = ((rows["ended_at"] - rows["answered_at"]).dt.total_seconds() + rows["wrap_s"]).mean()
    assert seconds == pytest.approx(slow)
    assert "8 weeks" in basis
    with pytest.raises(InputError, match=r"\[staffing.email\].*'aht'.*missing AHT"):
        estimate_aht(project.log, {"channel": "email"})


def test_wrap_time_that_is_not_recorded_is_not_zero():
    start = pd.Timestamp("2024-03-01T09:00Z")
    contacts = pd.DataFrame({"contact_id": [str(i) for i in range(40)], "queued_at": start, "answered_at": start})
    contacts["ended_at"] = start + pd.Timedelta(seconds=100)
    contacts["wrap_s"] = [60.0, np.nan] * 20
    whole = estimate_aht(CaseLog.from_frames(contacts=contacts), {})[0]
    assert whole == pytest.approx(160.0)
    none = estimate_aht(CaseLog.from_frames(contacts=contacts.drop(columns="wrap_s")), {})[0]
    assert none == pytest.approx(100.0)


def test_promises_come_from_the_policies_unless_the_queue_has_its_own(project):
    promised = {s.priority: s.target_s for s in project.config.slas if s.metric == "resolution"}
    assert sorted(promised) == ["1", "2", "3", "4"]
    assert find_sla_targets(project, StaffingSpec(), "") == promised
    assert find_sla_targets(project, StaffingSpec(sla_s=60.0), "") == {"any": 60.0}


def test_a_queue_that_cannot_be_planned_is_named_and_the_rest_goes_on(project):
    queues = {"phone": project.config.staffing["phone"], "email": StaffingSpec(kind="cases", aht_s=600)}
    stage = staff_stage(replace(project, config=replace(project.config, staffing=queues, shifts={})))
    assert set(stage.tables["staffing"]["queue"]) == {"phone"}
    assert any("Not planned: email" in f and "opening hours" in f for f in stage.findings)
    alone = staff_stage(
        replace(project, config=replace(project.config, staffing={"email": queues["email"]}, shifts={}))
    )
    assert "opening hours" in alone.skipped


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"staffing": {"phone": {"kind": "fax"}}}, "unknown kind; got 'fax'"),
        ({"staffing": {"phone": {"shrinkage": {"leave": 1.2}}}}, "'leave': this must be a share; got 1.2"),
        ({"staffing": {"phone": {"shrinkage": {"leave": "much"}}}}, "a table of numbers"),
        ({"staffing": {"phone": {"confidence": 1.0}}}, "'confidence': this must be a share"),
        (
            {"staffing": {"phone": {"shrinkage_parts": "sum"}}},
            "'shrinkage_parts': unknown way to join parts; got 'sum'",
        ),
        (
            {"staffing": {"phone": {"shrinkage": {"a": 0.6, "b": 0.5}, "shrinkage_parts": "add"}}},
            "'shrinkage': parts must leave some time",
        ),
        ({"staffing": {"phone": {"interval": "7min"}}}, "'interval': not an interval to plan by; got '420 s'"),
        ({"staffing": {"phone": {"interval": "0min"}}}, "'interval': not an interval to plan by; got '0 s'"),
        ({"staffing": {"phone": {"patience": "0s"}}}, "'patience': the time is out of range; got '0 s'"),
        (
            {"staffing": {"chat": {"kind": "chat", "concurrency": 0}}},
            "'concurrency': the number is out of range; got 0",
        ),
        ({"staffing": {"chat": {"kind": "chat", "slowdown": -1}}}, "'slowdown': the number is out of range; got -1"),
        ({"staffing": {"phone": {}}, "shifts": {"full": {"queue": "fone"}}}, "unknown queue; got 'fone' .did you mean"),
        ({"staffing": {"phone": {}}, "shifts": {"full": {}}}, "'queue': missing key"),
        ({"staffing": {"chat": {"kind": "chat", "load": "offered_load"}}}, "'load': the load is chosen for queues of"),
    ],
)
def test_bad_sections_are_named(tmp_path, section, message):
    with pytest.raises(InputError, match=message):
        parse_config({"source": {"cases": {"path": "x.csv"}}, **section}, folder=tmp_path)


@pytest.mark.parametrize("text", ["7", "07:60", "late", "49:00"])
def test_bad_times_of_day(text):
    with pytest.raises(InputError, match="key 'first_start': not a valid time"):
        clock_seconds(text, "[shifts.full]", "first_start")


@pytest.mark.parametrize(("table", "noun"), [("cases", "cases"), ("volumes", "contacts")])
def test_a_queue_names_what_arrives_in_it(table, noun):
    at = pd.date_range("2024-03-01 09:00", periods=9, tz="UTC")
    rows = {
        "cases": pd.DataFrame({"case_id": [str(i) for i in range(9)], "created_at": at}),
        "volumes": pd.DataFrame({"unique_id": "a", "ds": at, "slot_s": 1800.0, "y": 5.0}),
    }
    log = CaseLog.from_frames(**{table: rows[table]})
    assert counted_noun(SimpleNamespace(project=SimpleNamespace(log=log), where={})) == noun
