"""The log as it stood: nothing later is visible, whatever column it hides in."""

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog, conform_frame
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from deskcast.features.kpis.kpi_history import kpi_history
from hypothesis import given, settings
from hypothesis import strategies as st


def instants(*texts):
    return pd.to_datetime(list(texts), utc=True)


@pytest.fixture(scope="module")
def log():
    return CaseLog.from_frames(
        cases=pd.DataFrame(
            {
                "case_id": ["1", "2"],
                "created_at": instants("2024-03-01T09:00", "2024-03-02T09:00"),
                "account": ["a", "b"],
                "closed_code": ["fixed", "gone"],
            }
        ),
        events=pd.DataFrame(
            {
                "case_id": ["1", "1", "1"],
                "at": instants("2024-03-01T09:00", "2024-03-01T10:00", "2024-03-03T09:00"),
                "recorded_at": [pd.NaT, pd.Timestamp("2024-03-04T00:00Z"), pd.NaT],
                "kind": ["created", "message", "closed"],
            }
        ),
        contacts=pd.DataFrame(
            {
                "contact_id": ["c"],
                "queued_at": instants("2024-03-01T09:00"),
                "answered_at": instants("2024-03-01T09:05"),
                "ended_at": instants("2024-03-01T09:20"),
                "outcome": ["answered"],
                "agent_id": ["x"],
            }
        ),
        surveys=pd.DataFrame(
            {
                "survey_id": ["s"],
                "kind": ["csat"],
                "case_id": ["1"],
                "offered_at": instants("2024-03-03T10:00"),
                "responded_at": instants("2024-03-05T10:00"),
                "score": [5.0],
            }
        ),
        article_views=pd.DataFrame(
            {
                "session_id": ["v"],
                "article_id": ["help"],
                "viewed_at": instants("2024-03-02T08:00"),
                "read_s": [600.0],
                "case_id": ["2"],
            }
        ),
        volumes=pd.DataFrame(
            {"unique_id": ["all"], "ds": instants("2024-03-01T09:00"), "slot_s": [1800.0], "y": [7.0]}
        ),
        until="2024-03-10T00:00Z",
        attributes={"account": "creation"},
    )


def test_a_row_is_hidden_until_it_is_known(log):
    early = log.as_of("2024-03-01T12:00Z")
    assert early.frame("cases")["case_id"].tolist() == ["1"]
    assert early.frame("events")["kind"].tolist() == ["created"]  # the message was recorded days later
    assert log.as_of("2024-03-04T12:00Z").frame("events")["kind"].tolist() == ["created", "message", "closed"]


def test_an_answer_is_missing_until_it_is_given(log):
    assert log.as_of("2024-03-04T00:00Z").frame("surveys")["score"].isna().all()
    assert log.as_of("2024-03-06T00:00Z").frame("surveys")["score"].tolist() == [5.0]


def test_a_call_in_progress_shows_what_is_known_of_it(log):
    talking = log.as_of("2024-03-01T09:10Z").frame("contacts").iloc[0]
    assert talking["agent_id"] == "x"
    assert pd.isna(talking["ended_at"])
    assert pd.isna(talking["outcome"])
    assert log.as_of("2024-03-01T09:01Z").frame("contacts")["agent_id"].isna().all()


def test_outcome_attributes_wait_for_the_closing(log):
    before = log.as_of("2024-03-02T12:00Z").frame("cases").sort_values("case_id")
    assert before["account"].tolist() == ["a", "b"]
    assert before["closed_code"].isna().all()
    after = log.as_of("2024-03-03T12:00Z").frame("cases").set_index("case_id")["closed_code"]
    assert after["1"] == "fixed"
    assert pd.isna(after["2"])


def test_a_reading_ends_later_than_it_begins_and_leads_to_no_unborn_case(log):
    view = log.as_of("2024-03-02T08:05Z").frame("article_views").iloc[0]
    assert pd.isna(view["read_s"])
    assert pd.isna(view["case_id"])
    view = log.as_of("2024-03-02T10:00Z").frame("article_views").iloc[0]
    assert (view["read_s"], view["case_id"]) == (600.0, "2")


def test_a_slot_counts_when_it_is_over(log):
    assert log.as_of("2024-03-01T09:29Z").frame("volumes").empty
    assert len(log.as_of("2024-03-01T09:30Z").frame("volumes")) == 1


@settings(max_examples=25, deadline=None)
@given(first=st.integers(0, 9 * 24), second=st.integers(0, 9 * 24))
def test_looking_back_twice_is_looking_back_once(log, first, second):
    start = pd.Timestamp("2024-03-01T00:00Z")
    early, late = sorted([start + pd.Timedelta(hours=first), start + pd.Timedelta(hours=second)])
    twice, once = log.as_of(late).as_of(early), log.as_of(early)
    assert twice.until == once.until
    for name in log.tables:
        pd.testing.assert_frame_equal(*(_sorted(x.frame(name)) for x in (twice, once)))


