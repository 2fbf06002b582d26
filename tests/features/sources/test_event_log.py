"""An event log: activities to kinds, cases from first rows, pauses that end."""

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXT = (
    "case,when,what,who,team,plan\n"
    "A,2024-03-01 09:00,Open,ann,first,gold\n"
    "A,2024-03-01 10:00,Wait,ann,first,gold\n"
    "A,2024-03-01 11:00,Wait,ann,first,gold\n"
    "A,2024-03-01 12:00,Reassign,bob,second,gold\n"
    "A,2024-03-02 09:00,Mail,bob,second,gold\n"
    "A,2024-03-02 09:30,Solve,bob,second,gold\n"
    "B,2024-03-01 08:00,Tinker,,first,\n"
)
COLUMNS = {"case_id": "case", "at": "when", "activity": "what", "actor_id": "who", "team": "team"}
KINDS = {"Open": "created", "Wait": "paused", "Reassign": "assigned", "Mail": "reply", "Solve": "resolved"}


def load(tmp_path, text=TEXT, **settings):
    (tmp_path / "log.csv").write_text(text)
    given = {"columns": COLUMNS, "kinds": KINDS, **settings}
    return load_source(SourceSpec("events", "log.csv", **given), tmp_path)


def test_activities_become_kinds_and_the_rest_stays_a_field(tmp_path):
    events = load(tmp_path).tables["events"]
    a = events[events["case_id"] == "A"]
    assert a["kind"].tolist() == ["created", "field", "paused", "paused", "resumed", "assigned", "message", "resolved"]
    assert a["seq"].tolist() == list(range(8))
    field = events[(events["case_id"] == "B") & (events["kind"] == "field")].iloc[0]
    assert (field["field"], field["new"]) == ("activity", "Tinker")


def test_an_assignment_says_to_whom_and_a_reply_who_sees_it(tmp_path):
    events = load(tmp_path).tables["events"].set_index("kind")
    assert (events.loc["assigned", "new"], events.loc["assigned", "team"]) == ("second", "second")
    assert (events.loc["message", "actor_role"], events.loc["message", "public"]) == ("agent", True)


def test_cases_come_from_their_first_row(tmp_path):
    loaded = load(tmp_path, attributes={"plan": "outcome"})
    cases = loaded.tables["cases"].set_index("case_id")
    assert cases.loc["A", "created_at"] == pd.Timestamp("2024-03-01T09:00Z")
    assert cases["team"].tolist() == ["first", "first"]
    assert cases["plan"].tolist()[0] == "gold"
    assert loaded.derived == ("cases",)
    assert (loaded.tables["events"]["kind"] == "created").sum() == len(cases)


def test_the_span_takes_whole_cases_and_cuts_what_came_later(tmp_path):
    loaded = load(tmp_path, since="2024-03-01 08:30", until="2024-03-01 11:30")
    assert loaded.tables["cases"]["case_id"].tolist() == ["A"]
    assert loaded.tables["events"]["at"].max() == pd.Timestamp("2024-03-01T11:00Z")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kinds": {"Solve": "solved"}}, "unknown kind of event.*did you mean 'resolved'"),
        ({"kinds": {"Slove": "resolved"}}, "unknown activity.*did you mean 'Solve'"),
        ({"columns": {"case_id": "case", "activity": "what"}}, "column 'at': missing column"),
        ({"columns": {**COLUMNS, "activity": "wat"}}, "no column 'wat' for 'activity'.*'what'"),
    ],
)
def test_maps_that_do_not_fit_are_named(tmp_path, settings, words):
    with pytest.raises(InputError, match=words):
        load(tmp_path, **settings)


def test_an_activity_that_has_not_come_yet_is_said(tmp_path):
    loaded = load(tmp_path, kinds={"Solve": "resolved", "Duplicate of another": "merged"})
    assert "resolved" in set(loaded.tables["events"]["kind"])
    assert any("the file does not have 'Duplicate of another'" in n for n in loaded.notes)


def test_refused_rows_leave_the_rest(tmp_path):
    loaded = load(tmp_path, TEXT + ",2024-03-01,Open,,,\nC,never,Open,,,\nC,2024-03-03,,,,\n")
    assert loaded.rejected["row"].tolist() == [8, 9, 10]
    assert loaded.rejected["reason"].tolist() == [
        "missing id",
        "the time cannot be read",
        "missing value",
    ]
    assert set(loaded.tables["cases"]["case_id"]) == {"A", "B"}


