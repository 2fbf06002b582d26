"""GLPI: a small installation in dumped tables, and on a real server where there is one; values worked out by hand."""

import glpi_desk
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
    return write_dumps(glpi_desk.DDL, glpi_desk.make_rows(), tmp_path_factory.mktemp("glpi"))


@pytest.fixture(scope="module")
def loaded(home):
    return read(home / "csv")


def read(place, **settings):
    return load_source(SourceSpec("cases", str(place), kind="glpi", **settings))


def test_the_story_of_a_ticket_that_waited(loaded):
    assert story(loaded, "1") == [
        "04 09:00 status state: - > new",
        "04 09:00 assigned team: - > First line",
        "04 10:00 message agent public",
        "04 10:00 assigned agent: - > 11",
        "04 10:00 status state: new > processing (assigned)",
        "04 11:00 status state: processing (assigned) > pending",
        "04 11:00 paused",
        "04 12:00 message customer public",
        "04 12:00 status state: pending > processing (assigned)",
        "04 12:00 resumed",
        "04 13:00 message agent public",  # the solution
        "04 13:00 status state: processing (assigned) > solved",
        "04 13:00 resolved",
        "05 13:00 status state: solved > closed",
        "05 13:00 closed",
    ]


def test_teams_labels_and_reopenings(loaded):
    moved = story(loaded, "3")
    assert "04 11:00 assigned team: First line > IT > Field" in moved  # taken away and added within one second
    assert "04 11:00 priority priority: 3 medium > 5 very high" in moved
    assert "04 11:00 field product: Network > Hardware > Screen" in moved  # by its id, whatever language the log is in
    assert [s for s in moved if s.split()[2] in ("resolved", "reopened")] == [
        "05 09:00 resolved", "05 12:00 reopened", "06 09:00 resolved",
    ]  # fmt: skip
    assert story(loaded, "2") == [
        "04 09:30 status state: - > new", "04 09:40 message agent internal", "04 10:40 message customer public",
    ]  # fmt: skip
    cases = loaded.tables["cases"].set_index("case_id")
    first = ["channel", "product", "region", "case_type", "priority", "customer_id", "team"]
    assert cases.loc["3", first].tolist() == [
        "Helpdesk", "Network", "Desk > Site 1", "incident", "3 medium", "103", "First line",
    ]  # fmt: skip
    assert cases.loc["6", "case_type"] == "request"
    assert loaded.attributes == {"action_time_s": "outcome"}


def test_what_is_no_case_is_counted_by_name(loaded):
    assert refused(loaded) == [
        ("logs", 23, "its case was rejected or deleted"),
        ("logs", 24, "its case was rejected or deleted"),
        ("tickets", 4, "the case was deleted"),
    ]
    assert set(loaded.rejected["code"]) == {"row.orphan", "row.deleted"}


def test_case_by_case_and_kpis_by_hand(loaded):
    log = make_log(loaded)
    history = case_history(log).set_index("case_id")
    hour = 3600.0
    assert (history["first_response_s"].dropna() / hour).to_dict() == {"1": 1.0, "3": 23.0}
    assert (history["resolution_s"].dropna() / hour).to_dict() == {"1": 4.0, "3": 47.0, "5": 2.0}
    assert history.index[history["is_open"]].tolist() == ["2", "6"]
    assert history.loc["1", "pending_s"] == hour
    assert history.loc["6", "on_hold_s"] > 0  # an approval waits for others than the customer
    names = {"cases_opened": 5, "cases_resolved": 3, "backlog": 2, "reopen_rate": 1 / 3, "transfer_rate": 1 / 3,
             "csat": 1.0, "survey_response_rate": 1 / 2}  # fmt: skip
    found = kpi_history(log, list(names), freq="MS")
    assert found[found["ds"] == pd.Timestamp("2024-03-01")].set_index("kpi")["value"].to_dict() == pytest.approx(names)


def test_due_times_since_the_log_proves_them_and_never_before(loaded):
    clock = lambda t: f"{t:%d %H:%M}" if pd.notna(t) else None  # noqa: E731
    said = [(r.case_id, r.metric, clock(r.due_at), clock(r.set_at)) for r in loaded.tables["due_times"].itertuples()]
    assert said == [
        ("1", "first_response", "04 11:00", "04 09:00"),
        ("1", "resolution", "04 17:00", "04 09:00"),  # what the log says that it was before
        ("1", "resolution", "04 18:00", "04 12:00"),
        ("2", "resolution", "05 09:30", "04 09:30"),
        ("5", "resolution", "04 12:00", None),  # nothing of its log is left
    ]
    early = due_time_table(make_log(loaded).as_of(pd.Timestamp("2024-03-04T11:30Z")))
    assert early["due_at"].max() == pd.Timestamp("2024-03-05T09:30Z")
    assert (early["case_id"] != "5").all()
    assert (early["due_at"] != pd.Timestamp("2024-03-04T18:00Z")).all()


def test_the_log_on_the_clock_of_the_application(home):
    lisbon, tokyo = (read(home / "csv", timezone=z).tables["due_times"] for z in ("Europe/Lisbon", "Asia/Tokyo"))
    assert (lisbon["due_at"] - tokyo["due_at"]).unique().tolist() == [pd.Timedelta("9h")]


@pytest.mark.parametrize("form", ["dump.json", "dump.db"])
def test_all_dumps_give_the_same_tables(home, loaded, form):
    other = read(home / form)
    for name, table in loaded.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)


