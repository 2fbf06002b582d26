"""A project is opened from its configuration: sources merged, promises bound, the same inputs the same fingerprint."""

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.pipelines import open_log
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.project import day_end, open_project, view_as_of

CASES = "case_id,created_at,closed_at,priority\n1,2024-03-01 09:00,2024-03-02 09:00,1\n2,2024-03-03 09:00,,2\n"
TOML = """timezone = "Europe/Lisbon"
[source.cases]
path = "cases.csv"
"""


def project_of(tmp_path, toml=TOML, **files):
    for name, text in {"cases": CASES, **files}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    (tmp_path / "deskcast.toml").write_text(toml)
    return open_project(tmp_path / "deskcast.toml")


def test_a_log_with_its_calendar_and_promises(tmp_path):
    toml = TOML + (
        '[calendar.office]\nopen = { mon-fri = ["09:00-17:00"] }\n[[sla]]\nmetric = "resolution"\ntarget = "6h"\n'
        'clock = "business"\ncalendar = "office"\npriority = "1"\nvalid_from = "2024-01-01"\n'
        'pause_on = ["waiting", "hold"]\n'
    )
    log = project_of(tmp_path, toml).log
    policy = log.frame("sla_policies").iloc[0]
    assert (policy["target_s"], policy["clock"], policy["pause_on"]) == (21_600.0, "business", "waiting,hold")
    assert policy["valid_from"] == pd.Timestamp("2024-01-01T00:00Z")
    assert str(log.calendars["office"].timezone) == "Europe/Lisbon"
    assert open_log(tmp_path / "deskcast.toml").frame("events")["kind"].tolist() == ["created", "closed", "created"]


def test_an_event_source_wins_kind_by_kind(tmp_path):
    events = "case_id,at,kind\n1,2024-03-01 09:00,created\n1,2024-03-01 10:00,message\n2,2024-03-03 09:00,created\n"
    project = project_of(tmp_path, TOML + '[source.events]\npath = "events.csv"\n', events=events)
    found = project.log.frame("events").sort_values(["case_id", "seq"])
    assert found.loc[found["case_id"] == "1", "kind"].tolist() == ["created", "message", "closed"]
    assert found.groupby("case_id")["seq"].apply(list).to_dict() == {"1": [0, 1, 2], "2": [0]}
    assert any("2 events that a case table tells of are left out" in n for n in project.notes)


def test_cases_of_an_event_log_are_filled_into_a_case_source(tmp_path):
    log = "case,when,what,team\n2,2024-03-03 09:00,Open,net\n3,2024-03-04 09:00,Open,ops\n"
    toml = TOML + (
        '[source.log]\ntable = "events"\npath = "log.csv"\n[source.log.columns]\ncase_id = "case"\nat = "when"\n'
        'activity = "what"\nteam = "team"\n'
    )
    cases = project_of(tmp_path, toml, log=log).log.frame("cases").set_index("case_id")
    assert set(cases.index) == {"1", "2", "3"}
    assert cases.loc["2", ["priority", "team"]].tolist() == ["2", "net"]
    assert pd.isna(cases.loc["3", "priority"])


def test_events_alone_make_their_cases(tmp_path):
    events = "case_id,at,kind\n7,2024-03-01 09:00,created\n7,2024-03-02 10:00,closed\n"
    project = project_of(tmp_path, '[source.events]\npath = "events.csv"\n', events=events)
    assert project.log.frame("cases")["case_id"].tolist() == ["7"]


@pytest.mark.parametrize(("last", "kept", "word"), [("2025-01-01", "2025-01-01", "newer"), ("", "2024-03-0", "newer")])
def test_a_case_id_in_two_sources_is_as_the_newer_one_says(tmp_path, last, kept, word):
    more = f"case_id,created_at,closed_at\n2,{last or '2020-01-01'},{last}\n9,{last or '2020-01-02'},\n"
    project = project_of(tmp_path, TOML + '[source.more]\ntable = "cases"\npath = "more.csv"\n', more=more)
    cases = project.log.frame("cases").set_index("case_id")["created_at"]
    assert sorted(cases.index) == ["1", "2", "9"]
    assert str(cases["2"]).startswith(kept)
    assert project.rejected["reason"].str.contains(word).tolist() == [True]
    events = project.log.frame("events")
    assert (events["case_id"].eq("2") & events["kind"].eq("created")).sum() == 1


def test_a_cut_ends_the_log_at_that_instant(tmp_path):
    project = project_of(tmp_path, TOML + 'until = "2024-03-02"\n')
    assert project.log.until == pd.Timestamp("2024-03-02T00:00Z")
    assert project.log.frame("events")["kind"].tolist() == ["created"]