def test_helpdesk_italy(shared_data):
    path = shared_data("helpdesk_italy/helpdesk.csv.gz")
    columns = {"case_id": "case_id", "at": "timestamp", "activity": "activity", "actor_id": "resource"}
    kinds = {"Resolve ticket": "resolved", "Closed": "closed"}
    spec = SourceSpec("events", str(path), columns=columns, kinds=kinds, ignore_offset=True, timezone="Europe/Rome")
    loaded = load_source(spec)
    events = loaded.tables["events"]
    assert len(loaded.tables["cases"]) == 4580
    again = int((events["kind"] == "reopened").sum())
    assert again == 161  # work goes on after "Resolve ticket" or "Closed"
    assert len(events) == 21_348 + 4_580 + again
    assert (events["kind"] == "resolved").sum() == 4_983
    hours = events["at"].dt.tz_convert("Europe/Rome").dt.hour
    assert hours.between(7, 18).mean() > 0.99  # the clock as written is that of an office


def test_bpic2014(shared_data):
    path = shared_data("bpic2014_rabobank/incident_activity_basic.csv.gz")
    columns = {"case_id": "incident_id", "at": "timestamp", "activity": "activity"}
    spec = SourceSpec("events", str(path), columns=columns, kinds={"Closed": "closed"}, timezone="Europe/Amsterdam")
    tables = load_source(spec).tables
    assert len(tables["cases"]) == 41_353
    assert (tables["events"]["kind"] == "closed").sum() == 40_767
    assert len(tables["events"]) == 369_485 + 41_353


def test_a_canonical_table_with_an_activity_column_stays_canonical(tmp_path):
    (tmp_path / "e.csv").write_text("case_id,at,kind,activity\n1,2024-03-01,created,Open\n")
    loaded = load_source(SourceSpec("events", "e.csv"), tmp_path)
    assert set(loaded.tables) == {"events"}
    assert loaded.tables["events"]["kind"].tolist() == ["created"]


STATES = (
    "case,when,what,who,team\n"
    "1,2024-03-01 09:00,New,,A\n"
    "1,2024-03-01 10:00,In progress,,B\n"
    "1,2024-03-01 11:00,Resolved,,B\n"
    "1,2024-03-02 09:00,In progress,,C\n"
    "1,2024-03-04 10:00,Closed,,C\n"
    "2,2024-03-01 09:00,New,,A\n"
    "2,2024-03-01 09:30,In progress,,A\n"
    "2,2024-03-01 12:00,Closed,,A\n"
    "2,2024-03-03 12:00,Survey sent,,A\n"
)


def history_of(tmp_path, text, kinds):
    loaded = load(tmp_path, text, kinds=kinds)
    return loaded, case_history(CaseLog.from_frames(**loaded.tables)).set_index("case_id")


def test_work_after_an_end_reopens_a_case_in_a_log_of_states(tmp_path):
    loaded, cases = history_of(tmp_path, STATES, {"Resolved": "resolved", "Closed": "closed"})
    assert cases["resolution_s"].tolist() == [262800, 10800]
    assert cases["reopens"].tolist() == [1, 0]  # a survey comes after the end of its case by itself
    assert cases["transfers"].tolist() == [2, 0]
    assert cases["current_team"].tolist() == ["C", "A"]
    assert any("1 times work went on after an end ('In progress')" in note for note in loaded.notes)


def test_a_log_that_says_when_cases_are_reopened_or_what_is_no_work_is_taken_at_its_word(tmp_path):
    kinds = {"Resolved": "resolved", "Closed": "closed"}
    said = STATES.replace("2,2024-03-03 12:00,Survey sent", "2,2024-03-03 12:00,Back")
    assert history_of(tmp_path, said, kinds | {"Back": "reopened"})[1]["reopens"].tolist() == [0, 1]
    assert history_of(tmp_path, STATES, kinds | {"In progress": "field"})[1]["reopens"].isna().all()


WORK = ("New", "In progress", "Inspect", "Wait")


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=8), min_size=8, max_size=20))
def test_reopenings_of_random_logs_of_states_are_counted_as_one_would_by_hand(tmp_path, lives):
    """0 to 3 are states of work, 4 is the end; what follows an end is either work or a survey."""
    rows, again = [], []
    for number, life in enumerate(lives):
        steps = [0, 1, 2, 3, *life, 4]  # every state of work is mostly seen before an end
        ended, count = False, 0
        for hour, step in enumerate(steps):
            rows.append(f"{number:02d},2024-03-{1 + hour // 20:02d} {hour % 20:02d}:00,{[*WORK, 'Resolved'][step]},,A")
            count += ended and step < 4
            ended = step == 4
        rows.append(f"{number:02d},2024-03-09 10:00,Survey sent,,A")
        again.append(count)
    text = "case,when,what,who,team\n" + "\n".join(rows) + "\n"
    cases = history_of(tmp_path, text, {"Resolved": "resolved"})[1]
    assert cases["reopens"].fillna(0).tolist() == again
    assert not cases["is_open"].any()
