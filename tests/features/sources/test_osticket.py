"""osTicket: a small installation in dumped tables, and on a real server where there is one; values by hand."""

import json
import shutil

import osticket_desk
import pandas as pd
import pytest
from deskcast.features import InputError, case_history, kpi_history
from deskcast.features.sla.due_times import due_time_table
from deskcast.features.sources import export
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import make_log, refused, story
from helpdesk_dumps import change, create_in_mariadb, write_dumps


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return write_dumps(osticket_desk.DDL, osticket_desk.make_rows(), tmp_path_factory.mktemp("osticket"))


@pytest.fixture(scope="module")
def loaded(home):
    return read(home / "csv")


def read(place, **settings):
    return load_source(SourceSpec("cases", str(place), kind="osticket", **settings))


def test_the_story_of_a_ticket_that_was_reopened(loaded):
    assert story(loaded, "100001") == [
        "04 09:00 assigned team: - > Support",
        "04 09:00 field resolution: - > true",
        "04 09:00 message customer public",
        "04 10:00 assigned agent: - > 11",  # claimed
        "04 10:00 message agent public",
        "04 10:30 status state: - > Warten auf Kunden",
        "04 10:30 paused",
        "04 12:00 message customer public",
        "04 12:00 status state: - > Open",
        "04 12:00 resumed",
        "04 13:00 status state: - > Resolved",
        "04 13:00 resolved",  # though marked as annulled
        "04 14:00 message customer public",
        "04 14:00 status state: - > Open",
        "04 14:00 reopened",
        "04 15:00 field resolution: - > decided",
        "04 15:00 status state: - > Resolved",
        "04 15:00 resolved",
    ]


def test_departments_edits_merges_and_notes(loaded):
    moved = [s for s in story(loaded, "100004") if "assigned" in s]
    assert moved == ["04 10:20 assigned team: - > Support", "04 11:00 assigned team: Support > Field",
                     "04 11:30 assigned agent: - > 12", "04 11:40 assigned agent: - > -"]  # fmt: skip
    edited = story(loaded, "100002")
    assert "04 11:10 priority priority: Normal > Emergency" in edited
    assert "04 11:10 field product: General > Network" in edited
    assert [s for s in edited if "message" in s] == [
        "04 09:30 message customer public", "04 09:31 message system internal", "04 09:40 message agent internal",
        "04 09:55 message agent public",
    ]  # fmt: skip
    assert story(loaded, "100005")[-1] == "04 12:00 merged"
    assert story(loaded, "100006") == ["04 10:50 status state: - > Open", "04 10:50 assigned team: - > Support"]
    cases = loaded.tables["cases"].set_index("case_id")
    first = ["channel", "product", "priority", "customer_id", "team"]
    assert cases.loc["100002", first].tolist() == ["Web", "General", "Normal", "102", "Support"]  # as created


def test_what_is_no_case_is_counted_by_name(loaded):
    assert refused(loaded) == [
        ("thread_entries", 8, "an entry that was edited; the new one counts"),
        ("thread_entries", 14, "its thread is not in the export"),
    ]
    assert loaded.rejected["code"].tolist() == ["row.other", "row.orphan"]


def test_case_by_case_and_kpis_by_hand(loaded):
    log = make_log(loaded)
    history = case_history(log).set_index("case_id")
    hour = 3600.0
    assert (history["first_response_s"].dropna() / hour).round(4).to_dict() == {"100001": 1.0, "100002": 0.4167}
    assert (history["resolution_s"].dropna() / hour).to_dict() == {"100001": 6.0, "100003": 23.0}
    assert history.index[history["is_open"]].tolist() == ["100002", "100004", "100006"]
    assert history.loc["100001", "pending_s"] == 1.5 * hour
    names = {"cases_opened": 6, "cases_resolved": 2, "backlog": 3, "reopen_rate": 1 / 2}
    found = kpi_history(log, list(names), freq="MS")
    assert found[found["ds"] == pd.Timestamp("2024-03-01")].set_index("kpi")["value"].to_dict() == pytest.approx(names)


