"""Error codes: each one in the code is known, and each known one is explained."""

import ast
import json
import re
from pathlib import Path

import pytest
from deskcast.features.errors import InputError
from deskcast.features.refusals import REFUSALS, explain_refusal
from deskcast.pipelines.commands.cli import app
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
ERRORS = {"InputError", "NoRowsError", "UnclearReadingError", "BusyError"}


def codes_in_the_code():
    """Return (file, line, code) of each call that makes a refusal; the code is None where none is written."""
    for room in ("features", "forecasting", "models", "pipelines", "extend"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(getattr(node, "func", None), "id", "")
                if isinstance(node, ast.Call) and name in ERRORS:
                    value = next((k.value for k in node.keywords if k.arg == "code"), None)
                    yield path.relative_to(ROOT), node.lineno, value


def test_every_code_in_the_code_is_a_known_one():
    written = [(p, n, v.value) for p, n, v in codes_in_the_code() if isinstance(v, ast.Constant)]
    assert written
    assert [(str(p), n, code) for p, n, code in written if code not in REFUSALS] == []


def test_every_refusal_has_a_code():
    assert [(str(path), line) for path, line, code in codes_in_the_code() if code is None] == []


@pytest.mark.parametrize("code", REFUSALS)
def test_each_code_is_two_words_with_a_title_an_explanation_and_a_way_to_mend(code):
    one = REFUSALS[code]
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", code)
    assert one.title[0].isupper()
    assert one.explanation.endswith(".")
    assert (len(one.explanation) > 40, len(one.mend) > 20) == (True, True)
    assert explain_refusal(f"[{code}]").startswith(f"{code}: {one.title}")


def test_a_refusal_keeps_its_sentence_and_ends_with_its_code_on_a_terminal():
    plain, coded = InputError("it is bad", where="a.csv"), InputError("it is bad", where="a.csv", code="file.damaged")
    assert str(plain) == str(coded) == plain.as_line() == "a.csv: it is bad"
    assert coded.as_line() == "a.csv: it is bad [file.damaged]"
    assert coded.as_record() == {"code": "file.damaged", "message": "a.csv: it is bad", "where": "a.csv"}
    with pytest.raises(InputError, match=r"did you mean 'column\.missing'"):
        explain_refusal("column.mising")


def test_check_explains_a_code_without_a_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    said = run.invoke(app, ["check", "--explain", "reading.unclear"])
    assert said.exit_code == 0
    assert REFUSALS["reading.unclear"].mend in said.output.replace("\n", " ").replace("  ", " ")
    as_json = json.loads(run.invoke(app, ["check", "--explain", "file.locked", "--json"]).output)
    assert as_json["file.locked"]["title"] == REFUSALS["file.locked"].title
    assert set(json.loads(run.invoke(app, ["check", "--explain", "all", "--json"]).output)) == set(REFUSALS)
