"""The sections are frozen models: kinds, bounds and ceilings of every key, in one line each."""

from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest
from deskcast.features.errors import InputError
from deskcast.features.sources.spec import SourceSpec
from deskcast.pipelines.project import specs
from deskcast.pipelines.project.config import change_section, load_config, read_section
from deskcast.pipelines.project.specs import (
    ActionSpec,
    ForecastSpec,
    RiskSpec,
    ShiftSpec,
    SourceSection,
    StaffingSpec,
    WatchSpec,
)
from hypothesis import given, settings
from hypothesis import strategies as st

HEAD = '[source.cases]\npath = "cases.csv"\n'
SECTIONS = [s for s in vars(specs).values() if isinstance(s, type) and s.__module__ == specs.__name__]


def load(folder, text):
    (folder / "deskcast.toml").write_text(HEAD + text, encoding="utf-8")
    return load_config(folder / "deskcast.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[forecast]\nhorizon = 100001", r"\[forecast\]: key 'horizon': .*got 100001, expected .* up to 100,000"),
        (
            "[forecast]\nhorizon = 0",
            "key 'horizon': not a valid value; got 0, expected a whole number above 0",
        ),
        ("[forecast]\nhorizon = 7.5", "key 'horizon': not a valid value; got 7.5, expected a whole number"),
        ("[forecast]\nhorizon = true", "key 'horizon': not a valid value; got True, expected a whole number"),
        (f"[forecast]\nlevels = {list(range(1, 22))}", "key 'levels': too many levels"),
        (
            '[forecast]\nlevels = ["80"]',
            r"'levels': not a valid value; got \['80'\], expected a list of w",
        ),
        ("[forecast]\nlevels = [100]", "key 'levels': unknown level; got 100, expected percent"),
        ('[forecast]\nreconcile = "wsl"', "key 'reconcile': unknown way to add up; got 'wsl' .did you mean 'wls'"),
        ("[staffing.a]\nhorizon_days = 40000", r"\[staffing.a\]: key 'horizon_days': .* up to 36,600"),
        (
            "[staffing.a]\nwhere = { channel = 1 }",
            "'where': not a valid value; .*expected a table of texts",
        ),
        ('[staffing.a]\nshrinkage = "a lot"', "key 'shrinkage': .*expected a number, or a table of numbers"),
        ("[staffing.a]\nshrinkage = { leave = 1.5 }", "key 'leave': this must be a share; got 1.5"),
        (
            '[staffing.a]\ninterval = "7min"',
            "'interval': not an interval to plan by; got '420 s', expected minutes",
        ),
        ('[staffing.a]\npatience = "0s"', "key 'patience': the time is out of range; got '0 s'"),
        ("[staffing.a]\nwithin_s = 20", "key 'within_s': unknown key .did you mean 'within'"),
        ("[staffing.a]\nconcurrency = nan", "key 'concurrency': the number is out of range; got nan"),
        (
            "[watch]\nfalse_alerts_per_week = 0",
            r"\[watch\]: key 'false_alerts_per_week': the number is out",
        ),
        (
            '[[goal]]\nname = "a"\nkpi = "csat"\ntarget = 1\nbetter = "more"',
            r"\[\[goal\]\] a: .*unknown better",
        ),
        ('[[action]]\ndo = "call"\nwhen = { mood = "bad" }', r"\[\[action\]\] 1: key 'when': unknown condition"),
        ("[calendar.office]\nopen = 9", "key 'open': not a valid value; got 9, expected a table such as"),
        ("[calendar.office]\nholidays = 9.5", "9.5|holidays"),
        ('[calendar.office]\ntimezone = "Mars"', r"\[calendar.office\]: .*unknown time zone"),
        (
            '[source.events]\npath = ["a.csv", "s3://desk/b.csv"]',
            r"\[source.events\]: .*s3 addresses are not",
        ),
        ('[source.events]\npath = "a.csv"\nheader = 1', "key 'header': .*got 1, expected true or false"),
        ('[source.events]\npath = "a.csv"\nattributes = { x = "late" }', r"\[source.events\] attributes: .*'x'"),
        ('[risk]\nactions = { reply = "call" }', "key 'actions': .*expected a table of tables"),
    ],
)
def test_one_line_says_what_is_wrong_with_a_value(tmp_path, text, message):
    if message == "9.5|holidays":  # a number is text where a name is meant
        assert load(tmp_path, text).calendars["office"].holidays == "9.5"
        return
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path, text + "\n")
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.__name__)
def test_sections_are_frozen_and_say_what_they_are(section):
    assert section.__doc__.strip()
    needed = {"do": "x", "name": "x", "start": "2024-01-01", "end": "2024-01-01", "queue": "x", "metric": "resolution"}
    needed |= {"kpi": "csat", "target": 1.0, "folder": None, "sources": (), "table": "cases", "path": "x"}
    needed |= {"skills": ("x",)} if section.__name__ == "AgentsSpec" else {}
    given = {f.name: needed[f.name] for f in fields(section) if f.name in needed}
    if section is specs.SlaSpec:
        given["clock"] = "source"
    if section is specs.Config:
        given["folder"] = specs.Path()
    if section in (ForecastSpec, specs.HistorySpec):
        given = {}
    made = section(**given)
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(section)[0].name, "other")
    assert replace(made) == made


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([ForecastSpec, StaffingSpec, RiskSpec, WatchSpec, ShiftSpec, ActionSpec]),
    st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12),
    st.one_of(st.text(max_size=5), st.integers(), st.floats(), st.booleans(), st.lists(st.integers(), max_size=3)),
    st.data(),
)
def test_any_value_of_any_key_is_read_or_refused_in_one_line(kind, other, value, data):
    names = [f.name.removesuffix("_s") for f in fields(kind)]
    key = data.draw(st.sampled_from([*names, other]))
    needed = {"queue": "phone"} if kind is ShiftSpec else {"do": "call"} if kind is ActionSpec else {}
    try:
        made = read_section(kind, needed | {key: value}, "deskcast.toml [x]")
    except InputError as error:
        assert str(error).startswith("deskcast.toml [x]")  # noqa: PT017 - most values are refused
    else:
        assert key in names
        assert change_section(made, "x") == made


def test_a_source_is_what_the_readers_take():
    source = read_section(SourceSection, {"path": "a.csv", "slot": "30min"}, "x", table="volumes")
    assert isinstance(source, SourceSpec)
    assert source.slot_s == 1800.0
    assert set(asdict(source)) == {f.name for f in fields(SourceSpec)}


def test_options_are_checked_as_the_file_is():
    with pytest.raises(InputError, match="option '--levels': unknown level; got 200"):
        change_section(ForecastSpec(), "the forecast", levels=(200,))
