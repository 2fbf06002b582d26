"""The configuration: what is wrong is named, with its section, key and a suggestion."""

from pathlib import Path

import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import load_config, parse_config

GOOD = """
timezone = "Europe/Lisbon"
[source.cases]
kind = "servicenow"
path = "log.csv.gz"
[calendar.office]
open = { mon-fri = ["09:00-18:00"] }
holidays = "PT"
[[sla]]
metric = "resolution"
priority = "1"
target = "6h"
clock = "business"
calendar = "office"
pause_on = ["pending"]
[staffing.phone]
within = "20s"
patience = "3min"
where = { channel = "phone" }
[[goal]]
name = "keep customers"
kpi = "csat"
target = 0.9
"""


def load(tmp_path: Path, text: str):
    (tmp_path / "deskcast.toml").write_text(text, encoding="utf-8")
    return load_config(tmp_path / "deskcast.toml")


def test_a_whole_file(tmp_path):
    config = load(tmp_path, GOOD)
    assert config.sources[0].timezone == "Europe/Lisbon"
    assert config.calendars["office"].timezone == "Europe/Lisbon"
    assert config.slas[0].target_s == 21600
    assert config.slas[0].pause_on == ("pending",)
    assert config.staffing["phone"].patience_s == 180
    assert config.results_folder == tmp_path / "results"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[staffing.phone]", "[stafing.phone]"), "'stafing': unknown key .did you mean 'staffing'"),
        (("within =", "witin ="), r"\[staffing.phone\]: key 'witin': unknown key .did you mean 'within'"),
        (('"20s"', "20"), "key 'within': a duration needs a unit; got 20"),
        (('"20s"', '"20 parsecs"'), "not a valid duration; got '20 parsecs'"),
        (('"Europe/Lisbon"', '"Europe/Lissabon"'), "unknown time zone; got 'Europe/Lissabon'"),
        (('calendar = "office"', 'calendar = "ofice"'), "unknown calendar; got 'ofice' .did you mean 'office'"),
        (('clock = "business"', 'clock = "busines"'), "unknown clock; got 'busines' .did you mean 'business'"),
        (('target = "6h"\n', ""), "key 'target': missing key"),
        (('kpi = "csat"\n', ""), "key 'kpi': missing key"),
        (('path = "log.csv.gz"\n', ""), r"\[source.cases\]: key 'path': missing key"),
        (
            ("target = 0.9", 'target = "much"'),
            "key 'target': not a valid value; got 'much', expected a number",
        ),
        (("[source.cases]", "[source.case]"), "unknown canonical table; got 'case' .did you mean 'cases'"),
        (('where = { channel = "phone" }', "shrinkage = 1.0"), "key 'shrinkage': this must be a share; got 1.0"),
        (("[[goal]]", "[goal]"), "key 'goal': value must be a list of sections"),
        (('kpi = "csat"', 'kpi = "csta"'), "unknown KPI; got 'csta' .did you mean 'csat'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    assert change[0] in GOOD
    with pytest.raises(InputError, match=message):
        load(tmp_path, GOOD.replace(*change))


def test_no_file_no_toml_no_source(tmp_path):
    with pytest.raises(InputError, match=r"missing configuration file .make one with 'deskcast init"):
        load_config(tmp_path / "deskcast.toml")
    with pytest.raises(InputError, match="not valid TOML"):
        load(tmp_path, "timezone = ")
    with pytest.raises(InputError, match="no source is configured"):
        load(tmp_path, "")
    (tmp_path / "deskcast.toml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="cannot be read"):
        load_config(tmp_path / "deskcast.toml")


def test_parsing_touches_no_file():
    config = parse_config({"source": {"events": {"path": "nowhere.csv"}}}, folder=Path("nowhere"))
    assert config.sources[0].table == "events"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[history]\nfreq = "ME"', r"\[history\]: key 'freq'.*did you mean 'MS'"),
        ('[history]\nkpis = ["case_opened"]', r"\[history\]: key 'kpis': unknown KPI.*'cases_opened'"),
        ('[watch]\nkpis = ["csta"]', r"\[watch\].*did you mean 'csat'"),
        ("[forecast]\nlevels = [200]", r"\[forecast\]: key 'levels': unknown level; got 200"),
        ('[risk]\nat = "8am"', r"\[risk\]: key 'at': not a valid time; got '8am'"),
        ('[[sla]]\nmetric = "resolutoin"\ntarget = "1d"', r"\[\[sla\]\] 1.*unknown metric.*did you mean 'resolution'"),
        (
            '[[event]]\nname = "sale"\nstart = "soon"\nend = "2024-01-02"',
            r"\[\[event\]\] sale.*'start': not a valid day",
        ),
        ('[[event]]\nname = "sale"\nstart = "2024-01-02"\nend = "2024-01-01"', "ends before it starts"),
    ],
)
def test_values_that_do_not_exist_are_named_before_any_work(tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        load(tmp_path, f'[source.cases]\npath = "log.csv"\n{more}\n')
    names = 'kpis = ["sla_attainment_resolution", "csat"]'
    assert load(tmp_path, f'[source.cases]\npath = "log.csv"\n[watch]\n{names}\n').watch.kpis[1] == "csat"
