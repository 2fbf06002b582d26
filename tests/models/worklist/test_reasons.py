"""Reasons: three facts in plain words, taken from the exact parts of the probability."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.candidates.feature_groups import CATEGORICAL_FEATURES, FEATURE_GROUPS, NUMERIC_FEATURES, group_of
from deskcast.models.risk.breach import BreachRisk
from deskcast.models.worklist.reasons import LOWERS_RISK_PREFIX, REASON_FORMATTERS, format_time_reason, reasons
from risk_frames import risk_frames


@pytest.fixture(scope="module")
def told():
    snapshots, labels, _ = risk_frames(cases=3000)
    risk = BreachRisk().fit(snapshots, labels)
    now = snapshots[snapshots["at"] == snapshots["at"].max()].reset_index(drop=True)
    return now, risk, reasons(now, risk)


def test_each_running_case_has_up_to_three_different_facts(told):
    now, _, table = told
    running = now.loc[~now["already_breached"].astype(bool), "case_id"]
    assert set(table["case_id"]) == set(running)
    assert not table[["case_id", "group"]].duplicated().any()
    assert table["place"].between(1, 3).all()


def test_what_raises_comes_first_and_the_strongest_before_the_weaker(told):
    *_, table = told
    for _, mine in table[table["group"] != "clock"].groupby("case_id"):
        up = (mine["direction"] == "raises").to_numpy()
        assert (up == np.sort(up)[::-1]).all()
        assert mine.loc[up, "contribution"].is_monotonic_decreasing
        assert mine.loc[~up, "contribution"].is_monotonic_increasing


def test_a_reason_has_the_size_and_direction_of_its_contribution(told):
    now, risk, table = told
    parts = risk.contributions(now).set_index(now["case_id"])
    for row in table.itertuples():
        assert row.contribution == parts.loc[row.case_id, row.group]
        assert (row.contribution > 0) == (row.direction == "raises")
        assert row.reason.startswith(LOWERS_RISK_PREFIX) == (row.direction == "lowers")


@pytest.mark.parametrize("others", [1, 2, 3])
def test_the_hour_of_the_list_is_a_reason_only_where_others_lack(told, others):
    now, risk, _ = told
    rows = now[~now["already_breached"].astype(bool)].head(4).reset_index(drop=True)
    parts = risk.contributions(rows)
    groups = [g for g in FEATURE_GROUPS if g in parts]
    parts[groups] = 0.0
    chosen = [g for g in groups if g != "clock"][:others]
    parts[chosen] = [0.3, -0.2, 0.1][:others]
    parts["clock"] = 2.0  # by far the largest, and the same for all
    table = reasons(rows, risk, parts=parts)
    assert table[table["place"] == 1]["group"].eq(chosen[0]).all()
    hours = table[table["group"] == "clock"]
    assert len(hours) == (len(rows) if others < 3 else 0)
    assert (hours["place"] == others + 1).all()


def test_the_words_carry_the_values(told):
    now, _, table = told
    values = now.set_index("case_id")
    teams = table[table["group"] == "team"]
    assert len(teams)
    assert all(r.reason.endswith(f"team {values.loc[r.case_id, 'team']}") for r in teams.itertuples())
    used = table[table["group"] == "time"]
    assert all(
        f"{100 * values.loc[r.case_id, 'target_used']:.0f}% of the SLA time" in r.reason for r in used.itertuples()
    )


def test_what_the_model_does_not_look_at_is_no_reason(told, monkeypatch):
    now, risk, _ = told
    monkeypatch.setattr("deskcast.models.worklist.reasons.MIN_CONTRIBUTION", 0.0)
    assert "hour" not in risk.features, "all snapshots of training were taken at 8:00"
    clocks = reasons(now, risk, most=99).query("group == 'clock'")
    assert len(clocks)
    assert clocks["reason"].str.match(rf"({LOWERS_RISK_PREFIX})?\w+day$").all()


def test_every_group_has_words_also_for_a_row_without_values():
    assert set(REASON_FORMATTERS) == set(FEATURE_GROUPS)
    for say in REASON_FORMATTERS.values():
        assert say({}, float("nan"))
        assert "nan" not in say(
            dict.fromkeys(name for names in NUMERIC_FEATURES.values() for name in names), float("nan")
        )


@pytest.mark.parametrize(
    ("group", "row", "words"),
    [
        ("transfers", {"transfers": 3}, "handed over 3 times"),
        ("transfers", {"transfers": 1.0}, "handed over once"),
        ("transfers", {"transfers": 0}, "never handed over"),
        (
            "reply",
            {"unanswered_s": 93600.0},
            "the customer has waited 1 d 2 h for a reply, longer than 5 of 10 similar waits",
        ),
        ("reply", {"unanswered_s": pd.NA}, "the customer is not waiting for a reply"),
        ("priority", {"priority": "1"}, "priority 1"),
        ("priority", {"priority": "1", "priority_changes": 2}, "priority 1, changed twice"),
        ("status", {"status": "pending", "paused": True}, "status pending, the clock is paused"),
        ("load", {"open_in_team": 1200}, "its team has 1,200 open cases"),
        ("clock", {"hour": 8.0, "weekday": 0.0}, "Monday at 8:00"),
        (
            "conversation",
            {"customer_messages": 1, "agent_messages": 0},
            "1 message from the customer, 0 messages from agents",
        ),
        ("team", {"team": None}, "team not known"),
        ("activity", {"updates": 2.0}, "worked on twice"),
        ("details", {"attr_impact": "high", "attr_site": None}, "impact high"),
        ("other_slas", {"breached_first_response": True}, "its first response SLA has breached"),
        (
            "time",
            {"is_resolved": 1.0, "resolved_for_s": 7200.0, "age_s": 86400.0},
            "resolved for 2 h and not closed, open for 1 d",
        ),
    ],
)
def test_how_facts_are_said(group, row, words):
    assert REASON_FORMATTERS[group](row, 0.5) == words


@pytest.mark.parametrize(("share", "words"), [(0.85, "85%"), (1.0, "99%"), (0.0, "1%")])
def test_an_age_is_set_beside_those_of_other_cases_and_never_beyond_all(share, words):
    assert format_time_reason({"age_s": 60.0}, share) == f"open for 1 min, longer than {words} of past cases"


def test_every_feature_of_a_snapshot_has_a_group_and_ids_have_none():
    features = pytest.importorskip("deskcast.features.snapshots.snapshots")
    said = {name for names in (*NUMERIC_FEATURES.values(), *CATEGORICAL_FEATURES.values()) for name in names}
    assert {*features.NUMERIC_COLUMNS, *features.CATEGORICAL_COLUMNS} - said <= {"already_breached"}
    with pytest.raises(KeyError):
        group_of("customer_id")
