"""Advice on alerts: shown, answered, and followed up by whether the KPI came back."""

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.shifts.ledger import LEDGER_COLUMNS, typed_ledger
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.stages.watch_advice import advice_accuracy, advise, note_of_answer
from deskcast.pipelines.words.contradictions import undeclared_numbers
from deskcast.pipelines.words.incidents import alert_sentence, find_advice

RAW = {"source": {"cases": {"path": "x.csv"}}}
OWN = {"do": "Ask the 2 leads of Sales", "who": "manager", "when": {"kpi": "csat"}, "effort": "2h"}


def config(tmp_path, *advice, **more):
    return parse_config(RAW | more | ({"advice": list(advice)} if advice else {}), folder=tmp_path)


def ledger(**states):
    """Return a ledger of CSAT that fell, one alert a state."""
    rows = [
        dict.fromkeys(LEDGER_COLUMNS) | {
            "alert_id": name, "kpi": "csat", "series": "account A2", "members": "account A2", "kind": "level_shift",
            "direction": "down", "state": state.replace("_", " "), "before": 0.8, "after": 0.6, "z": 5.0, "n": 200.0,
            "started_at": "2024-03-01", "changed_at": "2024-03-01", "last_at": "2024-03-20",
            "detected_at": "2024-03-05", "reported_at": "2024-03-06",
            **dict.fromkeys(("drivers", "causes", "other_kpis", "ongoing_kpis", "news", "note", "explained"), ""),
            "acknowledged_by": "",
        }
        for name, state in states.items()
    ]  # fmt: skip
    return typed_ledger(pd.DataFrame(rows, columns=list(LEDGER_COLUMNS)))


def answers(*said):
    rows = [(alert, verdict, note, pd.Timestamp("2024-03-10T09:00Z")) for alert, verdict, note in said]
    return pd.DataFrame(rows, columns=["subject", "verdict", "note", "at"])


def test_own_advice_comes_first_and_the_default_can_be_left_out(tmp_path):
    alerts = ledger(a="new")
    both = advise(config(tmp_path, OWN), alerts)
    assert both["do"].tolist()[0] == OWN["do"]
    assert both["effort_s"].tolist()[0] == 7200
    assert len(both) == 2
    alone = advise(config(tmp_path, OWN, watch={"default_advice": False}), alerts)
    assert alone["do"].tolist() == [OWN["do"]]
    assert advise(config(tmp_path, watch={"default_advice": False}), alerts).empty


def test_the_sentence_of_an_alert_ends_with_what_to_try(tmp_path):
    alerts = ledger(a="new", b="new")
    told = find_advice(advise(config(tmp_path, OWN), alerts), "a")
    said = alert_sentence(next(alerts.itertuples()), advice=told)
    assert said.endswith("Try: ask the 2 leads of Sales (manager).")
    assert undeclared_numbers(said, said.facts, said.names) == []
    over = next(alerts.assign(news="resolved").itertuples())
    assert "Try" not in alert_sentence(over, advice=told)


def test_advice_that_was_followed_is_judged_by_whether_the_kpi_came_back(tmp_path):
    now = ledger(a="back_to_normal", b="become_usual", c="back_to_normal", d="continuing", e="cancelled")
    own = config(tmp_path, OWN)
    said = answers(("a", "not needed", OWN["do"]), ("a", "done", note_of_answer(own, now, "a", 1, "both came")),
                   ("b", "done", OWN["do"]))  # fmt: skip
    table = advice_accuracy(own, now, said, list("abcde")).set_index(["advice", "verdict"])
    done = table.loc[(OWN["do"], "done")]
    assert done[["alerts", "came_back", "stayed", "undecided", "share"]].tolist() == [2, 1, 1, 0, 0.5]
    assert done["days"] == pd.Timedelta("9D15h") / pd.Timedelta("1D")  # from the answer to the last unusual day
    rest = table.loc[(OWN["do"], "no answer")]
    assert rest[["alerts", "came_back", "undecided", "days"]].tolist() == [2, 1, 1, 14]  # from the report on
    assert len(table) == 2


def test_an_answer_names_the_advice_that_was_tried_whatever_the_rules_say_later(tmp_path):
    now = ledger(a="back_to_normal")
    said = answers(("a", "helped", "Something of last year; note: yes: it did"))
    table = advice_accuracy(config(tmp_path, OWN), now, said, ["a"])
    assert table[["advice", "verdict", "came_back"]].values.tolist() == [["Something of last year", "helped", 1.0]]


def test_nothing_that_was_never_reported_is_judged(tmp_path):
    assert advice_accuracy(config(tmp_path), None, answers(), ["a"]).empty
    assert advice_accuracy(config(tmp_path), ledger(a="new"), answers(), []).empty


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"when": {"kpi": "cast"}}, r"\[\[advice\]\] 1: key 'when': unknown KPI; got 'cast'.*csat"),
        ({"when": {"mood": "bad"}}, "unknown condition; got 'mood'"),
        ({"when": {"kind": "shift"}}, "unknown kind; got 'shift'"),
        ({"when": {"cause": "owner stoped"}}, "unknown cause.*owner stopped"),
        ({"when": {"change": ""}}, "unknown change"),
        ({"do": " "}, "text in one line"),
        ({"effort": "0h"}, "effort must be above 0"),
    ],
)
def test_what_cannot_be_advice_is_named(tmp_path, change, said):
    with pytest.raises(InputError, match=said):
        config(tmp_path, OWN | change)


def test_an_answer_on_advice_that_an_alert_does_not_have_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such piece of advice; got 3"):
        note_of_answer(config(tmp_path), ledger(a="new"), "a", 3, "")
