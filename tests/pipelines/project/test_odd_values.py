"""Values that TOML allows and a desk cannot mean: read where they can be, refused in one line else."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from deskcast.features.durations import parse_duration
from deskcast.features.errors import InputError
from deskcast.forecasting.grid.known_days import event_spans
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.project import open_project
from hypothesis import given, settings
from hypothesis import strategies as st

SOURCE = 'timezone = "Europe/Berlin"\n[source.cases]\npath = "cases.csv"\n'


def load(folder, text):
    (folder / "deskcast.toml").write_text(SOURCE + text, encoding="utf-8")
    return load_config(folder / "deskcast.toml")


def days(config):
    return [(str(first), str(last)) for _, first, last in event_spans(config.events)]


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        ("2025-11-11T00:00:00Z", "2025-11-12T00:00:00Z", ("2025-11-11", "2025-11-12")),
        ("2025-11-11T00:00:00Z", "2025-11-11", ("2025-11-11", "2025-11-11")),
        ("2025-11-11", "2025-11-11T23:30:00Z", ("2025-11-11", "2025-11-12")),  # half past midnight in Berlin
        ("2025-11-11T09:00:00", '"2025-11-12 18:00"', ("2025-11-11", "2025-11-12")),
        ('"2025-11-11T00:00:00-05:00"', '"2025-11-11"', ("2025-11-11", "2025-11-11")),
    ],
)
def test_an_event_may_be_given_by_days_or_instants(tmp_path, start, end, span):
    assert days(load(tmp_path, f'[[event]]\nname = "sale"\nstart = {start}\nend = {end}\n')) == [span]


@settings(max_examples=20)
@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    hours=st.integers(-12, 14),
    quoted=st.booleans(),
)
def test_an_instant_falls_on_the_day_of_the_desk(tmp_path_factory, at, hours, quoted):
    from zoneinfo import ZoneInfo

    instant = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    day = str(instant.astimezone(ZoneInfo("Europe/Berlin")).date())
    text = f'"{instant.isoformat()}"' if quoted else instant.isoformat()
    found = load(tmp_path_factory.mktemp("event"), f'[[event]]\nname = "sale"\nstart = {text}\nend = {day}\n')
    assert days(found) == [(day, day)]
    assert instant.astimezone(UTC) == instant


@pytest.mark.parametrize("start", ["07:30:00", '"07:30"', '"soon"', "true", "[2025-11-11]", '"99999-01-01"', '""'])
def test_what_is_no_day_is_refused(tmp_path, start):
    with pytest.raises(InputError, match=r"\[\[event\]\] \w+: key 'start': not"):
        load(tmp_path, f'[[event]]\nname = "sale"\nstart = {start}\nend = "2025-11-12"\n')


@settings(max_examples=25)
@given(number=st.integers(1, 10**30), unit=st.sampled_from(["s", "min", "h", "d", "w"]))
def test_a_duration_is_read_up_to_a_hundred_years_and_refused_beyond(number, unit):
    seconds = number * {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
    if seconds <= 100 * 366 * 86400:
        assert parse_duration(f"{number}{unit}") == seconds
    else:
        with pytest.raises(InputError, match="too long"):
            parse_duration(f"{number}{unit}", where="[[sla]] 1", column="target")


@pytest.mark.parametrize("target", ["999999999999999d", "1w" * 10_000, "9" * 400 + "s"])
def test_a_target_beyond_all_dates_is_refused_by_its_key(tmp_path, target):
    with pytest.raises(InputError, match=r"\[\[sla\]\] 1: key 'target': duration is too long") as caught:
        load(tmp_path, f'[[sla]]\nmetric = "resolution"\ntarget = "{target}"\n')
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("scheme", ["s3", "gs", "abfss", "file", "https", "postgresql", "S3", "az"])
def test_results_go_to_no_address(tmp_path, scheme):
    with pytest.raises(InputError, match=rf"\[results\]: key 'path': .*{scheme} addresses are not supported"):
        load(tmp_path, f'[results]\npath = "{scheme}://bucket/desk"\n')
    assert [p.name for p in tmp_path.iterdir()] == ["deskcast.toml"]


def test_nor_does_a_source_come_from_one(tmp_path):
    with pytest.raises(InputError, match=r"\[source.events\]: key 'path': .*s3 addresses are not supported"):
        load(tmp_path, '[source.events]\npath = "s3://bucket/events.csv"\n')
    with pytest.raises(InputError, match=r"\[source.events\]: key 'path': .*s3 addresses are not supported"):
        load(tmp_path, '[source.events]\nkind = "zendesk"\nparts = { tickets = "s3://bucket/events.csv" }\n')


def test_a_path_with_a_colon_is_a_path(tmp_path):
    assert load(tmp_path, '[results]\npath = "2025-11-11T08:00/results"\n').results == "2025-11-11T08:00/results"


def test_a_configuration_without_a_floor_is_refused(tmp_path):
    with pytest.raises(InputError, match="not valid TOML: it is nested too deep"):
        load(tmp_path, "[history]\nby = " + "[" * 50_000 + "]" * 50_000 + "\n")


BEYOND_USE = {
    '[results]\npath = ""\n': r"\[results\]: key 'path': this must be text in one line",
    '[results]\npath = "a\\u0000b"\n': r"\[results\]: key 'path': this must be text in one line",
    '[results]\npath = "~/results"\n': r"\[results\]: key 'path': this is not a path; .* written in full",
    '[tracking]\nuri = "s3://bucket/runs"\n': r"\[tracking\]: key 'uri': runs are not recorded at such an address",
    '[tracking]\nexperiment = " "\n': r"\[tracking\]: key 'experiment': this must be text in one line",
    "[forecast]\nlevels = []\n": r"\[forecast\]: key 'levels': at least one level is needed",
    '[[goal]]\nname = "a"\nkpi = "csat"\ntarget = nan\n': r"\[\[goal\]\] a: key 'target': the number is out",
    '[staffing.phone]\naht = "0s"\n': r"\[staffing.phone\]: key 'aht': the time is out of range; got '0 s'",
}


@pytest.mark.parametrize("text", BEYOND_USE)
def test_what_no_run_can_use_is_refused_before_any_work(tmp_path, text):
    with pytest.raises(InputError, match=BEYOND_USE[text]):
        load(tmp_path, text)


def test_a_source_is_not_named_by_half_a_path(tmp_path):
    for path in ("~/cases.csv", "a\\u0000b.csv"):
        with pytest.raises(InputError, match=r"key 'path': this is not a path"):
            load(tmp_path, f'[source.events]\npath = "{path}"\n')


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[calendar.office]\nopen = { mon-fri = 9 }\n", r"'open.mon-fri': not valid hours; got 9"),
        ('[[sla]]\nmetric = "resolution"\ntarget = "6h"\nvalid_from = 07:30:00\n', "'valid_from': not a valid date"),
    ],
)
def test_what_only_an_open_log_needs_is_refused_in_one_line_too(tmp_path, more, message):
    (tmp_path / "cases.csv").write_text("case_id,created_at\n1,2024-03-01 09:00\n")
    (tmp_path / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n' + more)
    with pytest.raises(InputError, match=message):
        open_project(tmp_path / "deskcast.toml")