def test_due_times_and_those_that_a_late_closing_emptied(loaded):
    clock = lambda t: f"{t:%d %H:%M}" if pd.notna(t) else None  # noqa: E731
    said = [(r.case_id[-1], clock(r.due_at), clock(r.set_at)) for r in loaded.tables["due_times"].itertuples()]
    assert said == [
        ("1", "05 09:00", None),
        ("2", "05 17:00", "04 11:00"),
        ("2", "05 18:00", "04 11:30"),
        ("3", "04 17:01", "04 17:01"),  # when the system found it overdue
        ("4", "06 10:00", None),
    ]
    assert any("1 tickets that were closed late have lost their due time" in n for n in loaded.notes)
    assert [s for s in story(loaded, "100003") if "resolution" in s] == [
        "04 10:00 field resolution: - > true", "04 17:01 field resolution: - > false",
        "04 17:01 field resolution: - > decided",
    ]  # fmt: skip
    early = due_time_table(make_log(loaded).as_of(pd.Timestamp("2024-03-04T11:10Z")))
    assert early[["case_id", "due_at"]].to_numpy().tolist()[0] == ["100002", pd.Timestamp("2024-03-05T17:00Z")]
    assert "100003" not in set(early["case_id"])


def test_times_on_the_clock_of_the_database(home, loaded):
    there = read(home / "csv", timezone="America/New_York")
    moved = there.tables["cases"]["created_at"] - loaded.tables["cases"]["created_at"]
    assert moved.unique().tolist() == [pd.Timedelta("5h")]
    dues = there.tables["due_times"]["due_at"] - loaded.tables["due_times"]["due_at"]
    assert dues.unique().tolist() == [pd.Timedelta("5h")]


@pytest.mark.parametrize("form", ["dump.json", "dump.db"])
def test_all_dumps_give_the_same_tables(home, loaded, form):
    other = read(home / form)
    for name, table in loaded.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)


def test_the_database_gives_the_same_tables_and_only_what_is_named_is_asked_for(mariadb_uri, loaded, monkeypatch):
    uri = create_in_mariadb(mariadb_uri, "osticket", osticket_desk.DDL, osticket_desk.make_rows())
    asked = {}
    relation = export.read_relation

    def spy(uri, table, schema, columns):
        asked[table] = set(columns)
        return relation(uri, table, schema, columns=columns)

    monkeypatch.setattr(export, "read_relation", spy)
    other = load_source(SourceSpec("cases", kind="osticket", database=uri))
    for name, table in loaded.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)
    assert not {"ost_user", "ost_staff"} & set(asked)
    assert not {"poster", "body", "title", "username", "subject", "ip_address"} & set().union(*asked.values())


@pytest.mark.parametrize("prefix", ["", "desk7_"])
def test_the_prefix_of_the_tables_is_the_owner_s(home, loaded, tmp_path, prefix):
    for file in (home / "csv").glob("*.csv"):
        shutil.copy(file, tmp_path / file.name.replace("ost_", prefix, 1))
    pd.testing.assert_frame_equal(read(tmp_path).tables["events"], loaded.tables["events"])


def test_an_older_version_names_the_event_itself(home, loaded, tmp_path):
    names = dict(enumerate(osticket_desk._EVENTS, 1))
    folder = change(home, tmp_path, "ost_thread_event", lambda f: f.assign(
        state=f["event_id"].astype(int).map(names)).drop(columns="event_id"))  # fmt: skip
    (folder / "ost_event.csv").unlink()
    pd.testing.assert_frame_equal(read(folder).tables["events"], loaded.tables["events"])


@pytest.mark.parametrize("table", ["ost_event", "ost_ticket_priority", "ost_ticket__cdata", "ost_department",
                                   "ost_form_field", "ost_thread_entry", "ost_thread_event"])  # fmt: skip
