"""Names that are imported when they are first used."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("room", ["features", "forecasting", "models"])
def test_all_names_of_a_room_can_be_imported_at_once(room):
    found: dict[str, object] = {}
    exec(f"import deskcast.{room} as room\nnames = dir(room)\nfrom deskcast.{room} import *", found)
    assert found["names"]
    assert set(found["names"]) <= set(found)


@pytest.mark.parametrize("room", ["", "features", "forecasting", "models", "pipelines"])
def test_editors_see_every_lazy_name_where_it_is_defined(room):
    package = importlib.import_module(".".join(filter(None, ["deskcast", room])))
    table = package.HOMES if room else package._HOMES
    lazy = {(home, name) for home, names in table.items() for name in names.split()} if room else {
        (home, name) for name, home in table.items()
    }  # fmt: skip
    body = ast.parse((ROOT / room / "__init__.pyi").read_text(encoding="utf-8")).body
    shown = {(n.module, a.name) for n in body if isinstance(n, ast.ImportFrom) for a in n.names if a.asname == a.name}
    assert shown == lazy
