"""Scripts of others are what their packages hold, with their licences, and small."""

import csv
from hashlib import sha256
from pathlib import Path

import deskcast.pipelines.pages.web as web

FOLDER = Path(web.__file__).parent / "static" / "vendor"
#: Bytes of all scripts that a page may load.
MAX_SCRIPT_BYTES = 120_000


def test_vendored_files_are_those_of_their_packages_and_each_has_a_licence():
    with (FOLDER / "vendored.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {p.name for p in FOLDER.iterdir()} == {row["file"] for row in rows} | {"vendored.csv"}
    for row in rows:
        assert sha256((FOLDER / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
    licensed = {row["package"] for row in rows if row["path"] == "LICENSE"}
    assert licensed == {row["package"] for row in rows} == {"htmx.org", "uplot"}


def test_scripts_are_small():
    scripts = [*FOLDER.glob("*.js"), *FOLDER.parent.glob("*.js")]
    assert len(scripts) == 3
    assert sum(p.stat().st_size for p in scripts) <= MAX_SCRIPT_BYTES
