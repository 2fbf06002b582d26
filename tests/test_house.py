"""The house is what its plan says: no circle of imports, few files at a door, none too long, a sign on each door."""

import ast
import importlib
import os
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "forecasting", "models", "extend", "pipelines")
FILES = sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))
PLACES = sorted({p.parent for p in FILES})


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("deskcast", *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {module_of(p): p for p in FILES}


def absolute(node: ast.ImportFrom, path: Path) -> str:
    """Return the module that an import names, wherever in the file it stands."""
    package = ("deskcast", *path.relative_to(ROOT).parent.parts)
    base = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join((*base, *([node.module] if node.module else [])))


def imported(path: Path, modules=MODULES) -> set[str]:
    """Return the modules that a file imports: at its top, in functions, and for type checking."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = absolute(node, path)
            names = [f"{base}.{a.name}" if f"{base}.{a.name}" in modules else base for a in node.names]
            found.update(n for n in names if n in modules)
        elif isinstance(node, ast.Import):
            found.update(a.name for a in node.names if a.name in modules)
        elif isinstance(node, ast.Dict) and path.name == "__init__.py":  # modules whose names a face hands on lazily
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            found.update(name for key in keys if (name := f"{module_of(path)}.{key}") in modules)
    return found - {module_of(path)}


def test_no_circle_of_imports_lazy_and_type_checking_ones_included():
    graph = {module: imported(path) for module, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 1000  # the walk sees the arrows
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_the_walk_sees_imports_in_functions_and_for_types(tmp_path):
    one = ROOT / "features" / "cases" / "_made_up.py"
    lines = (
        "from typing import TYPE_CHECKING",
        "if TYPE_CHECKING:",
        "    from ..case_log.log import CaseLog",
        "def f():",
        "    from ..errors import InputError",
        "    from ...models import goals",
    )
    text = tmp_path / "x.py"
    text.write_text("\n".join(lines))
    found = {absolute(n, one) for n in ast.walk(ast.parse(text.read_text())) if isinstance(n, ast.ImportFrom)}
    assert found == {"typing", "deskcast.features.case_log.log", "deskcast.features.errors", "deskcast.models"}


@pytest.mark.parametrize("room", ROOMS)
def test_few_files_stand_at_a_rooms_own_level(room):
    assert len(list((ROOT / room).glob("*.py"))) <= 12


def test_no_file_is_too_long_to_be_read():
    listed = [p for top in (*ROOMS, "benchmarks", "tests") for p in (ROOT / top).rglob("*.py")]
    assert [str(p) for p in listed if len(p.read_text(encoding="utf-8").splitlines()) > 400] == []


@pytest.mark.parametrize("place", [p for p in PLACES if p.parent != ROOT], ids=lambda p: os.fspath(p.relative_to(ROOT)))
def test_every_door_has_a_sign_and_hands_on_what_it_names(place):
    package = importlib.import_module(module_of(place / "__init__.py"))
    assert (package.__doc__ or "").strip().endswith(".")
    if hasattr(package, "_public"):
        for name in dir(package):
            assert getattr(package, name) is not None
