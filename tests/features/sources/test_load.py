"""Tables through a column map: round trips, refused rows with their counts, and errors that name the thing."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features import CaseLog, InputError
from deskcast.features.case_log.log import conform_frame
from deskcast.features.case_log.schema import ACTOR_ROLES, EVENT_KINDS, TABLES
from deskcast.features.cases.history import case_history
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MAP = {"case_id": "key", "created_at": "opened", "closed_at": "closed", "channel": "via"}


def put(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return name


def load(tmp_path, text, table="cases", **settings):
    return load_source(SourceSpec(table, put(tmp_path, text), **settings), tmp_path)


# --- round trips -----------------------------------------------------------------------------------------------------

words = st.text("abcdefghij XYZ-äé0123456789", min_size=1, max_size=6).map(str.strip).filter(bool)
words = words.filter(lambda w: w not in SourceSpec("cases", "").missing)
instants = st.datetimes(pd.Timestamp("2000-01-01").to_pydatetime(), pd.Timestamp("2030-01-01").to_pydatetime())
VALUES = {
    "id": words,
    "text": words,
    "instant": instants.map(lambda m: pd.Timestamp(m, tz="UTC")),
    "seconds": st.floats(0, 1e6).map(lambda x: round(x, 3)),
    "number": st.integers(-5, 10).map(float),
    "count": st.integers(0, 40),
    "flag": st.booleans(),
}


@st.composite
def canonical(draw):
    """Return the name of a table and rows of it, sorted by key, with gaps where gaps are allowed."""
    table = TABLES[draw(st.sampled_from(["cases", "events", "contacts", "surveys", "agent_time", "costs", "tasks"]))]
    size = draw(st.integers(1, 8))
    columns = {}
    for column in table.columns:
        value = VALUES[column.kind]
        if table.name == "events" and column.name == "kind":
            value = st.sampled_from(EVENT_KINDS)
        if column.name == "actor_role":
            value = st.sampled_from(ACTOR_ROLES)
        needed = column.required or column.name in table.key
        column_values = value if needed else st.none() | value
        columns[column.name] = draw(st.lists(column_values, min_size=size, max_size=size))
    rows = pd.DataFrame(columns).drop_duplicates(list(table.key))
    if {"start", "end"} <= set(rows):  # a stretch that ends before it starts is refused
        pairs = [sorted(pair, key=pd.Timestamp) for pair in zip(rows["start"], rows["end"], strict=True)]
        rows[["start", "end"]] = pd.DataFrame(pairs, index=rows.index).to_numpy()
        rows = rows.drop_duplicates(list(table.key))
    frame = conform_frame(table.name, rows)
    return table, frame.drop_duplicates(list(table.key)).sort_values(list(table.key), ignore_index=True)


@settings(max_examples=60, deadline=None)
@given(made=canonical(), separator=st.sampled_from(",;\t"), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_a_canonical_table_comes_back_from_csv(tmp_path_factory, made, separator, encoding):
    table, frame = made
    folder = tmp_path_factory.mktemp("csv")
    frame.to_csv(folder / "t.csv", index=False, sep=separator, encoding=encoding)
    back = load_source(SourceSpec(table.name, "t.csv", timezone="Europe/Lisbon"), folder)
    assert len(back.rejected) == 0
    found = conform_frame(table.name, back.tables[table.name])[list(frame.columns)]
    pd.testing.assert_frame_equal(found.sort_values(list(table.key), ignore_index=True), frame, check_dtype=True)


@settings(max_examples=25, deadline=None)
@given(made=canonical())
def test_a_canonical_table_comes_back_from_parquet(tmp_path_factory, made):
    table, frame = made
    folder = tmp_path_factory.mktemp("parquet")
    frame.to_parquet(folder / "t.parquet")
    back = load_source(SourceSpec(table.name, "t.parquet"), folder).tables[table.name]
    found = conform_frame(table.name, back)[list(frame.columns)].sort_values(list(table.key), ignore_index=True)
    pd.testing.assert_frame_equal(found, frame)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(tmp_path_factory, order):
    rows = [f"{i},2024-03-0{i + 1} 09:00,2024-04-0{i + 1},web" for i in range(6)]
    folder = tmp_path_factory.mktemp("order")
    header = "key,opened,closed,via\n"
    sorted_text, mixed = "\n".join(rows), "\n".join(rows[i] for i in order)
    one = load(folder, header + sorted_text + "\n", columns=MAP).tables
    two = load(folder, header + mixed + "\n", columns=MAP).tables
    for name in one:
        pd.testing.assert_frame_equal(one[name], two[name])


# --- what a table says ----------------------------------------------------------------------------------------------


def test_times_of_a_case_table_become_events(tmp_path):
    text = "key,opened,first,solved,closed\n7,1/3/2024 09:00,1/3/2024 09:20,2/3/2024 8:00,13/3/2024\n"
    text += "8,2/3/2024 10:00,?,,\n"
    columns = {"case_id": "key", "created_at": "opened", "first_response_at": "first"}
    columns |= {"resolved_at": "solved", "closed_at": "closed"}
    loaded = load(tmp_path, text, columns=columns, timezone="Europe/Lisbon")
    events = loaded.tables["events"]
    assert events["kind"].tolist() == ["created", "message", "resolved", "closed", "created"]
    assert events["seq"].tolist() == [0, 1, 2, 3, 0]
    reply = events[events["kind"] == "message"].iloc[0]
    assert (reply["actor_role"], reply["public"]) == ("agent", True)
    assert events["at"].iloc[3] == pd.Timestamp("2024-03-13T00:00Z")
    assert loaded.derived == ("events",)


def test_bare_arrivals_get_numbers_and_no_events(tmp_path):
    loaded = load(tmp_path, "when,what\n2024-03-01 09:00,a\n2024-03-01 09:00,a\n", columns={"created_at": "when"})
    assert loaded.tables["cases"]["case_id"].tolist() == ["1", "2"]
    assert set(loaded.tables) == {"cases"}


def test_a_date_and_a_time_of_day_are_joined(tmp_path):
    text = "day,clock\n1999-02-01,7:02:47\n1999-02-01,\n"
    loaded = load(tmp_path, text, columns={"created_at": "day + clock"}, timezone="Asia/Jerusalem")
    assert loaded.tables["cases"]["created_at"].tolist() == [pd.Timestamp("1999-02-01T05:02:47Z")]
    assert loaded.rejected["reason"].tolist() == ["missing time"]


def test_attributes_are_kept_with_when_they_are_known(tmp_path):
    text = "key,opened,size,code\n1,2024-03-01,big,x9\n"
    loaded = load(
        tmp_path,
        text,
        columns={"case_id": "key", "created_at": "opened"},
        attributes={"size": "creation", "code": "outcome"},
    )
    assert loaded.tables["cases"][["size", "code"]].to_numpy().tolist() == [["big", "x9"]]
    log = CaseLog.from_frames(**loaded.tables, attributes=loaded.attributes)
    assert log.as_of("2024-03-02").frame("cases")[["size", "code"]].iloc[0].isna().tolist() == [False, True]


def test_without_a_map_further_columns_are_careful_outcomes(tmp_path):
    loaded = load(tmp_path, "case_id,created_at,grade\n1,2024-03-01,A\n")
    assert loaded.attributes == {"grade": "outcome"}


def test_missing_marks_are_missing(tmp_path):
    text = "key,opened,closed,via\n1,2024-03-01,?,N/A\n2,2024-03-01,-,phone\n"
    loaded = load(tmp_path, text, columns=MAP, missing=("?", "N/A", "-"))
    assert loaded.tables["cases"]["channel"].isna().tolist() == [True, False]
    assert loaded.tables["events"]["kind"].tolist() == ["created", "created"]


def test_volumes_find_their_slot_and_refuse_repeats(tmp_path):
    text = "t,n\n2024-03-01 09:00,5\n2024-03-01 09:15,6\n2024-03-01 09:30,0\n2024-03-01 09:30,9\n2024-03-01 11:00,-1\n"
    loaded = load(tmp_path, text, "volumes", columns={"ds": "t", "y": "n"})
    volumes = loaded.tables["volumes"]
    assert volumes["slot_s"].unique().tolist() == [900.0]
    assert volumes["y"].tolist() == [5.0, 6.0, 0.0]
    assert loaded.rejected[["row", "column", "value"]].to_numpy().tolist() == [
        [4, "t", "2024-03-01 09:30"],
        [5, "n", "-1.0"],
    ]


def test_the_hour_that_a_clock_has_twice_is_kept_for_volumes(tmp_path):
    slots = ["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]
    text = "t,n\n" + "".join(f"2024-11-03 {s},{i}\n" for i, s in enumerate(slots))
    loaded = load(tmp_path, text, "volumes", columns={"ds": "t", "y": "n"}, timezone="America/New_York")
    assert len(loaded.rejected) == 0
    steps = loaded.tables["volumes"]["ds"].diff().dropna().unique()
    assert len(steps) == 1
    assert loaded.tables["volumes"]["y"].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_since_and_until_cut_the_log_as_it_stood(tmp_path):
    text = "key,opened,closed,via\n1,2024-01-01,2024-02-20,a\n2,2024-02-01,2024-03-20,a\n3,2024-03-01,2024-03-02,a\n"
    loaded = load(tmp_path, text, columns=MAP, since="2024-01-15", until="2024-03-01", timezone="Europe/Berlin")
    assert loaded.tables["cases"]["case_id"].tolist() == ["2"]
    assert loaded.tables["events"]["kind"].tolist() == ["created"]
    assert loaded.until == pd.Timestamp("2024-02-29T23:00Z")
    assert len(loaded.rejected) == 0
    assert any("2 cases lie outside" in n for n in loaded.notes)
    assert any("1 events at or after" in n for n in loaded.notes)


# --- bad input ------------------------------------------------------------------------------------------------------


def many(rows=200, bad=()):
    """Return a case table in which the rows of ``bad`` have an opening time that is no time."""
    lines = [f"{i},{'soon' if i in bad else f'2024-03-{1 + i % 28:02d} 09:00'},,web" for i in range(1, rows + 1)]
    return "key,opened,closed,via\n" + "\n".join(lines) + "\n"


def test_one_percent_of_bad_dates_is_refused_and_said(tmp_path):
    loaded = load(tmp_path, many(bad={17, 120}), columns=MAP)
    assert len(loaded.tables["cases"]) == 198
    assert loaded.rejected.to_dict("records") == [
        {
            "table": "cases",
            "row": r,
            "column": "opened",
            "value": "soon",
            "reason": "the time cannot be read",
            "code": "time.unreadable",
        }
        for r in (17, 120)
    ]


def test_only_bad_dates_is_an_error_that_shows_one(tmp_path):
    with pytest.raises(InputError, match=r"t\.csv: column 'opened', row 1: not a valid time in any row.*got 'soon'"):
        load(tmp_path, many(bad=range(1, 201)), columns=MAP)


def test_a_wrong_stated_format_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"opened.*expected times written as %d/%m/%Y"):
        load(tmp_path, many(), columns=MAP, date_format="%d/%m/%Y")


def test_rows_that_cannot_be_used_are_refused_by_reason(tmp_path):
    text = (
        "key,opened,closed,via\n"
        "1,2024-03-01 09:00,2024-03-02,web\n"
        "1,2024-03-05 09:00,,web\n"  # the id came before
        ",2024-03-01 09:00,,web\n"  # no id
        "3,,2024-03-02,web\n"  # no opening time
        "4,2024-03-03 09:00,2024-03-02 09:00,web\n"  # closed before it was opened
        "5,2024-03-03 09:00,someday,web\n"  # closing time cannot be read
        "6,2024-03-03 09:00,,\n"
    )
    loaded = load(tmp_path, text, columns=MAP)
    assert loaded.tables["cases"]["case_id"].tolist() == ["1", "4", "6"]
    reasons = loaded.rejected.set_index("row")["reason"].to_dict()
    assert reasons == {
        2: "duplicate case id; the first row was kept",
        3: "missing id",
        4: "missing time",
        6: "the time cannot be read",
    }
    assert any("1 case is closed before the opening, such as row 5" in note for note in loaded.notes)
    history = case_history(CaseLog.from_frames(**loaded.tables)).set_index("case_id").loc["4"]
    assert np.isnan(history["resolution_s"])  # the opening counts, and how long it took is not known
    assert not history["is_open"]
    assert len(loaded.tables["cases"]) + len(loaded.rejected) == 7


ERRORS = [
    (
        {"columns": {"case_id": "key", "created_at": "opend"}},
        r"no column 'opend' for 'created_at' \(did you mean 'opened'",
    ),
    ({"columns": {"case_id": "key", "chanel": "via", "created_at": "opened"}}, r"'chanel'.*did you mean 'channel'"),
    ({"columns": {"case_id": "key"}}, r"column 'created_at': missing column.*key, opened, closed, via"),
    ({}, r"column 'created_at': missing column"),
    ({"columns": MAP, "attributes": {"vai": "outcome"}}, r"column 'vai'.*did you mean 'via'"),
    ({"columns": MAP, "kind": "servicenov"}, r"unknown kind of source.*did you mean 'servicenow'"),
    ({"columns": MAP, "since": "yesterday-ish"}, r"column 'since': not a valid date"),
    ({"columns": MAP, "timezone": "Mars/Base"}, r"unknown time zone"),
]


@pytest.mark.parametrize(("settings", "words"), ERRORS)
def test_settings_that_do_not_fit_the_file_are_named(tmp_path, settings, words):
    with pytest.raises(InputError, match=words):
        load(tmp_path, "key,opened,closed,via\n1,2024-03-01,,web\n", **settings)


def test_no_row_left_is_an_error(tmp_path):
    with pytest.raises(InputError, match="column 'opened': the column has no values"):
        load(tmp_path, "key,opened,closed,via\n1,,2024-03-01,a\n2,,2024-03-01,a\n", columns=MAP)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hours=st.lists(st.integers(-200, 200), min_size=2, max_size=12))
def test_every_opening_counts_whatever_its_end_says(tmp_path, hours):
    opened = pd.Timestamp("2024-03-10 09:00")
    rows = [f"{i:02d},{opened},{opened + pd.Timedelta(hours=h)},web" for i, h in enumerate(hours)]
    loaded = load(tmp_path, "key,opened,closed,via\n" + "\n".join(rows) + "\n", columns=MAP)
    log = CaseLog.from_frames(**loaded.tables)
    history = case_history(log)
    assert len(history) == len(hours)
    assert history["resolution_s"].tolist() == pytest.approx(
        [h * 3600 if h >= 0 else np.nan for h in hours], nan_ok=True
    )
    times = kpi_history(log, "resolution_time")
    assert times["n"].sum() in (0, sum(h >= 0 for h in hours))  # 0 where no day of the log is over
    assert bool(loaded.notes) == any(h < 0 for h in hours)


def test_unknown_kinds_of_event_and_bad_numbers_are_refused(tmp_path):
    text = "case_id,at,kind\n1,2024-03-01,created\n1,2024-03-02,exploded\n"
    loaded = load(tmp_path, text, "events")
    assert loaded.rejected["value"].tolist() == ["exploded"]
    costs = load(tmp_path, "start,end,amount\n2024-01-01,2024-02-01,12\n2024-01-01,2024-03-01,lots\n", "costs")
    assert costs.rejected[["row", "reason"]].to_numpy().tolist() == [[2, "the value is not a number"]]
