"""What is expected of listed cases: a share of answers where customers are asked, a number where all is seen."""

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.stages.dissatisfaction import _counted
from deskcast.pipelines.stages.risk_words import write_risk_findings
from hypothesis import given, settings
from hypothesis import strategies as st


def listed(n: int, angry: float, answers: float) -> pd.DataFrame:
    share = {"dissatisfaction_risk_if_answered": angry, "response_probability": answers, "dissatisfaction_risk": angry}
    return pd.DataFrame({"case_id": [str(i) for i in range(n)], **share})


def test_silent_customers_are_not_counted_as_dissatisfied():
    rows = pd.concat([listed(100, 0.6, 0.3), listed(100, 0.2, 0.1)], ignore_index=True)
    sentence = _counted({"dissatisfaction": rows}, "dissatisfaction")
    share = (100 * 0.6 * 0.3 + 100 * 0.2 * 0.1) / (100 * 0.3 + 100 * 0.1)  # who answers more counts more
    assert sentence == f"About {share:.0%} of survey answers on 200 open cases will be dissatisfied."


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.floats(0.0001, 1.0))
def test_nothing_is_said_to_be_about_under_one(n, chance):
    rows = pd.DataFrame({"case_id": [str(i) for i in range(n)], "escalation_risk": chance})
    sentence = _counted({"escalation": rows}, "escalation")
    assert "about under" not in sentence
    assert ("under 1" in sentence) == (n * chance < 0.5)


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_cases_of_one_risk_are_named_as_such_and_not_one_by_one(spread):
    chance = 0.2 + np.linspace(0, spread, 10)
    at = pd.Timestamp("2024-03-04T08:00Z")
    risk = pd.DataFrame({"case_id": [f"c{i}" for i in range(10)], "probability": chance, "work_first": True})
    risk = risk.assign(due_at=at + pd.Timedelta("1h"), as_of=at, owner="ann", first_flagged_at=at)
    tables = {"risk": risk, "breached_cases": risk.head(0)}
    told = write_risk_findings(tables, "resolution", 10, min_probability=0.1, caution="")
    assert any("all have the same risk" in text for text in told) == (spread == 0)
    assert any(text.startswith("Case c0: ") for text in told) == (spread > 0)


@pytest.mark.parametrize(("late", "text"), [(0, " The open case"), (2, " The other open case")])
def test_of_a_single_case_its_own_risk_is_said(late, text):
    at = pd.Timestamp("2024-03-04T08:00Z")
    risk = pd.DataFrame({"case_id": ["c0"], "probability": [0.4], "work_first": True, "as_of": at, "owner": "ann"})
    risk = risk.assign(due_at=at + pd.Timedelta("1h"), first_flagged_at=at)
    breached = pd.DataFrame({"case_id": [f"b{i}" for i in range(late)]})
    tables = {"risk": risk, "breached_cases": breached}
    said = write_risk_findings(tables, "resolution", 10, min_probability=0.1, caution="")[0]
    assert f"{text} has a breach risk of 40%." in said
    assert [fact.value for fact in said.facts if fact.subject == "running"] == [0.4]  # the tile finds its sentence


@pytest.mark.parametrize("count", [1, 209])
def test_open_cases_without_a_due_time_are_not_called_unbreached(count):
    none = pd.DataFrame({"case_id": pd.Series(dtype="str"), "probability": pd.Series(dtype=float)})
    tables = {"open_cases": none, "breached_cases": none}
    (said,) = write_risk_findings(
        tables, "resolution", 10, min_probability=0.1, caution="All equal.", without_due_time=count
    )
    cases = "1 open case" if count == 1 else "209 open cases"
    assert said.startswith(f"The due time for the resolution SLA is unknown for {cases}: no breach can be predicted.")
    assert [fact.value for fact in said.facts] == [count]