def test_a_cut_of_one_source_ends_the_others_too(tmp_path):
    contacts = "contact_id,queued_at\na,2024-03-01 10:00\nb,2024-03-05 10:00\n"
    toml = TOML + 'until = "2024-03-02"\n[source.contacts]\npath = "contacts.csv"\n'
    log = project_of(tmp_path, toml, contacts=contacts).log
    assert log.frame("contacts")["contact_id"].tolist() == ["a"]


def test_dates_without_a_time_of_day_end_with_their_day(tmp_path):
    project = project_of(tmp_path, cases="case_id,created_at\n1,2024-03-01\n2,2024-07-03\n")
    assert project.log.until == pd.Timestamp("2024-07-03T23:00Z")  # midnight in Lisbon, in summer
    assert day_end({}, "UTC") is None


def test_the_fingerprint_follows_data_and_settings_only(tmp_path):
    first = project_of(tmp_path).fingerprint
    assert project_of(tmp_path).fingerprint == first
    assert project_of(tmp_path, TOML + '[results]\npath = "elsewhere"\n').fingerprint == first
    assert project_of(tmp_path, TOML + "[risk]\ntop = 3\n").fingerprint != first
    assert project_of(tmp_path, cases=CASES + "3,2024-03-04,,1\n").fingerprint != first


def test_progress_is_told_and_refused_rows_name_their_file(tmp_path):
    (tmp_path / "cases.csv").write_text(CASES + "3,whenever,,1\n")
    (tmp_path / "deskcast.toml").write_text(TOML)
    steps = []
    project = open_project(load_config(tmp_path / "deskcast.toml"), progress=steps.append)
    assert steps[0] == "reading cases.csv"
    assert project.rejected[["source", "table", "row"]].to_numpy().tolist() == [["cases.csv", "cases", 3]]


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "deskcast.toml").write_text(TOML)
    with pytest.raises(InputError, match=r"cases\.csv: missing file.*deskcast\.toml"):
        open_project(tmp_path / "deskcast.toml")


def test_nothing_peeks_in_an_opened_log(tmp_path):
    log = project_of(tmp_path).log
    early = log.as_of("2024-03-01T12:00Z")
    assert early.frame("cases")["case_id"].tolist() == ["1"]
    assert early.frame("events")["kind"].tolist() == ["created"]


def test_looking_back_needs_something_to_look_at(tmp_path):
    (tmp_path / "cases.csv").write_text("case_id,created_at\n1,2024-03-01 09:00\n2,2024-03-02 10:00\n")
    (tmp_path / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n')
    project = open_project(tmp_path / "deskcast.toml")
    assert view_as_of(project, "2024-03-01 12:00").log.table("cases").count().execute() == 1
    late = view_as_of(project, "2031-01-01")
    assert late.log.until == project.log.until
    assert "before 2031-01-01; it is read whole" in late.notes[-1]
    for at, words in (
        ("2023-01-01", "instant is before the log"),
        ("", "not a valid instant"),
        ("soon", "not a valid instant"),
    ):
        with pytest.raises(InputError, match=words):
            view_as_of(project, at)


def test_an_export_that_was_given_twice_counts_once(tmp_path):
    calls = "contact_id,queued_at,outcome\nc1,2024-03-01 09:00,answered\nc2,2024-03-01 10:00,abandoned\n"
    slots = "ds,y\n2024-03-01,5\n2024-03-02,6\n"
    replies = "case_id,at,kind,actor_role\n1,2024-03-01 10:00,message,agent\n1,2024-03-01 10:00,message,agent\n"
    toml = 'timezone = "UTC"\n' + "".join(
        f'[source.{name}_{i}]\ntable = "{name}"\npath = "{name}.csv"\n' + ('slot = "1d"\n' if name == "volumes" else "")
        for name in ("cases", "contacts", "volumes", "events")
        for i in (1, 2)
    )
    project = project_of(tmp_path, toml, contacts=calls, volumes=slots, events=replies)
    sizes = {name: len(project.log.frame(name)) for name in ("cases", "contacts", "volumes", "events")}
    # one file may hold two events that look alike: they stay
    assert sizes == {"cases": 2, "contacts": 2, "volumes": 2, "events": 5}
    assert project.rejected["table"].value_counts().to_dict() == dict.fromkeys(sizes, 2)
    assert project.rejected["reason"].str.contains("came in an earlier source").all()


def test_a_later_export_adds_what_happened_since(tmp_path):
    later = CASES.replace("2,2024-03-03 09:00,,2", "2,2024-03-03 09:00,2024-03-04 09:00,2")
    toml = TOML + '[source.later]\ntable = "cases"\npath = "later.csv"\n'
    events = project_of(tmp_path, toml, later=later).log.frame("events")
    assert events.sort_values(["case_id", "seq"])["kind"].tolist() == ["created", "closed", "created", "closed"]
