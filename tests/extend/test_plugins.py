"""Modules of plug-ins are loaded by the configuration and by packages; the page that explains them runs."""

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
from deskcast.extend import PluginWarning, load_plugins, registered, unregister
from deskcast.features import kpi_history, snapshots
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.history import history_stage
from deskcast.pipelines.stages.train import train_stage
from typer.testing import CliRunner

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, flags=re.S)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
PLUGINS_TOML = next(text for kind, text in BLOCKS if kind == "toml")
CASES = "case_id,created_at\n1,2024-03-01 09:00\n2,2024-03-02 10:00\n3,2024-03-03 10:00\n"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(900, seed=2), folder)
    return folder


def own_copy(desk, tmp_path, name="desk_plugins"):
    """Return a desk with the module of the page under a name of its own: a process has one module of a name."""
    home = tmp_path / "desk"
    shutil.copytree(desk, home)
    (home / f"{name}.py").write_text(PYTHON[0], encoding="utf-8")
    with (home / "deskcast.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + PLUGINS_TOML.replace("desk_plugins", name))
    return home


def small(tmp_path, module, plugins='modules = ["desk_plugins_x"]'):
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "desk_plugins_x.py").write_text(module)
    (tmp_path / "deskcast.toml").write_text(f'[source.cases]\npath = "cases.csv"\n[plugins]\n{plugins}\n')
    return tmp_path / "deskcast.toml"


@pytest.mark.slow
def test_the_page_brings_one_of_each_and_all_stages_see_them(desk, tmp_path):
    home = own_copy(desk, tmp_path)
    project = open_project(home / "deskcast.toml")
    assert list(registered()) == [
        "forecaster last_four_weeks", "classifier forest", "feature customer_messages_24h", "kpi weekend_share",
    ]  # fmt: skip
    history = history_stage(project).tables["history"]
    mine = history[(history["kpi"] == "weekend_share") & (history["n"] > 0) & history["value"].notna()]
    assert mine["value"].tolist() == (mine["ds"].dt.day_of_week > 4).astype(float).tolist()
    assert mine["channel"].notna().any()
    _, trained = train_stage(project)
    assert "forest" in set(trained.risk.evaluation_["model"])
    assert trained.frame["attr_customer_messages_24h"].max() >= 1
    assert trained.frame.attrs["known"] == {"attr_customer_messages_24h": "event"}
    assert "attr_customer_messages_24h" in trained.risk.candidates_["logistic"].score.features
    cut = trained.frame["at"].iloc[len(trained.frame) // 2]
    then = snapshots(project.log.as_of(cut), [cut])["attr_customer_messages_24h"]
    now = trained.frame.loc[trained.frame["at"] == cut, "attr_customer_messages_24h"]
    assert then.tolist() == now.tolist()


def test_the_python_of_the_page_runs(tmp_path):
    (tmp_path / "desk_plugins_page.py").write_text(PYTHON[0], encoding="utf-8")
    load_plugins(["desk_plugins_page"], tmp_path)
    names = {"pd": pd, "np": sys.modules["numpy"]}
    exec(PYTHON[1], names)
    assert set(names["table"]["model"]) == {"deskcast", "core", "flat", "same_slot", "seasonal_naive"}
    assert names["ahead"].attrs["model"] == "flat"


def test_the_command_line_lists_a_users_kpi(tmp_path):
    module = """
import pandas as pd
from deskcast.extend import register_kpi

@register_kpi("again", unit="count", definition="cases, counted again")
def again(log):
    return log.frame("cases").rename(columns={"created_at": "at"})[["case_id", "at"]]
"""
    path = small(tmp_path, module)
    (tmp_path / "deskcast.toml").write_text(path.read_text() + '[watch]\nkpis = ["again"]\n')
    said = CliRunner().invoke(app, ["history", "--list", "--config", str(path), "--json"])
    assert said.exit_code == 0, said.output
    assert '"again"' in said.output
    log = open_project(path).log
    assert kpi_history(log, "again")["value"].tolist() == kpi_history(log, "cases_opened")["value"].tolist()


def test_the_fingerprint_follows_the_code_of_the_plug_ins_and_nothing_else(tmp_path):
    one = open_project(small(tmp_path, "X = 1\n")).fingerprint
    assert open_project(tmp_path / "deskcast.toml").fingerprint == one
    (tmp_path / "desk_plugins_x.py").write_text("X = 2\n")
    assert open_project(tmp_path / "deskcast.toml").fingerprint != one


@pytest.mark.parametrize(
    ("module", "plugins", "message"),
    [
        ("", 'modules = ["desk_plugins_y"]', r"\[plugins\]: .*'modules': .*ModuleNotFoundError.*'desk_plugins_y'"),
        (
            "1 / 0",
            'modules = ["desk_plugins_x"]',
            r"'modules': the plug-ins cannot be loaded .ZeroDivisionError",
        ),
        ("", 'module = "x"', r"\[plugins\]: key 'module': unknown key .did you mean 'modules'"),
        ("", "modules = [1]", r"key 'modules': not a valid value; got \[1\], expected a list of texts"),
    ],
)
def test_what_cannot_be_loaded_is_named(tmp_path, module, plugins, message):
    with pytest.raises(InputError, match=message):
        load_config(small(tmp_path, module, plugins))


def test_a_module_that_fails_half_way_leaves_nothing_and_can_be_mended(tmp_path):
    half = "from deskcast.extend import register_forecaster\nregister_forecaster('half', print)\n"
    path = small(tmp_path, half + "1 / 0\n")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        load_config(path)
    assert registered() == {}
    (tmp_path / "desk_plugins_x.py").write_text(half + "DONE = True\n")
    load_config(path)
    load_config(path)  # once imported it is not run again
    assert list(registered()) == ["forecaster half"]


def test_two_desks_cannot_have_two_modules_of_one_name(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    load_config(small(tmp_path / "a", "X = 1\n"))
    with pytest.raises(InputError, match="another module of this name is loaded; got 'desk_plugins_x'"):
        load_config(small(tmp_path / "b", "X = 2\n"))


def test_entry_points_are_loaded_and_a_broken_one_is_named(tmp_path, monkeypatch):
    (tmp_path / "desk_plugins_entry.py").write_text(
        "from deskcast.extend import register_forecaster\n"
        "def bring():\n    register_forecaster('brought', print)\n"
        "def broken():\n    register_forecaster('half', print)\n    raise RuntimeError('no licence')\n"
        "def leaves():\n    raise SystemExit(7)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        metadata.EntryPoint(name, f"desk_plugins_entry:{name}", "deskcast.plugins")
        for name in ("bring", "broken", "leaves")
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == "deskcast.plugins" else [])
    monkeypatch.setattr("deskcast.extend.load._LOADED", set())
    with pytest.warns(PluginWarning) as said:
        load_plugins()
    told = " ".join(str(w.message) for w in said)
    assert re.search(r"entry point 'broken' .*RuntimeError: no licence.*entry point 'leaves' .*SystemExit: 7", told)
    load_plugins()
    assert list(registered()) == ["forecaster brought"]


def test_what_is_not_registered_cannot_be_taken_out():
    with pytest.raises(InputError, match=r"unknown name of a plug-in; got 'x' .nothing is registered"):
        unregister("kpi", "x")
