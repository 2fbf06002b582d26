"""Cases: the list against plain pandas, what is exported, and one case."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from deskcast.models.worklist.ranking import assign_risk_levels
from deskcast.pipelines.commands.notes import list_records
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.pages.web.access.access import Access
from deskcast.pipelines.pages.web.access.session import User
from deskcast.pipelines.pages.web.cases.case_list import list_spec
from deskcast.pipelines.pages.web.frame.listing import read_listing
from deskcast.pipelines.pages.web.frame.snapshot import ResultsChangedError, ResultsStore
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.state.issued import read_case_risks, select_breach_risks
from deskcast.pipelines.state.records import add_record, read_records
from deskcast.pipelines.store.results import replace_folder, write_stages
from deskcast.pipelines.words.instants import Instants
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_desk import AS_OF, make_stages, write_desk
from sqlalchemy import text as text_of

TABLES = make_stages()[-1].tables
EVERY = pd.concat(
    [TABLES["risk"].assign(situation="Within SLA"), TABLES["breached_cases"].assign(situation="Breached")]
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ResultsStore(write_desk(tmp_path_factory.mktemp("cases")))


@pytest.fixture(scope="module")
def page(store):
    return TestClient(make_app(store.folder))


@settings(max_examples=12)
@given(
    q=st.sampled_from(["", "c0", "AGENT 3", "agent 3 north", "'; DROP TABLE x", "%", "90%"]),
    teams=st.lists(st.sampled_from(["north", "south", "(none)", "nobody"]), max_size=2, unique=True),
    owners=st.lists(st.sampled_from(["agent 1", "(none)", "x' OR 1=1 --"]), max_size=2, unique=True),
    sort=st.sampled_from(["probability", "-due_at", "-case_id", "team", "nonsense", "case_id; DROP"]),
)
def test_the_list_is_what_pandas_filters_and_counts(store, q, teams, owners, sort):
    results = store.snapshot()
    pairs = [("q", q), ("sort", sort), *(("team", t) for t in teams), *(("owner", o) for o in owners)]
    listing = read_listing(list_spec(results), pairs)
    kept = expected(EVERY, q, {"team": teams, "owner": owners})
    found = listing.every(results)
    assert sorted(found["case_id"]) == sorted(kept["case_id"])
    assert listing.total(results) == len(kept)
    column = sort.removeprefix("-")
    if column in found:
        values = found[column].dropna()
        assert values.is_monotonic_decreasing if sort.startswith("-") else values.is_monotonic_increasing
    counts = {value: n for value, n, _ in listing.facets(results)["team"] if n}
    assert counts == expected(EVERY, q, {"owner": owners})["team"].value_counts().to_dict()


def expected(frame, q, chosen):
    kept = frame
    for word in q.lower().split():
        looked = kept[["case_id", "owner", "team", "priority", "action", "reason_1"]].fillna("").astype("str")
        kept = kept[looked.apply(lambda c, w=word: c.str.lower().str.contains(w, regex=False)).any(axis="columns")]
    for column, values in chosen.items():
        if values:
            missing = kept[column].isna() & ("(none)" in values)
            kept = kept[kept[column].isin(values) | missing]
    return kept


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_the_filtered_set_is_exported_whole(page, ending):
    answer = page.get(f"/cases.{ending}?team=north&sort=-probability")
    assert answer.headers["content-disposition"] == f'attachment; filename="cases.{ending}"'
    read = {"csv": pd.read_csv, "xlsx": pd.read_excel, "parquet": pd.read_parquet}[ending]
    engine = {"engine": "calamine"} if ending == "xlsx" else {}
    found = read(io.BytesIO(answer.content), **engine)
    assert len(found) == 31
    assert set(found["team"]) == {"north"}
    assert found["probability"].dropna().is_monotonic_decreasing


def test_a_page_of_the_list_leads_to_the_next_and_to_each_case(page):
    first, last = page.get("/cases").text, page.get("/cases?page=2").text
    assert "Page 1 of 2, 62 rows" in first
    assert first.count('href="/cases/') == 50
    assert last.count('href="/cases/') == 12
    assert 'href="/cases/A%2F7%20b"' in first
    assert 'aria-sort="ascending"' in page.get("/cases?sort=due_at").text
    assert "No rows" in page.get("/cases?q=nobody").text
    assert page.get("/cases?page=x&sort=;&team=&nonsense=1").status_code == 200


def test_one_case_shows_risk_clock_reasons_mornings_timeline_and_similar_cases(page):
    text = page.get("/cases/C002").text
    for words in (
        *("Breach risk 97%", "90% of the time used, 3 h left", "+5.2 points", "Breach risk on past mornings"),
        *("Assigned: north", "Similar past cases", "of the 20 most alike cases breached", "The risk is wrong"),
    ):
        assert words in text, words
    assert "Breached" in page.get("/cases/B1").text
    assert page.get("/cases/nobody").status_code == 404
    assert page.get("/cases/A%2F7%20b").status_code == 200


def test_past_cases_that_share_nothing_are_not_similar(tmp_path):
    unlike = TABLES["past_cases"].assign(product="Q", channel="fax", priority="9", team="west")
    page = TestClient(make_app(write_desk(tmp_path, stages=[Stage("risk", TABLES | {"past_cases": unlike})])))
    shown = page.get("/cases/C002")
    assert shown.status_code == 200
    assert "Similar past cases" not in shown.text


def test_a_snapshot_stays_one_run_and_a_new_run_is_seen(tmp_path):
    store = ResultsStore(write_desk(tmp_path))
    old = store.snapshot()
    assert (old.count("history"), old.count("risk")) == (2, 60)
    write_desk(tmp_path, 20)
    assert old.count("history") == 2  # loaded before
    for read in (lambda: old.count("checks"), lambda: old.query("SELECT * FROM {past_cases}")):
        with pytest.raises(ResultsChangedError):
            read()
    assert store.snapshot().count("risk") == 20


def test_a_request_during_which_the_results_change_is_answered_from_the_new_ones(tmp_path, monkeypatch):
    results = write_desk(tmp_path)
    page = TestClient(make_app(results))
    page.get("/cases")
    load, done = ResultsStore.snapshot, []

    def swap(store, team=None):
        found = load(store, team)
        if not done:
            done.append(True)
            write_desk(tmp_path, 20)
            found._loaded.columns.clear()
        return found

    monkeypatch.setattr(ResultsStore, "snapshot", swap)
    answer = page.get("/cases")
    assert answer.status_code == 200
    assert "22 rows" in answer.text


@pytest.mark.parametrize("path", ["/", "/cases", "/cases/C1", "/tables", "/report"])
def test_every_page_says_what_to_do_before_the_first_run_and_where_a_stage_is_missing(tmp_path, path):
    page = TestClient(make_app(tmp_path / "results"))
    before = page.get(path)
    assert before.status_code in (200, 404)
    assert "deskcast run" in before.text
    (tmp_path / ".results.deskcast-new").mkdir()
    if before.status_code == 200:
        assert "A run is at work" in page.get(path).text
    (tmp_path / ".results.deskcast-new").rmdir()
    write_desk(tmp_path, stages=[Stage("risk", skipped="No SLA is configured.")])
    after = page.get(path)
    assert after.status_code == (404 if path == "/cases/C1" else 200)
    if path == "/cases":
        assert "No SLA is configured." in after.text
        assert "deskcast check" in after.text


def test_today_has_the_figures_of_the_report_and_what_changed_since_the_last_look(tmp_path):
    results = write_desk(tmp_path)
    page = TestClient(make_app(results))
    text = page.get("/").text
    expected_count = TABLES["risk"]["probability"].sum()
    assert f"about {expected_count:.0f}" in text
    assert "Changes since Sun 31 Mar" in text
    assert "2 cases breached" not in text  # they were on no list
    assert "Nothing that matters has changed." in text
    assert text.count('href="/cases/') == 5  # those to work on first, of 60 that can still be saved
    assert "All 5 cases" not in text
    with change_state(results) as state:
        state.execute(text_of("UPDATE issued_risks SET probability = 0.01 WHERE issue_id = 1"))
    high = sum(level in ("high", "very high") for level in assign_risk_levels(TABLES["risk"]["probability"]))
    assert f"{high} cases newly at high risk" in TestClient(make_app(results)).get("/").text


@pytest.mark.parametrize("user", [User("x"), User("tim", "team lead", "north")])
def test_changes_compare_breach_risks_alone_and_say_how_cases_ended(tmp_path, user):
    results, last = tmp_path / "results", AS_OF - pd.Timedelta(days=2)
    with replace_folder(results) as staging:
        write_stages([Stage("risk", TABLES)], staging, version="1", instants=Instants.now(AS_OF, AS_OF))
    then = pd.DataFrame({"case_id": ["P0", "P9", "C059", "C058", "gone", "closing"], "probability": 0.99})
    then = then.assign(work_first=False, expected_benefit=[1.0] * 5 + [None], left_s=60.0)
    others = [("escalation", ["B1", "C002"]), ("resolution shadow", ["B2", "C004"])]
    with change_state(results) as state:
        issue_rows(state, Issue("risk", "resolution", last, last, last, "mean"), then)
        for scope, names in others:
            issue_rows(state, Issue("risk", scope, last, last, last, "mean"), then.head(2).assign(case_id=names))
    shown = TestClient(make_app(results, access=Access(default=user))).get("/").text
    ended = re.search("no longer at high risk, without a breach: (.*)", shown)[1]
    found = re.findall(">([^<>]+)</a>", ended)  # P0 had breached, and of "gone" nobody knows
    assert found == (["C058", "C059", "P9"] if user.team is None else ["C058", "P9"])
    assert re.search("[0-9] cases? breached", shown) is None  # B1 and B2 had no breach risk then
    assert f"Sat 30 Mar 07:00: about {5 if user.team is None else 3}." in shown
    with read_state(results) as state:
        assert select_breach_risks(read_case_risks(state, "C002")).empty  # nor does its picture show an escalation


def test_what_is_written_on_the_page_is_seen_by_the_command_line(tmp_path):
    results = write_desk(tmp_path)
    page = TestClient(make_app(results))
    page.get("/cases")
    session = page.app.state.desk.signer.read(page.cookies["deskcast_session"])
    form = {"csrf": page.app.state.desk.signer.token(session)}
    assert page.post("/cases/C002/note", data=form | {"text": "called"}).status_code == 200
    assert page.post("/cases/C002/feedback", data=form | {"verdict": "acted"}).status_code == 200
    with read_state(results) as state:
        listed = list_records(state, None)
    assert listed[["kind", "subject", "text"]].to_numpy().tolist() == [
        ["feedback", "C002", "acted"],
        ["note", "C002", "called"],
    ]


def test_writes_wait_for_a_night_that_writes_at_the_same_time(tmp_path):
    results = write_desk(tmp_path)
    page = TestClient(make_app(results))
    page.get("/cases")
    session = page.app.state.desk.signer.read(page.cookies["deskcast_session"])
    form = {"csrf": page.app.state.desk.signer.token(session), "text": "during the night"}
    with ThreadPoolExecutor(2) as pool:
        with change_state(results) as state:
            add_record(state, "notes", by="night", kind="", subject="", text="night")
            sent = pool.submit(page.post, "/cases/C002/note", data=form)
            assert "Within SLA" in page.get("/cases").text  # readers do not wait
            time.sleep(0.3)
            assert not sent.done()
        assert sent.result(timeout=30).status_code == 200
    with read_state(results) as state:
        assert set(read_records(state, "notes")["text"]) == {"night", "during the night"}
