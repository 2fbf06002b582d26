"""The audit log of ServiceNow: what changes between rows, and that the columns of the end are never read."""

import io

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.sources.load import load_source
from deskcast.features.sources.servicenow_log import LEAKAGE_COLUMNS
from deskcast.features.sources.spec import SourceSpec

FILE = "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz"
HEAD = (
    "number,incident_state,made_sla,opened_at,sys_updated_at,sys_updated_by,sys_mod_count,priority,assignment_group,"
    "assigned_to,contact_type,category,closed_code,resolved_at\n"
)
ROWS = (
    "7,New,true,1/3/2016 09:00,1/3/2016 09:05,u1,0,3,?,?,Phone,mail,5,2/3/2016 11:00\n"
    "7,Active,true,1/3/2016 09:00,1/3/2016 10:00,u2,1,3,net,?,Phone,mail,5,2/3/2016 11:00\n"
    "7,Awaiting User Info,true,1/3/2016 09:00,1/3/2016 11:00,u2,2,2,net,kim,Phone,disk,5,2/3/2016 11:00\n"
    "7,Awaiting Vendor,true,1/3/2016 09:00,1/3/2016 12:00,u2,3,2,ops,lee,Phone,disk,5,2/3/2016 11:00\n"
    "7,Resolved,true,1/3/2016 09:00,2/3/2016 11:00,u2,4,2,ops,lee,Phone,disk,5,2/3/2016 11:00\n"
    "7,Active,true,1/3/2016 09:00,13/3/2016 11:00,u2,5,2,ops,lee,Phone,disk,5,2/3/2016 11:00\n"
    "7,Resolved,true,1/3/2016 09:00,14/3/2016 11:00,u2,6,2,ops,lee,Phone,disk,5,2/3/2016 11:00\n"
    "7,Closed,false,1/3/2016 09:00,19/3/2016 12:00,sys,7,2,ops,lee,Phone,disk,5,2/3/2016 11:00\n"
)


def load(tmp_path, text=HEAD + ROWS, **settings):
    (tmp_path / "log.csv").write_text(text)
    return load_source(SourceSpec("cases", "log.csv", kind="servicenow", **settings), tmp_path)


def kinds_at(events, at):
    return events.loc[events["at"] == pd.Timestamp(at, tz="UTC"), "kind"].tolist()


def test_events_are_what_changed_between_rows(tmp_path):
    events = load(tmp_path).tables["events"]
    assert kinds_at(events, "2016-03-01 09:00") == ["created"]
    assert kinds_at(events, "2016-03-01 09:05") == ["status"]
    assert kinds_at(events, "2016-03-01 10:00") == ["status", "assigned"]
    assert kinds_at(events, "2016-03-01 11:00") == ["status", "priority", "assigned", "paused"]
    # it stays paused, but waits for another: its hours are told apart
    assert kinds_at(events, "2016-03-01 12:00") == ["status", "assigned", "assigned", "paused"]
    assert kinds_at(events, "2016-03-02 11:00") == ["status", "resumed", "resolved"]
    assert kinds_at(events, "2016-03-13 11:00") == ["status", "reopened"]
    assert kinds_at(events, "2016-03-19 12:00") == ["status", "field", "closed"]
    flag = events[events["kind"] == "field"].iloc[0]
    assert (flag["field"], flag["old"], flag["new"]) == ("made_sla", "true", "false")
    teams = events[events["field"] == "team"]
    assert teams[["old", "new", "team"]].astype(object).where(lambda f: f.notna(), None).to_numpy().tolist() == [
        [None, "net", "net"],
        ["net", "ops", "ops"],
    ]


def test_a_case_knows_only_its_first_row(tmp_path):
    case = load(tmp_path).tables["cases"].iloc[0]
    assert (case["channel"], case["product"], case["priority"]) == ("Phone", "mail", "3")
    assert pd.isna(case["team"])
    assert case["created_at"] == pd.Timestamp("2016-03-01T09:00Z")
    assert not set(LEAKAGE_COLUMNS) & set(case.index)


