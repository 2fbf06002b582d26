"""One fact, one figure: the demo and real logs state no number that a table does not hold, or that no fact declares."""

import dataclasses
import re

import pandas as pd
import pytest
from deskcast.features.kpis.catalogue import find_kpi
from deskcast.pipelines.commands.run import run_stages
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.pages.today import summarise_today
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers
from deskcast.pipelines.words.facts import Finding, facts_of

#: Real logs, cut to so many cases from the middle of the file: the column of case ids, and their number.
LOGS = {
    "helpdesk_italy/helpdesk.csv.gz": ("case_id", 1500),
    "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz": ("number", 1500),
    "bpic2014_rabobank/incident_activity_with_groups_subset.csv.gz": ("incident_id", 800),
}


def objections(stages):
    """Name every number of a sentence or tile that is not that of its table, or that no fact declares."""
    found = []
    facts = [fact for stage in stages for fact in facts_of(stage.findings)]
    for tile in summarise_today({stage.name: stage for stage in stages}, "UTC").tiles:
        shown = f"{tile.title}: {tile.figure} {tile.note}"
        found += [f"{n} in the tile '{shown}'" for n in undeclared_numbers(shown, facts)]
    for stage in stages:
        found += contradictions(stage)
        for said in stage.findings:
            assert isinstance(said, Finding), said
            found += [f"{stage.name}: {n} in '{said}'" for n in undeclared_numbers(said, said.facts, said.names)]
            found += [f"{stage.name}: {f}" for f in said.facts if f.cell is None and f.kind != "setting"]
    return found


@pytest.fixture(scope="module")
def demo(demo_home):
    return read_results(demo_home / "desk" / "results")


def test_no_sentence_of_the_demo_contradicts_a_table(demo):
    assert {stage.name for stage in demo.stages if any(f.facts for f in stage.findings)} == {
        stage.name for stage in demo.stages if re.search(r"\d", " ".join(stage.findings))
    }
    assert objections(demo.stages) == []


def test_another_figure_in_any_table_of_the_demo_is_noticed(demo):
    """A check that never fails says nothing: moved by a tenth, each table that sentences speak of is named."""
    for stage in demo.stages:
        cells = [fact.cell for said in stage.findings for fact in said.facts if fact.cell]
        for table in {cell.table for cell in cells if cell.take not in ("count", "distinct")}:
            frame = stage.tables[table]
            numbers = frame.select_dtypes("number").columns
            wrong = stage.tables | {table: frame.assign(**{c: frame[c] * 1.1 + 0.1 for c in numbers})}
            assert contradictions(dataclasses.replace(stage, tables=wrong)), table


def test_figures_of_the_demo_are_those_of_its_files(demo, demo_home):
    tables = demo.tables
    said = tables["check_figures"].query("kind == 'rows'").set_index("subject")["value"]
    for name in ("cases", "events", "contacts"):
        assert said[name] == len(pd.read_parquet(demo_home / "desk" / "data" / f"{name}.parquet"))
    whole = tables["history"].loc[tables["history"]["kpi"].ne(""), "kpi"].unique()
    assert any(f"{len({find_kpi(kpi).name for kpi in whole})} KPIs from" in f for f in demo.findings["history"])
    notes = " ".join(tables["forecast_notes"]["note"])
    told = [said for said in demo.stages[2].findings if said.audience == "planner"]
    assert all(name[1:] in notes for said in told for name in said.names)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOGS)
def test_no_sentence_on_a_real_log_contradicts_a_table(name, shared_data, tmp_path):
    column, count = LOGS[name]
    rows = pd.read_csv(shared_data(name), dtype=str, keep_default_na=False)
    cases = rows[column].drop_duplicates()
    start = max(0, (len(cases) - count) // 2)
    rows[rows[column].isin(cases.iloc[start : start + count])].to_csv(tmp_path / "log.csv", index=False)
    write_config([tmp_path / "log.csv"], tmp_path)
    stages = run_stages(open_project(tmp_path / "deskcast.toml"))
    assert sum(len(stage.findings) for stage in stages) > 8
    assert objections(stages) == []
