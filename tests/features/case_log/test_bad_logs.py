"""Bad input: counted and named, or refused with a clear error; never a wrong number."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from deskcast.features.kpis.case_flow import compute_case_flow
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.sla.milestones import milestones
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import check_stage

CASES = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-02T09:00Z", "2024-03-02T10:00Z"]})


def happened(*rows):
    events = pd.DataFrame(rows, columns=["case_id", "at", "kind"])
    return events.assign(at="2024-03-0" + events["at"] + ":00Z", actor_role="agent")


def log_of(*rows, **more):
    return CaseLog.from_frames(cases=CASES, events=happened(*rows), until="2024-03-06T00:00Z", **more)


ONE = happened(("1", "2T11:00", "escalated"), ("1", "2T11:00", "escalated"), ("2", "2T12:00", "resolved"))
SURVEY = {"kind": "csat", "offered_at": "2024-03-02T12:00Z", "responded_at": "2024-03-02T13:00Z", "score": 1.0}


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ({"cases": pd.concat([CASES, CASES])}, r"cases: column 'case_id', row 3: duplicate row; got '1' \(2 in"),
        ({"events": ONE.assign(seq=[0, 0, 0])}, "row 2: duplicate row; got '1, 0'"),
        ({"events": ONE.assign(kind="Resolvd")}, "column 'kind', row 1: unknown value; got 'Resolvd'.*'resolved'"),
        ({"events": ONE.assign(actor_role="Agent")}, "column 'actor_role', row 1: unknown value.*did you mean 'agent'"),
        ({"surveys": pd.DataFrame([{"survey_id": "s", **SURVEY}] * 2)}, "surveys: .*duplicate row; got 's'"),
        ({"timezone": "Mars/Base"}, "unknown time zone; got 'Mars/Base'"),
        ({"events": ONE.assign(at="2024-03-02 11:00")}, None),
        ({"events": ONE.assign(at="at noon")}, "column 'at', row 1: not a valid value"),
    ],
)
def test_what_cannot_be_counted_is_refused(frames, words):
    given = {"cases": CASES} | frames
    if words is None:  # text without a zone is read as UTC
        assert CaseLog.from_frames(**given).until == pd.Timestamp("2024-03-02T11:00Z")
        return
    with pytest.raises(InputError, match=words):
        CaseLog.from_frames(**given)


def test_a_late_end_or_reply_before_the_creation_is_no_duration():
    log = log_of(("1", "1T09:00", "message"), ("1", "1T09:00", "resolved"), ("2", "3T10:00", "resolved"))
    told = case_history(log).set_index("case_id")
    assert told.loc["1", ["first_response_s", "resolution_s", "age_s"]].isna().all()
    spent = kpi_history(log, ["resolution_time", "first_response_time", "first_resolution_time"])
    first = spent[spent["ds"] == pd.Timestamp("2024-03-02")].set_index("kpi")
    assert first.loc["resolution_time", ["n", "value"]].tolist() == [1, 86400]
    assert first.loc["first_resolution_time", "n"] == 1
    assert not (spent[["value", "mean", "p90"]] < 0).any(axis=None)
    daily = compute_case_flow(log)  # it left the backlog as soon as it came, and not the day before
    assert daily["backlog"].tolist() == [1, 0, 0, 0]
    assert kpi_history(log, "backlog")["value"].tolist() == [1, 0, 0, 0]


def test_a_clock_that_ran_backwards_by_seconds_is_forgiven():
    events = happened(("1", "2T09:00", "message"), ("2", "3T10:00", "resolved"))
    events["at"] = pd.to_datetime(events["at"]) - pd.Timedelta(seconds=30)
    told = case_history(CaseLog.from_frames(cases=CASES, events=events)).set_index("case_id")
    assert told.loc["1", "first_response_s"] == 0
    assert told.loc["2", "resolution_s"] == 86400 - 30


def test_events_whose_numbers_run_against_their_times_go_by_their_times():
    events = happened(("1", "4T09:00", "resolved"), ("1", "3T09:00", "reopened"), ("1", "2T10:00", "resolved"))
    log = CaseLog.from_frames(cases=CASES, events=events.assign(seq=[1, 2, 3]), until="2024-03-06T00:00Z")
    told = case_history(log).set_index("case_id").loc["1"]
    assert (told["resolution_s"], told["reopens"]) == (2 * 86400, 1)


def test_events_contacts_and_surveys_of_unknown_cases_change_no_case():
    surveys = pd.DataFrame([{"survey_id": "a", "case_id": "9", **SURVEY}, {"survey_id": "b", "case_id": "1", **SURVEY}])
    contacts = pd.DataFrame({"contact_id": ["k"], "case_id": ["9"], "queued_at": ["2024-03-02T12:00Z"]})
    cases = CASES.assign(region="north", customer_id=["u", "v"])
    events = happened(("9", "2T11:00", "resolved"), ("1", "3T09:00", "resolved"))
    log = CaseLog.from_frames(cases=cases, events=events, surveys=surveys, contacts=contacts, until="2024-03-06T00:00Z")
    assert case_history(log)["case_id"].tolist() == ["1", "2"]
    assert kpi_history(log, "cases_resolved")["value"].sum() == 1
    parts = kpi_history(log, "csat", by="region").groupby("region")["n"].sum()
    assert parts.to_dict() == {"(missing)": 1, "north": 1}
    assert kpi_history(log, "csat")["n"].sum() == 2


def test_contacts_whose_times_run_backwards_count_as_offered_and_as_nothing_else():
    times = {"queued_at": "2024-03-02T12:00Z", "answered_at": "2024-03-02T11:00Z", "ended_at": "2024-03-02T10:00Z"}
    contacts = pd.DataFrame([{"contact_id": "k", "outcome": "answered", "wrap_s": 5.0, **times}])
    log = CaseLog.from_frames(contacts=contacts, until="2024-03-03T00:00Z")
    told = kpi_history(log).set_index("kpi")["n"]
    assert told[["contacts_offered", "service_level", "answer_time", "handle_time"]].tolist() == [1, 0, 0, 0]


def test_a_stretch_of_time_that_ends_before_it_starts_is_refused():
    start, end = "2024-03-02T12:00Z", "2024-03-02T14:00Z"
    rows = [("b", start, end, "handling"), ("a", end, start, "handling")]
    time = pd.DataFrame(rows, columns=["agent_id", "start", "end", "state"])
    with pytest.raises(InputError, match="agent_time: column 'end', row 2: the row ends before it starts"):
        CaseLog.from_frames(cases=CASES, agent_time=time, until="2024-03-03T00:00Z")


def test_a_merged_case_is_neither_open_nor_resolved():
    log = log_of(("1", "3T09:00", "merged"), ("1", "3T09:00", "closed"), ("2", "4T10:00", "resolved"))
    assert kpi_history(log, "backlog")["value"].tolist() == [2, 1, 0, 0]
    assert kpi_history(log, "cases_resolved")["value"].sum() == 1
    row = kpi_history(log, "resolution_time").iloc[0]
    assert (row["n"], row["numerator"]) == (2, 1)


def test_calendars_with_holidays_that_overlap_and_calendars_that_are_never_open():
    hours = {"mon-fri": ["09:00-17:00"]}
    twice = BusinessCalendar.from_hours("Europe/Lisbon", hours, holidays=["PT", "2024-05-01", "2024-05-01"])
    once = BusinessCalendar.from_hours("Europe/Lisbon", hours, holidays="PT")
    span = [pd.Timestamp("2024-04-29T00:00Z")], [pd.Timestamp("2024-05-04T00:00Z")]
    assert twice.seconds_between(*span).tolist() == once.seconds_between(*span).tolist() == [4 * 8 * 3600]
    for never in ({}, {"mon": []}):
        with pytest.raises(InputError, match="never open"):
            BusinessCalendar.from_hours("UTC", never)
    with pytest.raises(InputError, match="did you mean 'Europe/Lisbon'"):
        BusinessCalendar.from_hours("Europe/Lissabon", hours)


def test_a_policy_without_its_calendar_is_refused():
    policy = {"policy": "p", "metric": "resolution", "target_s": 60.0, "clock": "business", "calendar": "ofice"}
    office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    log = log_of(("1", "3T09:00", "closed"), sla_policies=pd.DataFrame([policy]), calendars={"office": office})
    for ask in (lambda: milestones(log), lambda: kpi_history(log, "sla_attainment")):
        with pytest.raises(InputError, match=r"row 1.*calendar.*did you mean 'office'"):
            ask()


@pytest.fixture
def files(tmp_path):
    """Write a small table of cases and one of events, with everything that can be wrong."""
    cases = ["id,opened", "1,2024-03-02 09:00", "1,2024-03-02 09:00", "2,2024-03-02 10:00", "3,sometime"]
    events = [
        "id,when,what",
        "1,2024-03-03 09:00,resolved",
        "1,2024-03-03 09:00,resolved",
        "2,2024-03-01 10:00,resolved",
    ]
    events += ["9,2024-03-03 10:00,resolved", "2,2024-03-04 10:00,unheard"]
    (tmp_path / "cases.csv").write_text("\n".join(cases))
    (tmp_path / "events.csv").write_text("\n".join(events))
    text = """