def test_each_table_but_tickets_and_threads_may_be_missing(home, tmp_path, table):
    other = read(change(home, tmp_path, table, lambda f: None))
    assert len(other.tables["cases"]) == 6
    history = case_history(make_log(other)).set_index("case_id")
    ends = history["resolved_at"].fillna(history["closed_at"])
    assert ends["100001"] == pd.Timestamp("2024-03-04T15:00Z")
    if table == "ost_department":
        assert "04 11:00 assigned team: 1 > 2" in story(other, "100004")


@pytest.mark.parametrize(
    ("table", "edit", "said"),
    [
        ("ost_thread", lambda f: None, "cannot be read without the table thread"),
        ("ost_ticket", lambda f: None, "no table of tickets"),
        ("ost_ticket", lambda f: f.drop(columns="dept_id"), "not a table of tickets: it has no column dept_id"),
    ],
)
def test_a_missing_table_or_column_is_named(home, tmp_path, table, edit, said):
    with pytest.raises(InputError, match=said):
        read(change(home, tmp_path, table, edit))


def test_cousins_cut_data_renamed_states_and_tickets_deleted_softly(home, tmp_path):
    def cut(frame):
        long = frame["data"].fillna("").str.startswith('{"status": [')
        return frame.assign(data=frame["data"].mask(long, '{"status": [2, "Reso'))  # at most 1,024 signs are kept

    folder = change(home, tmp_path, "ost_thread_event", cut)
    states = pd.read_csv(folder / "ost_ticket_status.csv", dtype="str")
    names = {"Open": "Offen", "Resolved": "Gelöst", "Warten auf Kunden": "Rückfrage"}
    states.assign(name=states["name"].replace(names)).to_csv(folder / "ost_ticket_status.csv", index=False)
    tickets = pd.read_csv(folder / "ost_ticket.csv", dtype="str")
    tickets["status_id"] = tickets["status_id"].mask(tickets["ticket_id"] == "6", "5")
    tickets.to_csv(folder / "ost_ticket.csv", index=False)
    other = read(folder, kinds={"Rückfrage": "paused"})
    told = story(other, "100001")
    assert [s.split()[2] for s in told if s.split()[2] in ("resolved", "reopened", "closed", "paused")] == [
        "paused", "resolved", "reopened", "resolved",
    ]  # fmt: skip
    assert "04 10:30 status state: - > Rückfrage" in told
    assert ("tickets", 6, "the case was deleted") in refused(other)


def test_priorities_of_edits_in_the_forms_that_versions_write(home, tmp_path):
    for value in ([["Normal", 2], ["Emergency", 4]], [{"2": "Normal"}, {"4": "Emergency"}], [2, 4], ["2", "4"]):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(home / "csv", folder)
        events = pd.read_csv(folder / "ost_thread_event.csv", dtype="str")
        here = events["data"].fillna("").str.contains("fields")
        events.assign(data=events["data"].mask(here, json.dumps({"fields": {"22": value}}))).to_csv(
            folder / "ost_thread_event.csv", index=False
        )
        assert "04 11:10 priority priority: Normal > Emergency" in story(read(folder), "100002")


@pytest.mark.parametrize("column", ["event_id", "data", "uid", "dept_id"])
def test_an_empty_column_of_the_events_loses_no_case(home, tmp_path, column):
    other = read(change(home, tmp_path, "ost_thread_event", lambda f: f.assign(**{column: None})))
    assert len(other.tables["cases"]) == 6


def test_events_of_a_ticket_that_is_missing_are_refused_once_each(home, tmp_path):
    other = read(change(home, tmp_path, "ost_ticket", lambda f: f[f["ticket_id"] != "3"]))
    lost = other.rejected[other.rejected["table"] == "thread_events"]
    assert lost["reason"].unique().tolist() == ["its case is not in the export"]
    assert lost["row"].tolist() == [12, 13, 14, 15]