def _sorted(frame):
    return frame.sort_values(list(frame.columns), ignore_index=True)


def test_an_unnamed_attribute_counts_as_outcome(log):
    assert log.attributes == {"account": "creation", "closed_code": "outcome"}


def test_instants_without_a_zone_are_read_on_the_desks_clock():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": instants("2024-07-01T08:30")})
    log = CaseLog.from_frames(cases=cases, timezone="Europe/Lisbon", until="2024-08-01T00:00Z")
    assert log.as_of("2024-07-01 09:00").until == pd.Timestamp("2024-07-01T08:00Z")


@pytest.mark.parametrize(
    ("name", "frame", "message"),
    [
        ("case", pd.DataFrame(), "unknown canonical table 'case' .did you mean 'cases'"),
        ("cases", pd.DataFrame({"case_id": ["1"]}), "column 'created_at': missing column"),
        (
            "cases",
            pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "soon"]}),
            "column 'created_at', row 2: not a valid value; got 'soon'",
        ),
        (
            "cases",
            pd.DataFrame({"case_id": ["1"], "created_at": pd.to_datetime(["2024-03-01"])}),
            "the times have no zone",
        ),
        (
            "cases",
            pd.DataFrame({"case_id": [None], "created_at": ["2024-03-01T09:00Z"]}),
            "column 'case_id', row 1: missing value",
        ),
        (
            "surveys",
            pd.DataFrame(
                {"survey_id": ["1"], "kind": ["csat"], "offered_at": ["2024-03-01T09:00Z"], "problem_solved": ["maybe"]}
            ),
            "got 'maybe', expected true or false",
        ),
    ],
)
def test_bad_tables_are_named(name, frame, message):
    with pytest.raises(InputError, match=message):
        conform_frame(name, frame)


def test_unknown_table_and_empty_log():
    with pytest.raises(InputError, match="no table 'events'"):
        CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": instants("2024-03-01T09:00")})).table(
            "events"
        )
    with pytest.raises(InputError, match="the log has no rows"):
        CaseLog.from_frames(cases=pd.DataFrame({"case_id": [], "created_at": []}))


def test_an_instant_on_the_day_of_the_clock_change():
    frame = pd.DataFrame({"case_id": ["1"], "created_at": instants("2012-03-01T09:00")})
    log = CaseLog.from_frames(cases=frame, until="2014-01-01T00:00Z", timezone="Europe/Athens")
    assert log.as_of("2013-03-31 03:30").until == pd.Timestamp("2013-03-31T01:00Z")  # the clock skips it
    assert log.as_of("2013-10-27 03:30").until == pd.Timestamp("2013-10-27T00:30Z")  # the clock has it twice


def test_a_column_that_differs_in_capitals_only_keeps_a_name_of_its_own():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": instants("2024-03-01T09:00"), "Status": ["Done"]})
    events = pd.DataFrame({"case_id": ["1"], "at": instants("2024-03-01T10:00"), "kind": ["closed"]})
    both = cases.assign(STATUS="x", plan="gold")
    log = CaseLog.from_frames(cases=both, events=events, attributes={"Status": "creation", "plan": "creation"})
    row = case_history(log).iloc[0]
    assert (row["Status (export)"], row["STATUS (export) (export)"], row["plan"]) == ("Done", "x", "gold")
    assert log.attributes["Status (export)"] == "creation"
    assert kpi_history(log, ["cases_opened"], ["Status (export)"]) is not None


def test_bad_instant():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": instants("2024-07-01T08:30")})
    with pytest.raises(InputError, match="not a valid instant; got 'whenever'"):
        CaseLog.from_frames(cases=cases).as_of("whenever")


def test_events_get_a_running_number_in_the_order_of_time():
    events = pd.DataFrame(
        {
            "case_id": ["2", "1", "1"],
            "at": instants("2024-03-01T09:00", "2024-03-02T09:00", "2024-03-01T09:00"),
            "kind": ["created", "closed", "created"],
        }
    )
    got = conform_frame("events", events)
    assert got[["case_id", "seq", "kind"]].to_numpy().tolist() == [
        ["1", 0, "created"],
        ["1", 1, "closed"],
        ["2", 0, "created"],
    ]


def test_the_engine_fetches_nothing_and_keeps_utc(log):
    ask = log.table("cases").get_backend().raw_sql
    settings = ask("select current_setting('autoinstall_known_extensions'), current_setting('TimeZone')").fetchall()
    assert settings == [(False, "UTC")]
