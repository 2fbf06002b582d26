"""A configuration made for an export loads, runs and says what its guesses were based on."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.pipelines.init.guesses import Arrivals, find_complete_span, infer_opening_hours, round_duration
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.stage_run import StageRun
from deskcast.pipelines.words.columns import table_title

#: file -> rows by table, refused rows, whether [[sla]] and [staffing] are there.
REAL = {
    "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz": ({"cases": 17_136}, 0, True, True),
    "nyc_council_cases/council_cases.csv.gz": ({}, 105, True, False),
    "helpdesk_italy/helpdesk.csv.gz": ({"cases": 4_580}, 0, True, True),
    "bank_calls_5min/bank_calls.csv.gz": ({"volumes": 27_716}, 0, False, True),
    "anonymous_bank_calls_feb1999/calls_1999_02.csv.gz": ({"contacts": 33_052}, 292, False, True),
    "bpic2014_rabobank/incident_activity_basic.csv.gz": ({}, 0, True, True),
    "bpic2014_rabobank/incident_attributes_label_encoded.csv.gz": ({}, 5_700, True, True),
    "cfpb_complaints/complaints_2014-10_2014-11.csv.gz": ({"cases": 8_340}, 0, False, False),
}


#: Large files.
SLOW = ("nyc_council_cases/council_cases.csv.gz", "bpic2014_rabobank/incident_activity_basic.csv.gz")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in REAL])
def test_init_then_open_on_real_exports(shared_data, tmp_path, name):
    counts, refused, sla, staffing = REAL[name]
    path = write_config([shared_data(name)], tmp_path)
    config = load_config(path)
    project = open_project(config)
    for table, n in counts.items():
        assert project.log.table(table).count().execute() == n
    assert len(project.rejected) == refused
    assert bool(config.slas) == sla
    assert bool(config.staffing) == staffing
    assert project.log.timezone == config.timezone


def test_what_init_finds_in_real_exports(shared_data, tmp_path):
    bank = load_config(write_config([shared_data("bank_calls_5min/bank_calls.csv.gz")], tmp_path / "bank"))
    assert bank.calendars["desk"].open == {"mon-fri": ["07:00-21:05"]}
    missing = ["2003-04-04", "2003-04-07", "2003-05-26", "2003-07-04", "2003-09-01", "2003-10-14"]
    assert bank.calendars["desk"].holidays == missing
    assert (bank.forecast.freq, bank.forecast.horizon, bank.forecast.calendar) == ("15min", 672, "desk")
    file = "servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz"
    incidents = load_config(write_config([shared_data(file)], tmp_path / "incidents"))
    assert incidents.sources[0].until == "2016-05-01"
    assert [(s.metric, s.clock) for s in incidents.slas] == [("made_sla", "source")]
    calls = "anonymous_bank_calls_feb1999/calls_1999_02.csv.gz"
    assert load_config(write_config([shared_data(calls)], tmp_path / "calls")).staffing["phone"].aht_s == 175.0


def desk(folder, days=120, per_day=6, name="export.csv"):
    """Write a small case table with office hours and closed weekends."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for day in pd.bdate_range("2024-01-01", periods=days):
        for i in range(per_day):
            opened = day + pd.Timedelta(hours=9 + i * 8 / per_day)
            closed = opened + pd.Timedelta(hours=5 + 3 * i)
            rows.append(f"{len(rows)},{opened:%d/%m/%Y %H:%M},{closed:%d/%m/%Y %H:%M},{'web' if i % 2 else 'phone'}")
    (folder / name).write_text("ticket;opened;closed;channel\n".replace(";", ",") + "\n".join(rows) + "\n")
    return folder / name


def test_a_small_desk_gets_all_sections(tmp_path):
    export = desk(tmp_path / "data")
    text = write_config([export], tmp_path).read_text()
    config = load_config(tmp_path / "deskcast.toml")
    source = config.sources[0]
    assert source.path == "data/export.csv"
    assert source.date_format == "%d/%m/%Y %H:%M"
    assert list(config.calendars["desk"].open) == ["mon-fri"]
    assert config.history.by == ("channel",)
    assert config.staffing["phone"].where == {"channel": "phone"}
    assert config.slas[0].metric == "resolution"
    assert config.slas[0].target_s == 86_400  # three quarters are done within 17 hours; a day is the nearest round time
    assert "suggestion" in text
    assert "Assumed" in text
    assert tomllib.loads(text)["tracking"]["uri"].startswith("sqlite:")


