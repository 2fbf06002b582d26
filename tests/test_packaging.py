"""The package is what the house says: its rooms, its wheel, its root."""

import importlib
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import deskcast
import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_ROOMS = {"tests", "notebooks", "benchmarks", "build", "dist", "examples"}


def test_every_sub_package_is_listed():
    folders = {p.parent for p in ROOT.rglob("__init__.py") if not _foreign(p)}
    names = {".".join(("deskcast", *folder.relative_to(ROOT).parts)) for folder in folders}
    assert names == set(PROJECT["tool"]["setuptools"]["packages"])


def _foreign(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return parts[0] in NOT_ROOMS or any(p.startswith(".") for p in parts)


def test_no_other_python_file_stands_in_the_root():
    assert [p.name for p in ROOT.glob("*.py")] == ["__init__.py"]


def test_importing_the_face_loads_no_heavy_library():
    heavy = "('pandas', 'ibis', 'mlflow', 'sklearn', 'prophet', 'altair', 'fastapi', 'pydantic')"
    code = f"import sys, deskcast, deskcast.pipelines.commands.cli; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_face_names_what_people_need():
    for name in deskcast.__all__:
        assert getattr(deskcast, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = deskcast.nonsense


#: Every import that the documentation promises, as people write it.
PROMISED = """
from deskcast.pipelines import open_log
from deskcast.features import CaseLog, case_history, kpi_history, series, snapshots, breach_labels
from deskcast.forecasting import forecast, backtest, leaderboard
from deskcast.forecasting import queue_performance, required_agents, scheduled_agents
from deskcast.models import BreachRisk, anomaly_scores, detect_shifts, explain_change
"""


@pytest.mark.parametrize("order", [1, -1])
def test_the_promised_imports_give_functions_and_not_modules_of_the_same_name(order):
    lines = PROMISED.strip().splitlines()[::order]
    names = [name for line in lines for name in line.partition(" import ")[2].split(", ")]
    assert set(names) <= set(deskcast.__all__)  # and the face has them all
    # a module of the same name, imported before, must not take the place of the function
    modules = ("features.snapshots", "features.kpis.kpi_history", "forecasting.volume.forecast")
    before = "import " + ", ".join(f"deskcast.{m}" for m in modules)
    code = "\n".join([before, *lines, f"print([n for n in {names} if not callable(globals()[n])])"])
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_public_name_of_a_room_is_there_and_says_what_it_does():
    for room in ("features", "forecasting", "models", "pipelines"):
        module = importlib.import_module(f"deskcast.{room}")
        names = dir(module)
        assert names
        for name in names:
            assert callable(getattr(module, name)), f"{room}.{name}"
            assert (getattr(module, name).__doc__ or "").strip(), f"{room}.{name}"


def test_constraints_hold_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().split()
    assert lines
    assert all("==" in line and "/" not in line for line in lines)


def test_licence_and_version_agree():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert f"## {deskcast.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build a wheel from what git tracks, so that leftovers in the folder cannot slip in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [n for n in listed.stdout.split("\0") if n]
    if listed.returncode != 0 or not names:
        pytest.skip("the tree is not a git checkout, so what belongs to it is not known")
    for name in names:
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def test_wheel_holds_only_the_package(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {n.split("/")[0] for n in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"deskcast"}
    assert not [n for n in names if n.split("/")[1] in NOT_ROOMS]
    assert any(n.endswith("templates/report.html") for n in names)
    assert "deskcast/py.typed" in names


@pytest.mark.slow
def test_demo_works_from_the_wheel_beside_files_of_the_same_names(wheel, tmp_path):
    """The libraries come from this environment, deskcast itself only from the wheel."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    (site / "libraries.pth").write_text("\n".join(libraries))
    work = tmp_path / "work"
    work.mkdir()
    for name in ("models.py", "features.py", "forecasting.py", "pipelines.py"):
        (work / name).write_text("raise RuntimeError('the wrong file was imported')\n")
    python = home / "bin" / "python"
    where = subprocess.run(
        [python, "-c", "import deskcast; print(deskcast.__file__)"],
        cwd=work,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(site) in where.stdout
    run = [python, "-c", "from deskcast.pipelines.commands.cli import main; main()", "demo", "desk", "--cases", "300"]
    done = subprocess.run(run, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (work / "desk" / "results" / "report.html").stat().st_size > 50_000
