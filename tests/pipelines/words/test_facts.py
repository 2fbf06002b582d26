"""A sentence and its table hold the same figure, or the check says so."""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import read_findings, replace_folder, write_stages
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.facts import Cell, Fact, Finding, facts_of

RISK = pd.DataFrame({"case_id": ["1", "2"], "probability": [0.5, 0.25], "team": ["a", None]})


def stage(text: str, *facts: Fact) -> Stage:
    return Stage("risk", {"risk": RISK}, (Finding(text, *facts),))


def test_a_sentence_that_agrees_with_its_table_is_no_contradiction():
    one = Fact("breach_risk", "1", 0.5, "probability", cell=Cell("risk", "probability", {"case_id": "1"}))
    cases = Fact("cases", "all", 2, cell=Cell("risk", "case_id", take="count"))
    assert contradictions(stage(f"{cases} cases; the first breaches with {one}.", one, cases)) == []


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [("{0} cases.", 3.0, "holds 2"), ("many cases.", 2.0, "does not state")],
)
def test_another_figure_in_the_table_or_none_in_the_sentence_is_named(text, value, found):
    fact = Fact("cases", "all", value, cell=Cell("risk", "case_id", take="count"))
    assert [found in line for line in contradictions(stage(text.format(fact), fact))] == [True]


def test_a_cell_names_one_row_and_missing_keys_match_missing_values():
    assert Cell("risk", "probability", {"team": None}).read({"risk": RISK}) == 0.25
    with pytest.raises(InputError, match="one row"):
        Cell("risk", "probability").read({"risk": RISK})


def test_facts_stand_in_findings_json_beside_the_sentences(tmp_path):
    since = pd.Timestamp("2026-03-02", tz="UTC")
    fact = Fact(
        "kpi_alert", "csat", 0.7, "share", expected=0.8, since=since, cell=Cell("risk", "probability", {"team": "a"})
    )
    with replace_folder(tmp_path / "results") as folder:
        write_stages([stage(f"CSAT {fact}.", fact)], folder, made_at=datetime(2026, 3, 3, tzinfo=UTC), version="1")
    body = json.loads(json.dumps(read_findings(tmp_path / "results")))["stages"][0]
    assert body["findings"] == ["CSAT 70%."]
    assert body["facts"][0]["expected"] == 0.8
    assert body["facts"][0]["low"] is None
    assert body["facts"][0]["since"].startswith("2026-03-02T00:00:00")
    assert body["facts"][0]["link"] == {"table": "risk", "column": "probability", "rows": {"team": "a"}, "take": "only"}


def test_a_finding_is_a_text_with_an_audience():
    finding = Finding("Forecast error 18%.", Fact("error", "all", 0.18, "share", audience="analyst"))
    assert finding == "Forecast error 18%."
    assert finding.audience == "analyst"
    assert facts_of(["plain", finding])[0].value == 0.18
    with pytest.raises(InputError, match="audience"):
        Finding("x", audience="nobody")