def test_rows_may_come_in_any_order(tmp_path):
    lines = ROWS.splitlines(keepends=True)
    usual, mixed = load(tmp_path).tables, load(tmp_path, HEAD + "".join(reversed(lines))).tables
    for name in usual:
        pd.testing.assert_frame_equal(usual[name], mixed[name])


def test_a_state_that_is_none_changes_nothing(tmp_path):
    text = HEAD + ROWS.replace(
        "7,Active,true,1/3/2016 09:00,1/3/2016 10:00", "7,-100,true,1/3/2016 09:00,1/3/2016 10:00"
    )
    assert kinds_at(load(tmp_path, text).tables["events"], "2016-03-01 10:00") == ["assigned"]


def test_states_and_columns_can_be_named(tmp_path):
    text = HEAD.replace("category", "kategorie") + ROWS.replace("Resolved", "Erledigt")
    loaded = load(tmp_path, text, columns={"product": "kategorie"}, kinds={"Erledigt": "resolved"})
    assert loaded.tables["cases"]["product"].tolist() == ["mail"]
    assert (loaded.tables["events"]["kind"] == "resolved").sum() == 2


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        (HEAD.replace("opened_at", "open") + ROWS, {}, "column 'created_at': missing column"),
        (HEAD + ROWS, {"columns": {"produkt": "category"}}, "no such column.*did you mean 'product'"),
        (HEAD + ROWS, {"columns": {"product": "categry"}}, "no column 'categry'.*did you mean 'category'"),
        (HEAD + ROWS, {"kinds": {"New": "fresh"}}, "unknown meaning of a state; got 'fresh'"),
        (HEAD + ROWS.replace("/3/2016", "th of March"), {}, "not a valid time in any row of the column"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, settings, words):
    with pytest.raises(InputError, match=words):
        load(tmp_path, text, **settings)


def test_refused_rows_are_named(tmp_path):
    extra = ROWS.splitlines()[0]
    text = HEAD + ROWS + extra.replace("7,New", "?,New") + "\n" + extra.replace("1/3/2016 09:05", "later") + "\n"
    refused = load(tmp_path, text).rejected
    assert refused[["row", "column", "reason"]].to_numpy().tolist() == [
        [9, "number", "missing id"],
        [10, "sys_updated_at", "the time cannot be read"],
    ]


@pytest.fixture(scope="module")
def incidents(shared_data):
    return load_source(SourceSpec("cases", str(shared_data(FILE)), kind="servicenow"))


def test_counts_of_the_real_log(incidents):
    cases, events = incidents.tables["cases"], incidents.tables["events"]
    assert len(cases) == 17_136
    assert len(incidents.rejected) == 0
    closed = events[events["kind"] == "closed"].groupby("case_id")["seq"].max()
    assert len(closed) == 17_136
    flags = events[(events["field"] == "made_sla")].groupby("case_id")["new"].last()
    assert (flags == "false").sum() / 17_136 == pytest.approx(0.428, abs=0.0005)  # as the data's description counts
    assert (events["at"] >= events["case_id"].map(cases.set_index("case_id")["created_at"])).all()


def test_the_columns_of_the_end_change_nothing(incidents, shared_data, tmp_path):
    frame = pd.read_csv(shared_data(FILE), dtype="str", keep_default_na=False)
    frame.loc[:, ["resolved_at", "closed_at", "closed_code", "resolved_by"]] = "?"
    frame.to_csv(tmp_path / "blind.csv", index=False)
    blind = load_source(SourceSpec("cases", "blind.csv", kind="servicenow"), tmp_path)
    for name in ("cases", "events"):
        one, two = io.BytesIO(), io.BytesIO()
        incidents.tables[name].to_parquet(one)
        blind.tables[name].to_parquet(two)
        assert one.getvalue() == two.getvalue()
    assert blind.attributes == incidents.attributes
