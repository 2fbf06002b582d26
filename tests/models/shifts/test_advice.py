"""What to try about an alert: the closest rule first, and nothing where nothing is left to do."""

import pandas as pd
import pytest
from deskcast.features.kpis.availability import KPI_CATALOGUE
from deskcast.models.drivers.causes import find_new_values, find_owner_changes
from deskcast.models.shifts.advice import (
    CONDITIONS,
    DEFAULT_ADVICE,
    KNOWN_VALUES,
    MAX_ADVICE,
    Advice,
    describe_findings,
    suggest_advice,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ALERT = {"alert_id": "a", "kpi": "csat", "series": "all", "kind": "level_shift", "direction": "down", "drivers": "",
         "causes": "", "state": "new"}  # fmt: skip
DAYS = pd.date_range("2024-03-01", periods=60)


def advised(rules=DEFAULT_ADVICE, **changes):
    return suggest_advice(pd.DataFrame([ALERT | changes]), rules)["do"].tolist()


def test_the_words_of_causes_are_those_that_the_drivers_write():
    rows = pd.DataFrame({"at": DAYS, "owner": ["Ana"] * 30 + ["Ben"] * 30, "account": "A2"})
    gone = find_owner_changes(rows, "2024-03-31", group="account")["summary"].iloc[0]
    other = pd.DataFrame({"at": DAYS, "owner": "Ana", "account": "A1"})
    given_up = find_owner_changes(pd.concat([rows, other]), "2024-03-31", group="account")["summary"].iloc[0]
    forms = pd.DataFrame({"created_at": DAYS, "form": ["v1"] * 30 + ["v2"] * 30})
    new = find_new_values(forms, "2024-04-01", ["form"])["summary"].iloc[0]
    found = [describe_findings(pd.DataFrame([ALERT | {"causes": words}]).iloc[0])["cause"][0]
             for words in (gone, given_up, new, "")]  # fmt: skip
    assert found == ["owner stopped", "hand-over", "new value", "none"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"series": "account A2", "causes": "x has not worked since Sun"}, ["new owner", "Train whoever took"]),
        ({"kpi": "cases_opened", "direction": "up", "series": "product TV, region North"}, ["product team", "staff"]),
        ({"kpi": "cases_opened", "direction": "down", "series": "channel web"}, ["test case"]),
        ({"kpi": "service_level", "kind": "spike"}, ["holiday", "scheduled"]),
        ({"kpi": "sla_attainment_resolution"}, ["backlog its own agents", "cases behind"]),  # a part of a KPI is one
        ({"kpi": "backlog", "direction": "up"}, ["backlog its own agents"]),
        ({"kpi": "repeat_contact_rate", "direction": "up", "series": "product TV"}, ["help article", "train"]),
        ({"direction": "up"}, ["done differently"]),
    ],
)
def test_default_advice(changes, words):
    found = advised(**changes)
    assert all(word.lower() in do.lower() for word, do in zip(words, found, strict=False)), found
    assert len(words) <= len(found) <= MAX_ADVICE


@pytest.mark.parametrize("state", ["back to normal", "explained", "cancelled", "silenced"])
def test_nothing_is_advised_where_nothing_is_left_to_do(state):
    assert advised(state=state) == []


def test_own_rules_come_first_and_every_condition_must_hold():
    own = Advice("Ask Sales", "manager", None, {"kpi": "nps|csat", "driver": "account"})
    assert advised([own, *DEFAULT_ADVICE])[0] != "Ask Sales"
    assert advised([own, *DEFAULT_ADVICE], series="account A2")[0] == "Ask Sales"
    assert advised([own], series="account A2", kpi="ces") == []


def test_the_rules_that_ship_use_what_is_known():
    for rule in DEFAULT_ADVICE:
        assert set(rule.when) <= set(CONDITIONS)
        for name, values in rule.when.items():
            known = set(KPI_CATALOGUE) if name == "kpi" else KNOWN_VALUES.get(name)
            assert known is None or set(values.split("|")) <= set(known), (rule.do, name)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(KPI_CATALOGUE)), st.sampled_from(["up", "down"]), st.sampled_from(["level_shift", "spike"]),
    st.sampled_from(["all", "channel phone", "product TV, region North", "account A: b, c"]),
)  # fmt: skip
def test_every_change_for_the_worse_has_advice(kpi, direction, kind, series):
    alert = ALERT | {"kpi": kpi, "direction": direction, "kind": kind, "series": series}
    found = describe_findings(pd.DataFrame([alert]).iloc[0])
    table = suggest_advice(pd.DataFrame([alert]), DEFAULT_ADVICE)
    assert len(table) <= MAX_ADVICE
    assert table["place"].tolist() == list(range(1, len(table) + 1))
    if found["change"] != ("neither",):
        assert len(table) >= 1
