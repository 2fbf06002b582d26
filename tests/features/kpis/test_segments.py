"""Segments that apply to a KPI, and those that do not."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.kpis.kpi_history import find_unsplit_kpis, kpi_history
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.history import history_stage
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = pd.Timestamp("2024-03-01T00:00Z")


def at(hours: float) -> pd.Timestamp:
    return DAY + pd.Timedelta(hours=hours)


def log_of(ends: list[tuple[str, float]], shifts: list[tuple[str, float, float]], linked: bool = False) -> CaseLog:
    """Return cases that teams resolved at some hours, stretches of agents' time, and a survey of each kind."""
    ids = [str(i) for i in range(len(ends))]
    rows = [{"case_id": i, "at": at(0), "kind": "assigned", "team": "desk"} for i in ids]
    rows += [{"case_id": i, "at": at(h), "kind": "resolved", "team": t} for i, (t, h) in zip(ids, ends, strict=True)]
    time = [
        {"agent_id": f"a{n}", "team": t, "start": at(a), "end": at(a + b), "state": "handling", "paid": True}
        for n, (t, a, b) in enumerate(shifts)
    ]
    surveys = pd.DataFrame({"survey_id": ["1", "2"], "kind": ["agent_satisfaction", "csat"], "agent_id": ["a0", None],
                            "case_id": ["0" if linked else None, "0"], "offered_at": at(5), "responded_at": at(6),
                            "score": [4.0, 5.0]})  # fmt: skip
    return CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ids, "created_at": at(0), "channel": "web", "team": "desk"}),
        events=pd.DataFrame(rows),
        agent_time=pd.DataFrame(time),
        surveys=surveys,
        until=at(48),
    )


ENDS = [("A", 3), ("A", 4), ("B", 5), ("C", 30)]
SHIFTS = [("A", 1, 2.0), ("A", 1, 2.0), ("B", 2, 5.0)]


def test_cases_an_hour_are_split_by_the_team_of_the_agents_and_of_the_case_at_its_end():
    history = kpi_history(log_of(ENDS, SHIFTS), ["cases_per_agent_hour", "effort_per_case"], "team")
    first = history[history["ds"] == "2024-03-01"].set_index(["kpi", "team"])["value"]
    assert first["cases_per_agent_hour"].to_dict() == {"A": 0.5, "B": 0.2}
    assert first["effort_per_case"].to_dict() == {"A": 2 * 3600, "B": 5 * 3600}


TEAMS = st.sampled_from(["A", "B", "C"])


@settings(max_examples=15, deadline=None)
@given(
    ends=st.lists(st.tuples(TEAMS, st.integers(1, 40)), min_size=1, max_size=8),
    shifts=st.lists(st.tuples(TEAMS, st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=6),
)
def test_hours_and_cases_of_the_teams_add_up(ends, shifts):
    history = (
        kpi_history(log_of(ends, shifts), "cases_per_agent_hour", "team").groupby("team")[["numerator", "n"]].sum()
    )
    for team in {t for t, *_ in shifts}:
        assert history.loc[team, "numerator"] == sum(t == team for t, _ in ends)
        np.testing.assert_allclose(history.loc[team, "n"], sum(b for t, _, b in shifts if t == team))


def test_a_survey_of_agents_has_no_segments_of_cases_and_one_of_cases_has():
    bare, linked = log_of(ENDS, SHIFTS), log_of(ENDS, SHIFTS, linked=True)
    names = ["agent_satisfaction", "csat", "cost_per_case"]
    assert find_unsplit_kpis(bare, names, "channel") == ["agent_satisfaction", "cost_per_case"]
    assert find_unsplit_kpis(linked, names, "channel") == ["cost_per_case"]
    with pytest.raises(InputError, match=r"agent_satisfaction cannot be split.*total"):
        kpi_history(bare, "agent_satisfaction", "channel")
    assert "agent_satisfaction" not in set(kpi_history(bare, by="channel")["kpi"])
    assert kpi_history(bare, "agent_satisfaction")["n"].sum() == 1


@pytest.fixture
def project(tmp_path):
    rows = [f"{i},2024-03-{1 + i // 10:02d} 09:{i % 60:02d},{'web' if i % 2 else 'phone'}" for i in range(200)]
    ends = [f"{i},2024-03-{2 + i // 10:02d} 09:{i % 60:02d},resolved" for i in range(200)]
    (tmp_path / "cases.csv").write_text("case_id,created_at,channel\n" + "\n".join(rows) + "\n")
    (tmp_path / "events.csv").write_text("case_id,at,kind\n" + "\n".join(ends) + "\n")
    (tmp_path / "costs.csv").write_text("start,end,amount\n2024-03-01,2024-03-21,2000\n")

    def opened(kpis: str, by: str = '["channel"]'):
        (tmp_path / "deskcast.toml").write_text(
            "".join(f'[source.{name}]\npath = "{name}.csv"\n' for name in ("cases", "events", "costs"))
            + f"[history]\nkpis = {kpis}\nby = {by}\n"
        )
        return open_project(tmp_path / "deskcast.toml")

    return opened


@pytest.mark.parametrize("kpis", ['["cost_per_case"]', '["cost_per_case", "cases_opened"]'])
def test_the_total_is_told_where_the_segments_of_the_configuration_do_not_apply(project, kpis):
    stage = history_stage(project(kpis))
    table = stage.tables["history"]
    rows = table[table["kpi"] == "cost_per_case"]
    assert rows["value"].notna().any()
    assert "channel" not in rows or rows["channel"].isna().all()
    assert any("Only in total" in said and "channel" in said for said in stage.findings)
    if "cases_opened" in kpis:
        assert set(table.loc[table["kpi"] == "cases_opened", "channel"].dropna()) == {"phone", "web"}


def test_nothing_is_said_where_all_segments_apply(project):
    assert not any("Only the total" in said for said in history_stage(project('["cases_opened"]')).findings)
