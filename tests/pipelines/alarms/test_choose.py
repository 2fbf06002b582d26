"""Which alarms a night gives: chosen by section, without names, each about one thing with a key of its own."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.alarms import outbox
from deskcast.pipelines.alarms.choose import choose_alarms
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.night_specs import AlarmSpec
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.words.instants import Instants
from hypothesis import given, settings
from hypothesis import strategies as st

AT = pd.Timestamp("2024-03-04T23:30Z")
NOW = Instants(AT, AT, datetime(2024, 3, 5, 1, tzinfo=UTC))
ALERT = {
    "alert_id": "csat-1", "kpi": "csat", "series": "agent_id ann", "members": "agent_id ann; channel chat",
    "other_kpis": "", "kind": "level_shift", "direction": "down", "started_at": pd.Timestamp("2024-03-01"),
    "changed_at": pd.Timestamp("2024-03-01"), "last_at": pd.Timestamp("2024-03-03"), "before": 0.9, "after": 0.8,
    "n": 250.0, "z": 5.0, "impact": 25.0, "impact_unit": "answers", "drivers": "agent_id ann (80% of the change)",
    "causes": "", "state": "new", "news": "opened", "ongoing_kpis": "", "explained": "", "acknowledged_by": "bob",
    "acknowledged_at": pd.NaT, "note": "carla knows", "silenced_until": pd.NaT,
    "updated_at": pd.Timestamp("2024-03-04"),
}  # fmt: skip
RISK = pd.DataFrame(
    {"case_id": ["C1", "C2", "C3"], "probability": [0.9, 0.8, 0.2], "work_first": [True, True, False],
     "team": ["a", "b", "a"], "priority": ["1", "2", "1"], "owner": ["ann", None, "bob"]}
)  # fmt: skip


def night(**changes):
    table = pd.DataFrame([ALERT | changes])
    return [Stage("watch", {"kpi_alerts": table}), Stage("risk", {"risk": RISK}, ("2 open cases.",))]


def told(stages=None, failures=(), **spec):
    return choose_alarms(AlarmSpec(file="f", **spec), stages or night(), NOW, failures, "Europe/Berlin")


def test_an_alert_is_told_with_its_figures_and_without_persons():
    (alarm,) = told(on="alert")
    assert (alarm.key, alarm.figures["before"], alarm.figures["after"]) == ("csat-1: opened", 0.9, 0.8)
    assert "80%" in alarm.lines[0]
    counted = {"kpi": "cases_opened", "before": 40.0, "after": 60.0, "impact_unit": "cases"}
    (count,) = choose_alarms(AlarmSpec(on="alert", file="f"), night(**counted), NOW, freq="D")
    assert "60 a day, expected 40" in count.lines[0]
    (arrivals,) = choose_alarms(AlarmSpec(on="alert", file="f"), night(**counted), NOW, noun="arrival")
    assert count.subject.startswith("New: Cases opened")
    assert arrivals.subject.startswith("New: Arrivals")
    for name in ("ann", "bob", "carla"):
        assert name not in alarm.lines[0]
    (named,) = told(on="alert", names=True)
    assert "ann" in named.lines[0]
    assert "bob" in named.lines[0]


@pytest.mark.parametrize(
    ("conditions", "count"),
    [({"kpi": "csat"}, 1), ({"kpi": "aht|backlog"}, 0), ({"channel": "phone|chat"}, 1), ({"channel": "phone"}, 0),
     ({"kpi": "csat", "channel": "chat"}, 1), ({"team": "a"}, 0)],
)  # fmt: skip
def test_alerts_are_chosen_by_kpi_and_segment(conditions, count):
    assert len(told(on="alert", for_=conditions)) == count


@pytest.mark.parametrize(("news", "count"), [("opened", 1), ("updated", 1), ("resolved", 1), ("usual", 0), ("", 0)])
def test_what_is_no_news_gives_no_alarm(news, count):
    assert len(told(night(news=news), on="alert")) == count


@settings(max_examples=15)
@given(team=st.sampled_from(["a", "b", "a|b"]), names=st.booleans())
def test_the_figures_of_a_risk_alarm_are_those_of_the_table(team, names):
    mine = RISK[RISK["team"].isin(team.split("|"))]
    (alarm,) = told(on="risk", for_={"team": team}, names=names)
    assert alarm.key == f"2024-03-05 team={team}"  # the day of the desk
    assert alarm.figures["open"] == len(mine)
    assert alarm.figures["work_first"] == int(mine["work_first"].sum())
    assert alarm.figures["expected"] == pytest.approx(mine["probability"].sum())
    assert any("C1" in line or "C2" in line for line in alarm.lines) == names


def test_one_receiver_is_told_of_the_cases_of_two_teams_and_few_breaches_are_not_none(tmp_path):
    raw = {"source": {"cases": {"path": "cases.csv"}}}
    raw["alarm"] = [{"on": "risk", "file": "f", "for": {"team": team}} for team in ("a", "b")]
    config = parse_config(raw, folder=tmp_path)
    with change_state(config.state_place) as state:
        assert outbox.queue_alarms(state, config, night(), NOW) == 2
        assert outbox.queue_alarms(state, config, night(), NOW) == 0  # each once
    rare = [Stage("risk", {"risk": RISK.assign(probability=[0.2, 0.1, 0.1])})]
    (alarm,) = told(rare, on="risk")
    assert alarm.lines[0] == "2 cases to work on first: under 1 will breach otherwise."
    assert alarm.lines[1] == "Under 1 of 3 open cases will breach."


def test_failures_and_stale_data_are_told_apart_and_once_a_week():
    failures = [("staff", "no calls"), ("freshness", "the data end on Friday")]
    (failed,) = told(on="failed", failures=failures)
    (stale,) = told(on="stale", failures=failures)
    assert (failed.subject, stale.lines) == ("Run failed: staff", ("The data end on Friday.",))
    later = Instants(AT, AT, datetime(2024, 3, 7, 1, tzinfo=UTC))
    next_week = Instants(AT, AT, datetime(2024, 3, 12, 1, tzinfo=UTC))
    keys = [choose_alarms(AlarmSpec(on="failed", file="f"), (), at, failures)[0].key for at in (NOW, later, next_week)]
    assert keys[0] == keys[1] != keys[2]


def test_a_digest_tells_failures_risk_and_alerts_of_the_day_without_persons():
    (alarm,) = told(on="digest", failures=[("staff", "no calls")])
    assert alarm.key == "2024-03-05"
    assert alarm.lines[:2] == ("staff failed: no calls.", "2 open cases.")
    assert "ann" not in " ".join(alarm.lines)


def test_tables_of_an_earlier_night_give_no_alarm():
    old = [
        Stage("watch", night()[0].tables, failed="the column is gone", tables_made_at=datetime(2024, 3, 1, tzinfo=UTC))
    ]
    assert told(old, on="alert") == []


@pytest.mark.parametrize(
    ("section", "words"),
    [({"on": "alert"}, "one way to be sent"), ({"on": "alert", "file": "f", "command": "c"}, "one way to be sent"),
     ({"on": "allert", "file": "f"}, "did you mean 'alert'"), ({"on": "alert", "mail": "no"}, "not a mail address"),
     ({"on": "alert", "file": "f", "for": {"chanel": "x"}}, "key 'for': unknown condition"),
     ({"on": "drift", "file": "f", "for": {"kpi": "csat"}}, "'drift' has no conditions"),
     ({"on": "alert", "file": "f", "quiet": "late"}, "not a span of the day"),
     ({"on": "alert", "webhook": "ftp://x"}, "not an address"),
     ({"on": "alert", "webhook": "https://x", "token_env": "not a name"}, "environment variable")],
)  # fmt: skip
def test_a_section_that_cannot_be_meant_is_refused_by_name(tmp_path, section, words):
    raw = {"source": {"cases": {"path": "cases.csv"}}, "alarm": [section]}
    with pytest.raises(InputError, match="alarm") as refused:
        parse_config(raw, folder=tmp_path)
    assert words in str(refused.value)


def test_the_link_is_sent_with_the_alarm(tmp_path):
    raw = {"source": {"cases": {"path": "cases.csv"}}, "page": {"url": "https://desk.example/"}}
    raw["alarm"] = [{"on": "alert", "file": "f"}, {"on": "risk", "file": "f", "for": {"team": "a"}}]
    config = parse_config(raw, folder=tmp_path)
    with change_state(config.state_place) as state:
        assert outbox.queue_alarms(state, config, night(), NOW) == 2
    with read_state(config.state_place) as state:
        links = [one.body["link"] for one in outbox.read_waiting(state)]
    assert links == ["https://desk.example/alerts/csat-1", "https://desk.example/cases?situation=Within+SLA&team=a"]
