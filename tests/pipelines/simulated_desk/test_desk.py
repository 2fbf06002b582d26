"""The simulated desk: canonical, deterministic, in order, sensibly loaded, and its queues are real."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog, conform_frame
from deskcast.features.case_log.schema import ACTOR_ROLES, EVENT_KINDS, TABLES
from deskcast.features.errors import InputError
from deskcast.features.sla.milestones import milestones
from deskcast.forecasting.staffing.adherence import measure_teams
from deskcast.forecasting.staffing.agent_days import split_agent_days
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

N = 40_000


@pytest.fixture(scope="module")
def desk():
    return simulate_desk(N, seed=1)


@pytest.fixture(scope="module")
def events(desk):
    return desk.tables["events"]


# --- canonical --------------------------------------------------------------------------------------------------


def test_tables_are_canonical_as_they_are(desk):
    absent = {"volumes", "due_times", "outbound_contacts", "denominators"}
    assert set(desk.tables) == set(TABLES) - absent
    for name, table in desk.tables.items():
        same = conform_frame(name, table)
        pd.testing.assert_frame_equal(same, table)
        extras = set(table.columns) - set(TABLES[name].names)
        assert extras == ({"account"} if name == "cases" else set())
        assert not table.duplicated([k for k in TABLES[name].key if k in table]).any()


def test_a_log_can_be_made_and_cut(desk):
    log = CaseLog.from_frames(**desk.tables, attributes={"account": "creation"}, timezone=desk.truth["timezone"])
    assert log.until <= pd.Timestamp(desk.truth["until"])
    cut = log.as_of("2025-06-02T08:00Z").frame("cases")
    assert 0 < len(cut) < N
    assert cut["account"].notna().all()


@pytest.mark.parametrize("n", [300, 301, 1000, 5000])
def test_any_size_gives_exactly_the_cases_asked_for(n):
    small = simulate_desk(n, seed=3)
    cases = small.tables["cases"]
    assert len(cases) == n == cases["case_id"].nunique()
    assert cases["created_at"].is_monotonic_increasing
    assert set(small.tables["events"]["case_id"]) == set(cases["case_id"])


def test_the_world_is_as_wide_as_promised(desk):
    cases = desk.tables["cases"]
    assert set(cases["channel"]) == {"phone", "chat", "email", "web"}
    assert cases["product"].nunique() == 4
    assert cases["region"].nunique() == 4
    assert set(cases["priority"]) == {"1", "2", "3", "4"}
    assert cases.notna().all(axis=None)
    begin, until = pd.Timestamp(desk.truth["begin"]), pd.Timestamp(desk.truth["until"])
    assert cases["created_at"].between(begin, until).all()
    assert 540 < (until - begin).days < 550


@pytest.mark.parametrize(
    "arguments",
    [{"n_cases": 10}, {"n_cases": 10**9}, {"n_cases": 1e4}, {"n_cases": True}, {"seed": -1}, {"seed": "1"}],
)
def test_bad_arguments_are_named(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        simulate_desk(**arguments)


# --- the same seed, the same bytes ------------------------------------------------------------------------------


def digest(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        write_desk(simulate_desk(800, seed=seed), tmp_path / name)
    first, second, other = (digest(tmp_path / name) for name in "abc")
    assert first == second
    assert len(first) == 15
    changed = {name for name in first if first[name] != other[name]}
    assert "data/cases.parquet" in changed
    assert "deskcast.toml" not in changed


def test_the_order_of_events_is_never_left_to_a_sort(events):
    """Two events of a case in the same second have ranks of their own, so that no tie is broken by chance."""
    from deskcast.pipelines.simulated_desk.events import EventBuilder

    told = EventBuilder()
    told.add_event("created", 0, np.array([1, 0]), np.array([5, 5]), "system")
    told.add_event("message", 7, np.array([0, 1]), np.array([5, 5]), "agent")
    codes = told.codes()
    assert codes["case"].tolist() == [0, 0, 1, 1]
    assert [EVENT_KINDS[k] for k in codes["kind"]] == ["created", "message"] * 2
    same = events[events.duplicated(["case_id", "at"], keep=False)]
    assert len(same) > N
    assert not same.duplicated(["case_id", "at", "kind", "field"]).any()


def test_no_two_events_of_a_case_share_a_rank(monkeypatch):
    from deskcast.pipelines.simulated_desk.events import EventBuilder

    ranked = {}

    def watched(self, codes=EventBuilder.codes):
        for name in ("case", "at", "order"):
            ranked[name] = np.concatenate(self.columns[name])
        return codes(self)

    monkeypatch.setattr(EventBuilder, "codes", watched)
    simulate_desk(20_000, seed=2)
    assert not pd.DataFrame(ranked).duplicated().any()


def test_written_desk_is_read_back_and_configured(tmp_path, desk):
    write_desk(desk, tmp_path)
    config = load_config(tmp_path / "deskcast.toml")
    assert {s.table for s in config.sources} == set(desk.tables) - {"sla_policies"}
    for source in config.sources:
        back = pd.read_parquet(config.path(source.path))
        pd.testing.assert_frame_equal(back, desk.tables[source.table])
    targets = {(s.metric, s.priority): s.target_s for s in config.slas}
    table = desk.tables["sla_policies"]
    assert targets == {(m, p): t for m, p, t in table[["metric", "priority", "target_s"]].itertuples(index=False)}
    assert "phone" in config.staffing
    assert len({c.timezone for c in config.calendars.values()}) == 2


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_desk(simulate_desk(300), tmp_path / "file")


def test_progress_runs_from_nought_to_one():
    shares = []
    simulate_desk(300, progress=lambda what, share: shares.append((what, share)))
    assert [s for _, s in shares] == sorted(s for _, s in shares)
    assert shares[0][1] == 0.0
    assert shares[-1][1] == 1.0


# --- events -----------------------------------------------------------------------------------------------------


def test_events_are_in_order(events):
    assert set(events["kind"]) <= set(EVENT_KINDS)
    assert set(events["actor_role"]) == set(ACTOR_ROLES)
    first = events.groupby("case_id", sort=False).head(1)
    assert (first["kind"] == "created").all()
    assert (events["kind"] == "created").sum() == N
    number = events.groupby("case_id", sort=False).cumcount()
    assert (events["seq"].to_numpy() == number.to_numpy()).all()
    step = events["at"].diff().dt.total_seconds().to_numpy()[1:]
    assert (step[number.to_numpy()[1:] > 0] >= 0).all()


def test_states_follow_one_another(events):
    """What an event says that the state was is what the one before it left, and the milestones agree with it."""
    states = events[events["kind"] == "status"]
    assert (states["field"] == "status").all()
    before = states.groupby("case_id", sort=False)["new"].shift().fillna("new")
    assert (before == states["old"]).all()
    assert (states["old"] != states["new"]).all()
    means = {"paused": "pending", "resumed": "open", "reopened": "open", "resolved": "resolved", "closed": "closed"}
    marks = events["kind"].isin(list(means))
    following = events.shift(-1)[marks]
    assert (following["case_id"] == events.loc[marks, "case_id"]).all()
    assert (following["at"] == events.loc[marks, "at"]).all()
    assert (following["kind"] == "status").all()
    assert (following["new"] == events.loc[marks, "kind"].map(means)).all()


def test_milestones_follow_one_another(events):
    steps = events[events["kind"].isin(["created", "paused", "resumed", "resolved", "reopened", "closed", "merged"])]
    before = steps.groupby("case_id", sort=False)["kind"].shift()
    allowed = {
        "paused": {"created", "resumed", "reopened"},
        "resumed": {"paused"},
        "resolved": {"created", "paused", "resumed", "reopened"},
        "reopened": {"resolved"},
        "closed": {"resolved"},
        "merged": {"created", "resumed"},
    }
    for kind, kinds in allowed.items():
        assert set(before[steps["kind"] == kind]) <= kinds


def test_a_merge_ends_a_case_and_names_another(desk, events):
    last = events.groupby("case_id", sort=False).tail(1)
    merged = events[events["kind"] == "merged"]
    assert len(merged) > 0
    assert merged["case_id"].isin(last[last["kind"] == "merged"]["case_id"]).all()
    assert merged["new"].isin(desk.tables["cases"]["case_id"]).all()
    assert (merged["new"] < merged["case_id"]).all()  # the older case goes on


def test_teams_change_only_by_transfer_and_escalation(desk, events):
    cases = desk.tables["cases"].set_index("case_id")
    moves = events[events["kind"] == "assigned"]
    first = ~moves.duplicated("case_id")
    assert (moves[first]["new"].to_numpy() == cases.loc[moves[first]["case_id"], "team"].to_numpy()).all()
    before = moves.groupby("case_id", sort=False)["new"].shift()
    assert (moves[~first]["old"] == before[~first]).all()
    assert (moves[~first]["old"] != moves[~first]["new"]).all()


# --- the queues are real ----------------------------------------------------------------------------------------


def test_promises_are_kept_as_often_as_in_real_desks(desk):
    office = BusinessCalendar.from_hours("Europe/Berlin", {"mon-fri": ["08:00-18:00"]}, "DE")
    tables = {name: desk.tables[name] for name in ("cases", "events", "sla_policies")}
    log = CaseLog.from_frames(
        **tables,
        until=desk.truth["until"],
        timezone=desk.truth["timezone"],
        attributes={"account": "creation"},
        calendars={"office": office},
    )
    status = milestones(log).groupby("metric")["status"].value_counts().unstack()
    kept = status["met"] / (status["met"] + status["breached"])
    assert set(kept.index) == {"first_response", "resolution"}
    assert kept.between(0.75, 0.92).all()


def seconds(later, earlier):
    return (later - earlier).dt.total_seconds()


def test_the_desk_is_sensibly_loaded(desk, events):
    contacts = desk.tables["contacts"]
    calls = contacts[contacts["channel"] == "phone"]
    answered = seconds(calls["answered_at"], calls["queued_at"])
    assert 0.70 <= (answered <= 20).mean() <= 0.88
    assert 0.02 <= (calls["outcome"] != "answered").mean() <= 0.15
    steps = events["kind"].map({"created": 1, "reopened": 1, "resolved": -1, "merged": -1}).fillna(0)
    backlog = steps.groupby(events["at"].dt.floor("7D")).sum().cumsum()
    assert backlog.iloc[4:].min() > 0
    assert backlog.iloc[-8:].median() < 3 * backlog.iloc[4:20].median()  # it does not run away
    resolved = set(events.loc[events["kind"] == "resolved", "case_id"])
    assert len(resolved) / N > 0.95


def test_nobody_does_two_things_at_once(desk):
    time = desk.tables["agent_time"].sort_values(["agent_id", "start"])
    same = time["agent_id"].eq(time["agent_id"].shift())
    assert (time["start"][same] >= time["end"].shift()[same]).all()
    assert set(time["state"]) == {"handling", "available", "break", "training", "absent", "leave"}
    calls = desk.tables["contacts"].dropna(subset=["answered_at"]).sort_values(["agent_id", "answered_at"])
    free = calls["ended_at"] + pd.to_timedelta(calls["wrap_s"], unit="s")
    same = calls["agent_id"].eq(calls["agent_id"].shift())
    assert (calls["answered_at"][same] >= free.shift()[same]).all()


def test_time_of_agents_adds_up_to_the_contacts(desk):
    time, contacts = desk.tables["agent_time"], desk.tables["contacts"]
    handling = time[time["state"] == "handling"]
    calls = contacts.dropna(subset=["answered_at"])
    talk = (seconds(calls["ended_at"], calls["answered_at"]) + calls["wrap_s"]).sum()
    spoken = handling[handling["team"].isin(["phone", "chat"])]
    assert seconds(spoken["end"], spoken["start"]).sum() == pytest.approx(talk)


def test_the_phone_is_a_desk_that_a_planner_recognises(desk):
    """Twenty agents at the peak, most calls without a case, and time off that adds up to what was put in."""
    contacts, truth = desk.tables["contacts"], desk.truth
    calls = contacts[contacts["channel"] == "phone"]
    assert truth["phone"]["calls"] == len(calls)
    assert truth["phone"]["calls_with_a_case"] == calls["case_id"].notna().sum() < 0.1 * len(calls)
    handled = seconds(calls["ended_at"], calls["answered_at"]) + calls["wrap_s"]
    assert handled.mean() == pytest.approx(truth["phone"]["mean_handle_time_s"], rel=0.03)
    time = desk.tables["agent_time"].query("team == 'phone'").dropna(subset=["end"])
    on = time[time["state"].isin(["handling", "available"])]
    edges = pd.concat([pd.Series(1, on["start"]), pd.Series(-1, on["end"])]).groupby(level=0).sum()
    assert 20 <= edges.cumsum().max() <= 40
    paid = time[time["paid"]].assign(seconds=seconds(time["end"], time["start"]))
    hours = paid.groupby("state")["seconds"].sum()
    assert 0.10 < 1 - hours[["handling", "available"]].sum() / hours.sum() < 0.20
    assert 0.5 < hours["handling"] / hours[["handling", "available"]].sum() < 0.8
    sick = hours["absent"] / (hours.sum() - hours["leave"])
    assert sick == pytest.approx(truth["agents"]["sickness_share_of_shifts"], rel=0.25)


def test_schedules_are_plans_that_agents_mostly_keep(desk):
    plan, time = desk.tables["schedules"], desk.tables["agent_time"]
    assert set(plan["activity"]) == {"phone", "chat", "cases", "break", "training", "leave"}
    assert plan["end"].max() < pd.Timestamp(desk.truth["until"]) + pd.Timedelta(days=14)
    order = plan.sort_values(["agent_id", "start"])
    same = order["agent_id"].eq(order["agent_id"].shift())
    assert (order["start"][same] >= order["end"].shift()[same]).all()
    assert plan.loc[plan["activity"] == "break", "paid"].value_counts()[False] > 1000  # lunch
    until = pd.Timestamp(desk.truth["until"])
    did, due = (
        split_agent_days(rows[rows["start"].between(until - pd.Timedelta("56D"), until)], "UTC", until, column)
        for rows, column in ((time, "state"), (plan, "activity"))
    )
    teams = measure_teams(did, due).set_index("team")
    assert teams.loc["phone", "adherence"] == pytest.approx(0.95, abs=0.02)
    assert teams.loc["phone", "conformance"] == pytest.approx(1.0, abs=0.04)


def test_waiting_comes_from_the_queue(desk):
    """Calls wait when everybody is busy, so an answer after a wait comes as another call or a break ends."""
    contacts, time = desk.tables["contacts"], desk.tables["agent_time"]
    calls = contacts[(contacts["channel"] == "phone") & contacts["answered_at"].notna()]
    waited = calls[seconds(calls["answered_at"], calls["queued_at"]) > 0]
    frees = set((calls["ended_at"] + pd.to_timedelta(calls["wrap_s"], unit="s")).astype("int64"))
    pauses = set(time.loc[time["state"] == "break", "end"].astype("int64"))
    begins = set(time.loc[time["team"] == "phone", "start"].astype("int64"))
    assert waited["answered_at"].astype("int64").isin(frees | pauses | begins).all()
    assert len(waited) > 1000


def test_calls_of_cases_come_in_opening_hours(desk):
    contacts = desk.tables["contacts"]
    calls = contacts[(contacts["channel"] == "phone") & contacts["case_id"].notna()]
    hour = calls["queued_at"].dt.tz_convert("Europe/Berlin").dt.hour
    assert set(hour) <= set(range(8, 22))
    assert (calls["queued_at"].dt.tz_convert("Europe/Berlin").dt.day_of_week < 6).all()


# --- what surveys and the season look like ----------------------------------------------------------------------


def test_only_some_answer_and_the_dissatisfied_more_often(desk):
    surveys = desk.tables["surveys"]
    csat = surveys[surveys["kind"] == "csat"]
    assert 0.1 < csat["responded_at"].notna().mean() < 0.4
    assert csat["score"].notna().equals(csat["responded_at"].notna())
    naive = (csat["score"].dropna() >= 4).mean()
    assert naive < desk.truth["csat_if_all_had_answered"] - 0.03
    assert set(surveys["kind"]) == {"csat", "nps", "ces", "agent_satisfaction"}
    assert surveys.loc[surveys["kind"] == "agent_satisfaction", "agent_id"].notna().all()


def test_satisfaction_follows_what_happened(desk, events):
    surveys = desk.tables["surveys"]
    score = surveys[(surveys["kind"] == "csat")].dropna(subset=["score"]).set_index("case_id")["score"]
    again = set(events.loc[events["kind"] == "reopened", "case_id"])
    reopened = score.index.isin(list(again))
    assert score[reopened].mean() < score[~reopened].mean() - 0.2


def test_seasons_are_there(desk):
    cases = desk.tables["cases"]
    local = cases["created_at"].dt.tz_convert("Europe/Berlin")
    per_day = cases.groupby(local.dt.date).size()
    weekday = pd.to_datetime(pd.Series(per_day.index)).dt.day_of_week.to_numpy()
    assert per_day[weekday == 0].mean() > 1.05 * per_day[weekday == 4].mean() > 1.8 * per_day[weekday == 6].mean()
    energy = cases["product"] == "Energy"
    winter, summer = local.dt.month.isin([12, 1, 2]), local.dt.month.isin([6, 7, 8])
    assert energy[winter].mean() > energy[summer].mean() + 0.04
    holiday = local.dt.strftime("%m-%d") == "12-25"
    assert not (holiday & (cases["channel"] == "phone")).any()
    assert (holiday & (cases["channel"] == "web")).any()