def test_every_guess_of_a_source_has_a_reason(tmp_path):
    text = write_config([desk(tmp_path)], tmp_path).read_text()
    for words in (
        "# Seems to be a case table",
        "# Opening hours as the arrivals suggest",
        "# A suggestion: about three quarters",
    ):
        assert words in text


@pytest.mark.parametrize("write", ["£{:,.2f}", "R$ {:.2f}", "{:.2f} €", "CHF {:.0f}", "{:.2f}"])
def test_an_amount_that_is_mostly_empty_is_kept_and_what_is_not_is_named(tmp_path, write):
    opened = pd.date_range("2024-01-02 08:00", periods=200, freq="7h")
    rows = pd.DataFrame({
        "Ticket No": [f"T{i:04d}" for i in range(200)],
        "Date Raised": opened.strftime("%d/%m/%Y %H:%M"),
        "Date Closed": (opened + pd.Timedelta("30h")).strftime("%d/%m/%Y %H:%M"),
        "Department": ["Billing", "Repairs"] * 100,
        "Refund": [write.format(i * 7.13) if i % 5 == 0 else "" for i in range(200)],
        "Badge": [str(90_000 + 17 * i) for i in range(200)],
    })  # fmt: skip
    rows.to_csv(tmp_path / "uk.csv", index=False)
    text = write_config([tmp_path / "uk.csv"], tmp_path).read_text()
    assert tomllib.loads(text)["source"]["cases"]["attributes"]["Refund"] == "outcome"
    assert 'or times): "Badge".' in text
    kept = open_project(load_config(tmp_path / "deskcast.toml")).log.table("cases").execute()
    assert kept["Refund"].notna().sum() == 40


