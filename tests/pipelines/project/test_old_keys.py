"""Old names in a configuration: they do the same as the new ones, with a note, and not both at once."""

import tomllib
from pathlib import Path

import pytest
from deskcast.features.errors import InputError
from deskcast.features.renamed import RenamedWarning, renamed
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.project import open_project

HEAD = '[source.cases]\npath = "c.csv"\n[staffing.phone]\n'
SECTIONS = [
    ("watch", "[watch]\n{}\n", "alarms_per_week = 2.0", "false_alerts_per_week = 2.0"),
    ("risk", "[risk]\n{}\n", "budget = 7", "cases_per_day = 7"),
    ("action", '[[action]]\ndo = "call"\n{}\n', "prevents = 0.4", "success_rate = 0.4"),
    ("shifts", '[shifts.full]\nqueue = "phone"\n{}\n', "max_people = 9", "max_agents = 9"),
    ("when", '[[action]]\ndo = "call"\nwhen = {{ {} }}\n', 'band = "high|low"', 'risk_level = "high|low"'),
]
GROUPS = [
    ('[[action]]\ndo = "call"\nwhen = {{ reason = "team | {}" }}\n', "handovers", "transfers"),
    ('[[action]]\ndo = "call"\nwhen = {{ band = "high", reason = "{}|time" }}\n', "promises", "other_slas"),
    ('[risk.actions]\n{} = {{ high = "call" }}\n', "handovers", "transfers"),
]


def read(text):
    return parse_config(tomllib.loads(HEAD + text), folder=Path())


@pytest.mark.parametrize(("section", "text", "old", "new"), SECTIONS)
def test_an_old_key_does_the_same(section, text, old, new):
    with pytest.warns(RenamedWarning, match=f"deskcast.toml .*'{old.split()[0]}' is now '{new.split()[0]}'"):
        found = read(text.format(old))
    assert found == read(text.format(new))
    assert found != read(text.format("" if section != "when" else 'team = "a"'))
    both = f"{old}, {new}" if section == "when" else f"{old}\n{new}"
    with pytest.raises(InputError, match=f"'{old.split()[0]}' and '{new.split()[0]}' are the same"):
        read(text.format(both))


def test_every_key_that_was_renamed_is_tried():
    tried = {(section, old.split()[0]) for section, _, old, _ in SECTIONS}
    assert {(r.where, r.old) for r in renamed() if r.kind == "key" and r.where != "alerts.json"} == tried


@pytest.mark.parametrize(("text", "old", "new"), GROUPS)
def test_an_old_group_of_reasons_does_the_same(text, old, new):
    with pytest.warns(RenamedWarning, match=f"'{old}' is now '{new}'"):
        found = read(text.format(old))
    text = text.replace("band =", "risk_level =").replace("team | ", "team|")
    assert found == read(text.format(new))
    assert new in str(found)


def test_an_unknown_key_is_still_an_error(tmp_path):
    with pytest.raises(InputError, match="unknown key"):
        read("[risk]\nbudgets = 7\n")
    (tmp_path / "deskcast.toml").write_text(HEAD + '[[action]]\ndo = "x"\nwhen = { reason = "handover" }\n')
    with pytest.raises(InputError, match="unknown reason"):
        open_project(tmp_path / "deskcast.toml")