def test_the_database_gives_the_same_tables_and_only_what_is_named_is_asked_for(mariadb_uri, loaded, monkeypatch):
    uri = create_in_mariadb(mariadb_uri, "glpi", glpi_desk.DDL, glpi_desk.make_rows())
    asked = {}
    relation = export.read_relation

    def spy(uri, table, schema, columns):
        asked[table] = set(columns)
        return relation(uri, table, schema, columns=columns)

    monkeypatch.setattr(export, "read_relation", spy)
    other = load_source(SourceSpec("cases", kind="glpi", database=uri))
    for name, table in loaded.tables.items():
        pd.testing.assert_frame_equal(other.tables[name], table)
    assert "glpi_users" not in asked
    assert not {"name", "content", "alternative_email", "comment", "address"} & asked["glpi_tickets"]


def test_an_older_version_without_roles_in_its_log(home, loaded, tmp_path):
    asked = {"id": 90, "itemtype": "Ticket", "items_id": 1, "itemtype_link": "User", "linked_action": 15,
             "user_name": "Ann Agent (11)", "date_mod": "2024-03-04 09:30:00", "id_search_option": 4, "old_value": "",
             "new_value": "Person 1 (101)"}  # fmt: skip

    def edit(frame):
        whole = pd.concat([frame, pd.DataFrame([asked]).astype("str")])
        number = whole["id_search_option"].where(~whole["linked_action"].isin(["15", "16"]), "0")
        return whole.assign(id_search_option=number)

    folder = change(home, tmp_path, "glpi_logs", edit)
    followups = pd.read_csv(folder / "glpi_itilfollowups.csv", dtype="str")
    old = followups[followups["itemtype"] == "Ticket"].drop(columns=["itemtype"])
    old.rename(columns={"items_id": "tickets_id"}).to_csv(folder / "glpi_ticketfollowups.csv", index=False)
    (folder / "glpi_itilfollowups.csv").unlink()
    other = read(folder)
    assert [s for s in story(other, "1") if "message" in s] == [s for s in story(loaded, "1") if "message" in s]
    assert "04 09:00 assigned team: - > First line" in story(other, "1")  # who asks today was not assigned
    assert [s for s in story(other, "1") if "agent:" in s] == ["04 10:00 assigned agent: - > 11"]


@pytest.mark.parametrize("table", ["glpi_logs", "glpi_groups", "glpi_tickets_users", "glpi_itilsolutions",
                                   "glpi_ticketsatisfactions", "glpi_entities", "glpi_groups_tickets"])  # fmt: skip
def test_each_table_but_the_tickets_may_be_missing(home, tmp_path, table):
    other = read(change(home, tmp_path, table, lambda f: None))
    assert len(other.tables["cases"]) == 5
    history = case_history(make_log(other)).set_index("case_id")
    assert history.loc["1", "resolved_at"] == pd.Timestamp("2024-03-04T13:00Z")
    if table == "glpi_logs":
        assert other.tables["due_times"]["set_at"].isna().all()


@pytest.mark.parametrize(
    ("table", "edit", "said"),
    [
        ("glpi_tickets", lambda f: None, "no table of tickets"),
        ("glpi_tickets", lambda f: f.drop(columns="date"), "not a table of tickets: it has no column date"),
        ("glpi_logs", lambda f: f.drop(columns="id_search_option"), "not a table of logs: it has no column id_search_"),
    ],
)
def test_a_missing_table_or_column_is_named(home, tmp_path, table, edit, said):
    with pytest.raises(InputError, match=said):
        read(change(home, tmp_path, table, edit))


def test_cousins_numbers_as_fractions_zero_dates_stars_and_unknown_states(home, tmp_path):
    def edit(frame):
        frame["status"] = (frame["status"] + ".0").where(frame["id"] != "6", "14")
        frame["time_to_own"] = frame["time_to_own"].fillna("0000-00-00 00:00:00")
        return frame.assign(id=frame["id"] + ".0")

    folder = change(home, tmp_path, "glpi_tickets", edit)
    stars = pd.read_csv(folder / "glpi_ticketsatisfactions.csv", dtype="str")
    stars.assign(satisfaction=stars["satisfaction"].mask(stars["id"] == "1", "0")).to_csv(
        folder / "glpi_ticketsatisfactions.csv", index=False
    )
    other = read(folder)
    assert other.tables["cases"]["case_id"].tolist() == ["1", "2", "3", "5", "6"]
    assert (other.tables["due_times"]["metric"] == "first_response").sum() == 1
    assert other.tables["surveys"]["score"].dropna().tolist() == [1.0]
    assert any("states that nobody knows count as open: '14'" in n for n in other.notes)


@pytest.mark.parametrize("column", ["old_value", "new_value", "user_name", "itemtype_link"])
def test_an_empty_column_of_the_log_loses_no_case(home, tmp_path, column):
    other = read(change(home, tmp_path, "glpi_logs", lambda f: f.assign(**{column: None})))
    assert len(other.tables["cases"]) == 5


def test_changes_of_a_ticket_that_was_deleted_are_refused_once_each(home, tmp_path):
    other = read(change(home, tmp_path, "glpi_tickets", lambda f: f.assign(
        is_deleted=f["is_deleted"].mask(f["id"] == "3", "1"))))  # fmt: skip
    lost = other.rejected[other.rejected["table"] == "logs"]
    assert lost["row"].is_unique
    assert lost["row"].tolist() == list(range(12, 25))
