"""The page of what was asked for: every item once, each with its command or why it is not built."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "coverage.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([A-Z])(\d+) \| (.+?) \| (yes|partly|no) \| (.+) \|$", re.M)
ROWS = [(f"{letter}{number}", built, how) for letter, number, _, built, how in ROW.findall(PAGE)]
#: How many items each of the five articles asks for.
ITEMS = {"E": 34, "B": 21, "A": 27, "S": 21, "D": 14}


def test_every_item_has_one_row_in_order():
    assert [name for name, _, _ in ROWS] == [f"{a}{n}" for a, count in ITEMS.items() for n in range(1, count + 1)]
    table_lines = [
        line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| id", "| --"))
    ]
    assert len(table_lines) == len(ROWS) == 117  # no row is written otherwise


def test_the_counts_at_the_top_are_those_of_the_rows():
    counts = [sum(built == word for _, built, _ in ROWS) for word in ("yes", "partly", "no")]
    assert "Built: {} rows, partly {}, not built {}.".format(*counts) in PAGE


def test_what_is_built_has_a_command_and_what_is_not_has_a_reason():
    for name, built, how in ROWS:
        if built == "no":
            assert how.startswith("not built, because "), name
        elif built == "yes":
            assert "`deskcast " in how, name
        else:
            assert "`deskcast " in how or "; " in how, name