def test_two_exports_become_two_sources(tmp_path):
    one = desk(tmp_path, name="one.csv")
    other = tmp_path / "surveys.csv"
    other.write_text("survey_id,kind,case_id,offered_at,score\ns1,csat,3,2024-02-01 10:00,4\n")
    config = load_config(write_config([one, other], tmp_path))
    assert [s.table for s in config.sources] == ["cases", "surveys"]
    assert open_project(config).log.has("surveys", "score")


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path):
    export = desk(tmp_path)
    target = tmp_path / "deskcast.toml"
    target.write_text("# mine\n")
    with pytest.raises(InputError, match=r"exists already.*--force"):
        write_config([export], tmp_path)
    assert target.read_text() == "# mine\n"
    write_config([export], tmp_path, force=True)
    assert "[source.cases]" in target.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a,b\n", "no rows"),
        (bytes(range(256)) * 9, "binary"),
        (b"a,b\n1,2\n", "missing column of times"),
    ],
)
def test_a_bad_export_writes_nothing(tmp_path, content, words):
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        write_config([tmp_path / "bad.csv"], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


def test_no_export_and_a_folder_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match="missing export"):
        write_config([], tmp_path)
    export = desk(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        write_config([export], export / "under-a-file")


def test_strange_column_names_survive_the_toml(tmp_path):
    rows = "".join(f"{i},2024-03-{1 + i % 28:02d} 0{i % 9}:00,x{i % 3}\n" for i in range(90))
    (tmp_path / "odd.csv").write_text('id,opened,"He said ""no"" \\ yes"\n' + rows)
    config = load_config(write_config([tmp_path / "odd.csv"], tmp_path))
    assert 'He said "no" \\ yes' in config.sources[0].attributes
    assert len(open_project(config).log.frame("cases")) == 90


def test_paths_are_relative_where_they_can_be(tmp_path):
    export = desk(tmp_path / "a" / "b")
    config = load_config(write_config([export], tmp_path / "c"))
    assert not Path(config.sources[0].path).is_absolute()
    assert open_project(config).log.has("cases")


def arrivals(days, hours=(9, 12, 15)):
    local = pd.Series([d + pd.Timedelta(hours=h) for d in days for h in hours])
    return Arrivals(local, pd.Series(1.0, index=local.index), end=local.max())


def test_left_overs_at_both_ends_are_found():
    thin = pd.date_range("2023-01-01", "2023-06-30", freq="9D")
    full = pd.date_range("2023-07-01", "2024-03-31")
    tail = pd.date_range("2024-04-05", "2024-08-01", freq="11D")
    since, until = find_complete_span(arrivals([*thin, *full, *tail]))
    assert pd.Timestamp("2023-06-24") <= pd.Timestamp(since) <= pd.Timestamp("2023-07-03")
    assert pd.Timestamp("2024-03-30") <= pd.Timestamp(until) <= pd.Timestamp("2024-04-08")
    assert find_complete_span(arrivals(full)) == (None, None)


def test_a_desk_that_never_closes_gets_no_calendar():
    days = pd.date_range("2024-01-01", periods=60)
    assert infer_opening_hours(arrivals(days, hours=range(24))) is None
    hours = infer_opening_hours(arrivals(days[days.day_of_week < 5]))
    assert list(hours.open) == ["mon-fri"]
    assert hours.outside == 0.0


def test_round_durations_are_their_own_nearest():
    assert [round_duration(s) for s in (3600, 86400, 5 * 86400)] == [3600, 86400, 5 * 86400]


@pytest.mark.parametrize(("end", "until"), [("2024-05-01 12:00", None), ("2024-05-03 12:00", "2024-05-01")])
def test_days_without_any_opening_at_the_end_are_cut_off(end, until):
    days = pd.bdate_range("2024-01-01", "2024-04-30").repeat(30)
    local = pd.Series(days + pd.Timedelta(hours=10))
    arrivals = Arrivals(local, pd.Series(1.0, index=local.index), end=pd.Timestamp(end))
    assert find_complete_span(arrivals) == (None, until)


@pytest.mark.parametrize(
    ("columns", "queue"),
    [
        (("Intervallo", "Chiamate offerte", "Chiamate risposte"), "phone"),
        (("Interval", "Połączenia"), "phone"),
        (("Interval", "Offered", "Answered", "SL %"), "phone"),
        (("Interval", "Letters received"), "desk"),
    ],
)
def test_a_report_on_people_who_wait_on_the_line_is_planned_in_seconds(tmp_path, columns, queue):
    rows = pd.DataFrame({columns[0]: pd.date_range("2024-03-18", periods=24 * 21, freq="h").strftime("%Y-%m-%d %H:%M")})
    for place, name in enumerate(columns[1:]):
        rows[name] = [80 if "%" in name else (h % 24) + 9 - place for h in range(len(rows))]
    rows.to_csv(tmp_path / "export.csv", index=False)
    found = load_config(write_config([tmp_path / "export.csv"], tmp_path)).staffing
    assert {name: q.within_s for name, q in found.items()} == {queue: 20.0 if queue == "phone" else 3600.0}


def test_a_time_of_day_with_am_and_pm_goes_with_its_date(tmp_path):
    opened = pd.date_range("2024-01-03 09:07", periods=300, freq="6h")
    rows = pd.DataFrame({"Número do chamado": [f"CH-{i}" for i in range(300)]})
    for name, at in (("abertura", opened), ("fechamento", opened + pd.Timedelta(hours=31))):
        rows[f"Data de {name}"] = at.strftime("%d/%m/%Y")
        rows[f"Hora de {name}"] = at.strftime("%I:%M ") + at.strftime("%p").str.lower().map(
            {"am": "a.m.", "pm": "p.m."}
        )
    rows.to_csv(tmp_path / "export.csv", index=False)
    cases = open_project(write_config([tmp_path / "export.csv"], tmp_path)).log.frame("cases")
    assert cases.sort_values("created_at")["created_at"].dt.tz_localize(None).tolist() == opened.tolist()


def test_counts_by_week_are_followed_by_week(tmp_path):
    weeks = pd.date_range("2022-01-03", periods=120, freq="7D")
    rows = pd.DataFrame({"week": weeks.strftime("%Y-%m-%d"), "calls": 200 + np.arange(120) % 9})
    rows.to_csv(tmp_path / "calls.csv", index=False)
    run = StageRun(open_project(load_config(write_config([tmp_path / "calls.csv"], tmp_path))))
    history = run.compute("history").tables["history"]
    opened = history[history["kpi"] == "cases_opened"].sort_values("ds")
    assert opened["value"].iloc[:120].tolist() == rows["calls"].tolist()
    ahead = run.compute("forecast").tables["forecast"]
    assert table_title("forecast", ahead) == "Forecast by week"
