"""What the track record says: of what, against what, in words that fit one as well as many, and before there is any."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.stages.accuracy import risk_tables
from deskcast.pipelines.stages.accuracy_people import actions_accuracy
from deskcast.pipelines.words.accuracy import accuracy_findings
from typer.testing import CliRunner

NIGHT = pd.Timestamp("2024-03-04T00:00Z")


def test_a_case_whose_outcome_was_known_before_is_counted_apart():
    """A reopened case is on the list, and its SLA was decided long ago: the counts add up to those on the list."""
    cases = ["reopened", "usual", "running"]
    issued = pd.DataFrame({"case_id": cases, "as_of": NIGHT, "probability": 0.5, "work_first": False})
    known_at = NIGHT + pd.to_timedelta([-1, 5, np.nan], unit="h")
    labels = pd.DataFrame({"metric": "resolution", "case_id": cases, "label": [True, False, None]})
    project = SimpleNamespace(log=SimpleNamespace(until=NIGHT + pd.Timedelta("1D")))
    said = pd.DataFrame({"subject": [], "verdict": []})
    issued = issued.assign(scope="resolution", action=None, expected_benefit=np.nan)
    tables = risk_tables(project, issued, said, labels.assign(known_at=known_at))
    night = tables["accuracy_risk_by_night"].iloc[0]
    assert (night["open"], night["decided_before"], night["undecided"]) == (2, 1, 1)


def test_what_an_action_prevented_is_unknown_while_no_case_is_decided():
    joined = pd.DataFrame({"case_id": ["a"], "as_of": NIGHT, "action": "call", "work_first": True})
    joined = joined.assign(probability=0.5, label=np.nan, expected_benefit=0.25)
    row = actions_accuracy(joined, pd.DataFrame({"subject": ["a"], "verdict": ["done"]})).iloc[0]
    assert (row["cases"], row["undecided"]) == (1, 1)
    assert row[["expected_count", "observed_count", "prevented", "expected_benefit"]].isna().all()


@pytest.mark.parametrize(
    ("scope", "head", "naive"),
    [
        ("cases_opened D", "Volume: issued forecasts for the next day were off by 10% of the volume", "Last week"),
        ("contacts_offered W", "Volume: issued forecasts for the next week were off by 10% of the volume", "Last year"),
        ("csat MS", "CSAT: issued forecasts for the next month were off by 10% of its value", "Last year"),
    ],
)
def test_the_forecast_error_names_what_was_forecast_and_what_was_repeated(scope, head, naive):
    scores = {"model": ["deskcast", "seasonal_naive"], "wape": [0.1, 0.25], "bias": [0.03, 0.0], "n": 12}
    table = pd.DataFrame(scores | {"scope": scope, "lead": 1, "coverage_80": [0.75, np.nan]})
    error, inside, nights = accuracy_findings({"accuracy_forecast": table, "accuracy_forecast_by_lead": table}, "f", 12)
    assert error.startswith(f"{head} (12 forecasts); on average 3% too high. {naive} repeated was off by 25%.")
    assert inside == f"{head.split(':')[0]}: 75% of the actual values were inside the likely range."
    assert nights == "The track record rests on 12 nights."


def test_counts_of_one_are_said_as_those_of_many():
    alerts = pd.DataFrame({"alert_id": ["a"], "outcome": ["acknowledged"]})
    risk = {"metric": "resolution", "model": ["issued", "base rate"], "cases": 1, "expected_count": [1.0, 1.0]}
    risk |= {"observed_count": 1, "selected": [0.0, np.nan], "brier": 0.1, "ece": 0.0}
    said = accuracy_findings({"accuracy_alerts": alerts, "accuracy_risk": pd.DataFrame(risk)}, "f", 1)
    assert "Resolution: 1 listed case with a known outcome; breaches expected 1, observed 1." in said
    assert "KPI alerts: 1 new alert reported, 1 acknowledged, 0 cancelled later." in said


def test_the_command_answers_before_the_first_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.csv").write_text("case_id,created_at\n1,2024-03-01 09:00\n2,2024-03-02 10:00\n")
    (tmp_path / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n')
    for words, text in ((["accuracy"], "- No track record yet"), (["accuracy", "--json"], '"No track record yet')):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert text in done.output
    refused = CliRunner().invoke(app, ["accuracy", "--out", "x.csv"])
    assert "nothing that was issued is decided yet" in str(refused.exception)
