"""Models in words, the data of a run, and help."""

import html
import json

import pandas as pd
import pytest
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.pages.web.about.help import read_glossary
from deskcast.pipelines.pages.web.about.model_words import BANDS, MIN_CASES, calibration_sentences
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import replace_folder, write_stages
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as some


def client_of(tmp_path, *stages):
    with replace_folder(tmp_path / "results") as staging:
        write_stages(list(stages), staging, version="1")
    return TestClient(make_app(tmp_path / "results"))


@settings(max_examples=25)
@given(some.lists(some.tuples(some.floats(0, 1), some.floats(0, 1), some.integers(0, 60)), max_size=9))
def test_a_sentence_rests_on_enough_cases_and_states_their_shares(groups):
    table = pd.DataFrame(groups, columns=["predicted", "observed", "n"])
    said = calibration_sentences(table)
    bands = pd.cut(table["predicted"], BANDS, right=False)
    sizes = table.groupby(bands, observed=False)["n"].sum()
    assert len(said) == int((sizes >= MIN_CASES).sum())
    for band, text in zip(sizes.index[sizes >= MIN_CASES], said, strict=True):
        own = table[bands == band]
        assert f", {round(100 * (own['observed'] * own['n']).sum() / own['n'].sum())} breached" in text


def test_models_are_told_in_words_first(page, demo_desk):
    shown = page.get("/models").text
    assert shown.index("Breach risk in words") < shown.index("Champion and challenger")
    assert "Of 100 cases with a breach risk of about" in shown
    for title in ("Track record", "Coverage", "Drift", "Feedback", "Model comparison on held-out cases"):
        assert title in shown
    assert shown.count("<svg") >= 2


def test_the_tracking_store_is_linked_where_it_is_a_server(tmp_path, demo_desk):
    config = tmp_path / "deskcast.toml"
    body = (demo_desk / "deskcast.toml").read_text()
    config.write_text(body.replace("sqlite:///mlflow.db", "http://mlflow.example:5000"))
    shown = TestClient(make_app(demo_desk / "results", config=config)).get("/models").text
    assert '<a href="http://mlflow.example:5000" rel="noreferrer">' in shown
    config.write_text(body.replace("sqlite:///mlflow.db", "http://ann:secret@mlflow.example:5000"))
    shown = TestClient(make_app(demo_desk / "results", config=config)).get("/models").text
    assert "secret" not in shown
    plain = TestClient(make_app(demo_desk / "results", config=demo_desk / "deskcast.toml")).get("/models").text
    assert "mlflow ui --backend-store-uri" in plain


def test_the_data_page_says_what_was_read_rejected_and_when(page, tmp_path):
    shown = page.get("/data").text
    for words in ("Loaded", "Data until", "Parts of the run", "Rows loaded", "No row was rejected"):
        assert words in shown
    bad = pd.DataFrame({"source": "a.csv", "table": "cases", "row": [3, 9], "column": "created_at"})
    bad = bad.assign(value=["<i>x</i>", "y"], reason="not a valid time", code="time.unreadable")
    checks = pd.DataFrame({"check": ["Rows loaded"], "result": ["cases: 2"]})
    client = client_of(
        tmp_path, Stage("check", {"rejected_rows": bad, "checks": checks}), Stage("risk", skipped="No SLA.")
    )
    shown = client.get("/data").text
    assert "2 rows rejected" in shown
    assert "&lt;i&gt;x" in shown
    assert "Not done: No SLA." in shown
    assert len(client.get("/data/rejected.csv?q=y").text.splitlines()) == 2


def test_help_holds_the_glossary_and_finds_a_term(page):
    terms = read_glossary()
    assert len(terms) > 80
    assert all(term and definition for term, definition, _ in terms)
    assert not any("`" in cell or "](" in cell for row in terms for cell in row)
    found = page.get("/help", params={"q": "breach risk"}).text
    assert "Probability that an open case breaches its SLA." in found
    assert "After-call work" not in found
    assert "How figures are made" in found


def test_what_is_missing_is_said_on_each_page(tmp_path):
    empty = TestClient(make_app(tmp_path / "none"))
    for path in ("/models", "/data"):
        assert "deskcast run" in empty.get(path).text
    assert empty.get("/help").status_code == 200
    client = client_of(tmp_path, Stage("train", skipped="Too few closed cases."))
    assert "Too few closed cases." in client.get("/models").text
    assert "did not include this part" in client.get("/models").text
    assert "did not include this part" in client.get("/data").text


HUGE = "1" * 5000


@pytest.mark.parametrize(
    "path",
    ["/forecast?lead=", "/staffing?queue=phone&week=", "/tables/risk?page=", "/cases?page=", "/alerts?page="],
)
def test_a_number_of_thousands_of_digits_is_no_number(page, path):
    assert page.get(path + HUGE).text.count("<h1>") == page.get(path + "x").text.count("<h1>") == 1


def test_what_the_outcome_models_are_worth_is_said(page, demo_desk):
    findings = json.loads((demo_desk / "results" / "findings.json").read_text())
    said = next(stage["findings"] for stage in findings["stages"] if stage["name"] == "risk")
    shown = html.unescape(page.get("/models").text)
    wanted = [text for text in map(str, said) if text.startswith(("Dissatisfaction risk", "Escalation risk"))]
    assert wanted
    for text in wanted:
        assert text in shown
