"""Comparisons and changes as a desk sees them: allowed, sized, in words, and refused where they would show a person."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.night_specs import RunSpec
from deskcast.pipelines.project.people_specs import ChangeSpec, PeopleSpec
from deskcast.pipelines.project.project import Project
from deskcast.pipelines.stages.changes import changes_stage
from deskcast.pipelines.stages.compare import compare_stage
from deskcast.pipelines.stages.night_compare import night_compare_stage
from deskcast.pipelines.stages.stage_run import STAGES, list_stages
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers

BEGIN = pd.Timestamp("2025-01-06T08:00Z")
LEFT = pd.Timestamp("2025-08-18")


@pytest.fixture(scope="module")
def log():
    """A desk of four accounts and nine agents: the owner of A2 leaves, and its cases are resolved late from then on."""
    dice = np.random.default_rng(5)
    n = 4000
    at = BEGIN + pd.to_timedelta(np.sort(dice.integers(0, 420 * 24 * 60, n)), unit="min")
    account = dice.choice(["A1", "A2", "A3", "A4"], n)
    gone = (account == "A2") & (at >= LEFT.tz_localize("UTC"))
    agent = np.array([f"ag{k}" for k in dice.integers(0, 8, n)])
    agent = np.where((account == "A2") & ~gone & (dice.random(n) < 0.7), "star", agent)
    late = dice.random(n) < np.where(gone, 0.45, 0.2)
    cases = pd.DataFrame({"case_id": [f"c{k:05d}" for k in range(n)], "created_at": at, "account": account,
                          "site": np.where(dice.random(n) < 0.5, "north", "south")})  # fmt: skip
    ends = cases[["case_id"]].assign(kind="resolved", actor_role="agent", actor_id=agent)
    ends["at"] = at + pd.to_timedelta(np.where(late, 60, 20), unit="h")
    two = pd.DataFrame({"case_id": ["c00000"], "kind": "message", "actor_role": "agent", "actor_id": "ag0",
                        "at": [at[0] + pd.Timedelta("1h")]})  # fmt: skip
    return CaseLog.from_frames(cases=cases, events=pd.concat([ends, two]), attributes={"account": "creation",
                               "site": "creation"}, until=at[-1] + pd.Timedelta("1D"))  # fmt: skip


@pytest.fixture
def project(log, tmp_path):
    raw = {"source": {"cases": {"path": "x.csv"}}}
    return Project(parse_config(raw, folder=tmp_path), log, pd.DataFrame(), (), "")


def with_settings(project, **changes):
    return replace(project, config=replace(project.config, **changes))


def test_accounts_are_compared_over_the_last_year_and_the_worse_one_is_named(project):
    stage = compare_stage(project, "account", ["resolved_within_2d"])
    table = stage.tables["comparison"].set_index("unit")
    assert table.index[table["verdict"] == "lower than expected"].tolist() == ["A2"]
    assert any("A2" in said and "lower than expected for its cases" in said for said in stage.findings)
    assert (table["lo"] < table["adjusted"]).all()


def test_by_agent_needs_leave_shows_pseudonyms_and_ranks_nobody(project):
    with pytest.raises(InputError, match="nothing is shown by agent"):
        compare_stage(project, "agent", ["resolved_within_2d"])
    stage = compare_stage(with_settings(project, people=PeopleSpec(by_agent=True)), "agent", ["resolved_within_2d"])
    units = stage.tables["comparison"]["unit"]
    assert units.is_monotonic_increasing
    assert units.str.fullmatch(r"Agent [A-Z2-7]{5}").all()
    assert not any("star" in said or "ag0" in said for said in stage.findings)


def test_a_group_of_few_people_is_left_out(project, log):
    frames = {name: log.frame(name) for name in ("cases", "events")}
    few = frames["events"].assign(actor_id=frames["events"]["actor_id"].where(
        ~frames["events"]["case_id"].isin(frames["cases"].query("site == 'north'")["case_id"]), "ag1"))  # fmt: skip
    cases = frames["cases"].assign(site=frames["cases"]["site"].mask(frames["cases"].index % 3 == 0, "west"))
    few["actor_id"] = few["actor_id"].where(few["case_id"].isin(cases.query("site != 'north'")["case_id"]), "ag1")
    small = CaseLog.from_frames(cases=cases, events=few, attributes={"site": "creation"}, until=log.until)
    stage = compare_stage(replace(project, log=small), "site", ["resolved_within_2d"])
    assert set(stage.tables["comparison"]["unit"]) == {"south", "west"}
    assert any("1 group of fewer than 3 people left out" in said for said in stage.findings)


def test_a_unit_with_work_of_its_own_is_not_counted_as_one_with_few_cases(project, log):
    cases = log.frame("cases").drop(columns="unique_id", errors="ignore")
    cases["product"] = np.where(cases["account"] == "A4", "only", "all")
    own = CaseLog.from_frames(cases=cases, events=log.frame("events"), until=log.until,
                              attributes=dict.fromkeys(["account", "site", "product"], "creation"))  # fmt: skip
    said = compare_stage(replace(project, log=own), "account", ["resolved_within_2d"]).findings
    assert any("of 3 as expected, 0 with fewer than 25 cases" in text for text in said)
    assert any("1 of them works mostly on kinds of cases that no other has" in text for text in said)


def test_a_column_stands_in_sentences_by_its_words(project, log):
    cases = log.frame("cases").rename(columns={"site": "home_site", "account": "key_account"})
    attributes = dict.fromkeys(("home_site", "key_account"), "creation")
    named = CaseLog.from_frames(cases=cases, events=log.frame("events"), attributes=attributes, until=log.until)
    compared = compare_stage(replace(project, log=named), "home_site", ["resolved_within_2d"])
    assert any(" by home site: " in said for said in compared.findings)
    early = changes_stage(replace(project, log=named.as_of((LEFT + pd.Timedelta(days=13)).tz_localize("UTC"))))
    assert any(said.startswith("Key account A2 is at risk:") for said in early.findings)


def test_a_change_is_sized_and_one_that_was_none_is_said_to_show_nothing(project):
    changes = (
        ChangeSpec(name="owner left", date="2025-08-18", touches={"account": "A2"}, kpis=("resolved_within_2d",)),
        ChangeSpec(name="new mugs", date="2025-06-02", touches={"site": "north"}, kpis=("resolved_within_2d",)),
    )
    stage = changes_stage(with_settings(project, changes=changes))
    table = stage.tables["change_effects"].set_index("change")
    assert table.loc["owner left", "lo"] < -0.25 < table.loc["owner left", "hi"] < 0
    assert table.loc["new mugs", "verdict"] == "no effect can be shown"
    assert any("it has not come back" in said for said in stage.findings)
    assert any("would not be seen" in said for said in stage.findings)


def test_the_hand_over_of_the_account_is_found_and_told_before_figures_can_show_it(project, log):
    table = changes_stage(project).tables["handovers"]
    assert set(table["column"]) == {"account", "site"}
    assert set(table.loc[table["verdict"] == "effect", "group"]) == {"A2"}
    table = table[table["column"] == "account"]
    assert set(table["group"]) == {"A2"}
    assert (table["date"] - LEFT).abs().max() <= pd.Timedelta(days=7)
    assert table["share"].min() > 0.5
    assert set(table["owner"]) == {""}  # nobody is named unless the configuration allows it
    then = log.as_of((LEFT + pd.Timedelta(days=13)).tz_localize("UTC"))
    early = changes_stage(replace(project, log=then))
    assert set(early.tables["handovers"]["verdict"]) == {"too early to tell"}
    assert any(said.startswith("Account A2 is at risk: an agent with") for said in early.findings)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"touches": {"account": "A9"}}, "unknown value; got 'A9'"),
        ({"touches": {"acount": "A2"}}, r"unknown column of the cases; got 'acount' \(did you mean 'account'"),
        ({"touches": {"site": "north|south"}}, "it touches all, so that nobody is left to compare with"),
        ({"touches": {"agent": "ag1|ag2"}}, "so few people would show what one of them did; got 2"),
    ],
)
def test_a_change_that_cannot_be_judged_is_named(project, change, problem):
    spec = ChangeSpec(**{"name": "x", "date": "2025-06-02"} | change)
    with pytest.raises(InputError, match=problem):
        changes_stage(with_settings(project, changes=(spec,), people=PeopleSpec(by_agent=True)))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"name": "x", "touches": {"site": "a"}}, "key 'date': missing key"),
        ({"name": "x", "date": "soon", "touches": {"site": "a"}}, "key 'date': not a valid date; got 'soon'"),
        ({"name": "x", "date": "2025-01-01", "touches": {}}, "key 'touches': a change must touch one column"),
    ],
)
def test_a_change_without_a_date_or_whom_it_touches_is_refused(tmp_path, body, problem):
    with pytest.raises(InputError, match=problem):
        parse_config({"source": {"cases": {"path": "x.csv"}}, "change": [body]}, folder=tmp_path)


def test_a_run_compares_only_where_it_is_asked_to_and_nothing_by_agent(project):
    assert "compare" not in list_stages(project.config)
    change = ChangeSpec("star of A2 left", "2025-08-18", {"account": "A2"}, ("resolved_within_2d",))
    people = ChangeSpec("training", "2025-08-18", {"agent": "ag0|ag1|ag2"}, ("resolved_within_2d",))
    asked = with_settings(project, changes=(change, people), run=RunSpec(compare="account"),
                          people=PeopleSpec(by_agent=True))  # fmt: skip
    assert list_stages(asked.config) == (*STAGES[:-1], "compare", "accuracy")
    stage = night_compare_stage(asked)
    assert set(stage.tables) == {"change_effects", "comparison", "comparison_figures"}
    assert stage.tables["change_effects"]["change"].tolist() == ["star of A2 left"]  # not that of agents
    assert any("star of A2 left" in said and said.endswith(". It has not come back.") for said in stage.findings)
    assert any("A2" in said and "lower than expected" in said for said in stage.findings)
    assert contradictions(stage) == []
    assert not [said for said in stage.findings if undeclared_numbers(said, said.facts, said.names)]
    assert not any("ag0" in table.to_csv() for table in stage.tables.values())


def test_a_run_never_compares_agents(tmp_path):
    raw = {"source": {"cases": {"path": "x.csv"}}, "people": {"by_agent": True}, "run": {"compare": "agent"}}
    with pytest.raises(InputError, match=r"\[run\]: key 'compare': agents are never in what every run records"):
        parse_config(raw, folder=tmp_path)


def test_a_log_that_does_not_tell_who_acted_is_no_log_without_hand_overs(project, log):
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T00:00Z"]})
    events = pd.DataFrame({"case_id": ["1"], "kind": "assigned", "at": ["2024-03-01T01:00Z"]})
    bare = CaseLog.from_frames(cases=cases, events=events, until="2024-03-03T00:00Z")
    (told,) = changes_stage(replace(project, log=bare)).findings
    assert "does not tell who acted" in told
    assert "no work has changed hands" not in told