timezone = "Europe/Lisbon"
[source.cases]
path = "cases.csv"
columns = { case_id = "id", created_at = "opened" }
[source.events]
path = "events.csv"
columns = { case_id = "id", at = "when", kind = "what" }
"""
    path = tmp_path / "deskcast.toml"
    path.write_text(text)
    return path, text


def test_the_check_counts_and_names_what_is_wrong(files):
    path, _ = files
    stage = check_stage(open_project(path))
    said = " ".join(stage.findings) + " ".join(stage.tables["checks"]["result"])
    assert "1 row, duplicate case id" in said
    assert "the time cannot be read" in said
    assert "events before their creation" in said
    assert "no row in the table of cases" in said
    assert "unheard" in said
    told = case_history(open_project(path).log).set_index("case_id")
    assert told.index.tolist() == ["1", "2"]
    assert told.loc["1", "resolution_s"] == 86400
    assert np.isnan(told.loc["2", "resolution_s"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[calendar.office]\nopen = {}\n", "never open"),
        ('[calendar.office]\nopen = { mon = ["09:00-17:00"] }\ntimezone = "Europe/Lissabon"\n', "unknown time zone"),
        (
            '[[sla]]\nmetric = "resolution"\ntarget = "1h"\nclock = "business"\ncalendar = "office"\n',
            "unknown calendar",
        ),
        ('[history]\nkpis = ["resolved_within_soon"]\n', "unknown KPI"),
        ('[history]\nrepeat = "7"\n', "not a valid duration"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(files, more, words):
    path, text = files
    path.write_text(text + more)
    with pytest.raises(InputError, match=words):
        check_stage(open_project(path))
