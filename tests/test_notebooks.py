"""The notebooks run from top to bottom, and are committed without output."""

import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from deskcast.pipelines import write_config
from deskcast.pipelines.commands.run import run
from deskcast.pipelines.project.project import open_project
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def test_each_user_has_a_notebook():
    assert [path.stem for path in NOTEBOOKS] == ["01_planner", "02_manager", "03_data_scientist", "04_your_own_data"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_output_and_has_no_logic_of_its_own(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not any(word in cell.source for cell in code for word in ("def ", "class ", "while "))
    assert book.cells[0].cell_type == "markdown"


def execute(path: Path, folder: Path, given: str = "") -> list[nbformat.NotebookNode]:
    """Run a notebook in a folder, its one line for one's own data changed if asked, and return what it showed."""
    book = nbformat.read(path, as_version=4)
    if given:
        line = next(cell for cell in book.cells if "# your own: " in cell.source)
        line.source = re.sub(r"= .*(?=  # your own)", f"= {given}", line.source)
    client = NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"})
    return [out for cell in book.cells if cell.cell_type == "code" for out in cell.outputs]


def check_outputs(shown: list[nbformat.NotebookNode]) -> None:
    assert len(shown) >= 5
    assert not [out for out in shown if out.output_type == "stream" and out.name == "stderr"]
    pages = [out.data.get("text/html", "") for out in shown if "data" in out]
    assert not any(re.search(r"(?:src|href)=.https?:|<script", page) for page in pages), "a picture asks another host"
    assert any("<svg" in out.data.get("text/html", "") or "image/png" in out.data for out in shown if "data" in out)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_demo_with_pictures(path, demo_home, tmp_path):
    shutil.copytree(demo_home / "desk", tmp_path / "deskcast-demo")
    check_outputs(execute(path, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_survives_another_log(path, shared_data, tmp_path):
    export = shared_data("helpdesk_italy/helpdesk.csv.gz")
    if path.stem == "04_your_own_data":
        check_outputs(execute(path, tmp_path, f'Path("{export}")'))
        return
    config = write_config([export], tmp_path)
    if path.stem == "03_data_scientist":
        run(open_project(config))
    check_outputs(execute(path, tmp_path, f'"{config}"'))
