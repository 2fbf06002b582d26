"""Digests of result tables and findings, to show that a change of places and names changes no figure.

    python benchmarks/digests.py take before.json desk/results other/results
    python benchmarks/digests.py take before.json earlier/results --renamed docs/renamed.csv
    python benchmarks/digests.py compare before.json after.json --renamed docs/renamed.csv

``take`` writes a digest of every column of every Parquet table and the findings of every stage, one folder after the
other; with ``--renamed`` tables, columns and values get their new names first (a digest does not tell its values).
``compare`` names what differs, after tables and columns of the first file got their new names, and ends with 1 if
anything does. What a clock or a machine decides is left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path

import pandas as pd

#: Columns that hold when or how fast something was computed, not what.
VOLATILE = {"seconds"}

Names = dict[tuple[str, str], dict[str, str]]


def digest(column: pd.Series) -> str:
    """Return a digest of the values of one column, bit by bit for floats."""
    values = pd.util.hash_pandas_object(column.astype("object").map(repr), index=False)
    return hashlib.sha256(values.to_numpy().tobytes()).hexdigest()[:16]


def tables(folder: Path, names: Names) -> dict[str, dict[str, str]]:
    """Return table -> column -> digest for the Parquet files of a folder, in new names."""
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        frame = pd.read_parquet(path)
        table = names.get(("table", "results"), {}).get(path.stem, path.stem)
        frame = frame.rename(columns=names.get(("column", table), {}))
        kept = [c for c in frame.columns if c not in VOLATILE]
        found[table] = {"": f"{len(frame)} rows"}
        for column in kept:
            values = names.get(("value", f"{table}.{column}"))
            found[table][column] = digest(
                frame[column].map(lambda v, m=values: m.get(str(v), v)) if values else frame[column]
            )
    return found


def findings(folder: Path) -> dict[str, list[str]]:
    """Return stage -> sentences."""
    stages = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["stages"]
    return {stage["name"]: stage["findings"] for stage in stages}


def renames(path: Path | None) -> Names:
    """Return old name -> new name by kind and place of a table ``kind, where, old, new``."""
    found: Names = {}
    if path is not None:
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                found.setdefault((row["kind"], row["where"]), {})[row["old"]] = row["new"]
    return found


def in_new_names(taken: dict, names: Names) -> dict:
    """Return the digests with the new names of tables and of their columns."""
    found = {}
    for old, held in taken.items():
        table = names.get(("table", "results"), {}).get(old, old)
        columns = names.get(("column", table), {})
        found[table] = {columns.get(column, column): value for column, value in held.items()}
    return found


def differences(before: dict, after: dict) -> list[str]:
    """Name what is in one and not in the other, or differs."""
    keys = sorted({*before, *after})
    return [f"{key}: {before.get(key)} -> {after.get(key)}" for key in keys if before.get(key) != after.get(key)]


def main() -> None:
    """Take digests, or compare two files of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    take = ways.add_parser("take")
    take.add_argument("out", type=Path)
    take.add_argument("folders", type=Path, nargs="+")
    take.add_argument("--renamed", type=Path)
    compare = ways.add_parser("compare")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--renamed", type=Path)
    asked = parser.parse_args()

    if asked.way == "take":
        taken = [{"tables": tables(f, renames(asked.renamed)), "findings": findings(f)} for f in asked.folders]
        asked.out.write_text(json.dumps(taken, indent=1), encoding="utf-8")
        print(f"{sum(len(t['tables']) for t in taken)} tables of {len(taken)} folders")
        return

    found: list[str] = []
    old, new = (json.loads(p.read_text(encoding="utf-8")) for p in (asked.before, asked.after))
    for place, (one, two) in enumerate(zip(old, new, strict=True)):
        renamed = in_new_names(one["tables"], renames(asked.renamed))
        for table in sorted({*renamed, *two["tables"]}):
            rows = differences(renamed.get(table, {}), two["tables"].get(table, {}))
            found += [f"folder {place}, table {table}, {row}" for row in rows]
        found += [f"folder {place}, findings, {row}" for row in differences(one["findings"], two["findings"])]
    print("\n".join(found) if found else "equal")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
