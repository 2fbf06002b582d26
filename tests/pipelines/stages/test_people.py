"""People: nothing by agent unless it is allowed, and then under pseudonyms that only this desk can read."""

from dataclasses import replace

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.people_specs import PeopleSpec
from deskcast.pipelines.project.project import Project
from deskcast.pipelines.stages.cases_behind import cases_behind_stage, read_segment
from deskcast.pipelines.stages.history import history_stage
from deskcast.pipelines.stages.people import KEY_FILE, Pseudonyms


@pytest.fixture
def project(tmp_path):
    cases = pd.DataFrame({"case_id": list("abc"), "created_at": "2024-03-01T09:00Z"})
    ends = {"case_id": list("abc"), "kind": "resolved", "actor_role": "agent", "actor_id": ["ann", "ann", "bob"]}
    log = CaseLog.from_frames(cases=cases, events=pd.DataFrame(ends | {"at": "2024-03-02T11:00Z"}),
                              until="2024-04-02T00:00Z")  # fmt: skip
    raw = {"source": {"cases": {"path": "x.csv"}}, "people": {"by_agent": True}}
    raw["history"] = {"freq": "MS", "kpis": ["cases_resolved"]}
    return Project(parse_config(raw, folder=tmp_path), log, pd.DataFrame(), (), "")


def with_settings(project, **changes):
    return replace(project, config=replace(project.config, **changes))


def by_agent(project):
    return with_settings(project, history=replace(project.config.history, by=("agent",)))


def test_nothing_is_shown_by_agent_unless_the_configuration_allows_it(project):
    shut = with_settings(project, people=PeopleSpec())
    for call in (
        lambda: history_stage(by_agent(shut)),
        lambda: cases_behind_stage(shut, "cases_resolved", "2024-03", {"agent": "ann"}),
    ):
        with pytest.raises(InputError, match=r"'--by': nothing is shown by agent; got 'agent' \(set by_agent = true"):
            call()


def test_pseudonyms_stay_the_same_lead_to_the_cases_and_need_the_key_of_the_desk(project):
    first, second = (history_stage(by_agent(project)).tables["history"] for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    counts = first.dropna(subset=["agent"]).groupby("agent")["value"].sum()
    assert sorted(counts) == [1.0, 2.0]
    assert counts.index.str.fullmatch(r"Agent [A-Z2-7]{5}").all()
    two = counts.idxmax()
    stage = cases_behind_stage(project, "cases_resolved", "2024-03", {"agent": two})
    assert sorted(stage.tables["cases_behind"]["case_id"]) == ["a", "b"]
    assert two in stage.findings[0]
    assert "ann" not in stage.findings[0]
    key = project.config.state_place.folder / KEY_FILE
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    assert Pseudonyms(project).hide("ann") != two


def test_plain_names_where_the_configuration_says_so(project):
    plain = with_settings(project, people=PeopleSpec(by_agent=True, names="plain"))
    table = history_stage(by_agent(plain)).tables["history"]
    assert set(table["agent"].dropna()) == {"ann", "bob"}
    assert not (plain.config.state_place.folder / KEY_FILE).exists()


def test_agents_are_never_in_what_every_run_records(tmp_path):
    raw = {"source": {"cases": {"path": "x.csv"}}, "people": {"by_agent": True}, "history": {"by": ["agent"]}}
    with pytest.raises(InputError, match=r"\[history\]: key 'by': agents are never in what every run records"):
        parse_config(raw, folder=tmp_path)


@pytest.mark.parametrize("given", ["region", "=x", "region=", " =x"])
def test_a_segment_needs_a_column_and_a_value(given):
    with pytest.raises(InputError, match="option '--by': not a valid segment"):
        read_segment([given])
