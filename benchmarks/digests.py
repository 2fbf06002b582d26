"""Digests of result tables and findings, to show that a change of places and names changes no figure.

    python benchmarks/digests.py take before.json desk/results other/results
    python benchmarks/digests.py compare before.json after.json --renamed docs/renamed.csv

``take`` writes a digest of every column of every Parquet table and the findings of every stage, one folder after the
other. ``compare`` names what differs, after tables and columns of the first file got their new names, and ends with 1
if anything does. What a clock or a machine decides is left out.
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


def digest(column: pd.Series) -> str:
    """Return a digest of the values of one column, bit by bit for floats."""
    values = pd.util.hash_pandas_object(column.astype("object").map(repr), index=False)
    return hashlib.sha256(values.to_numpy().tobytes()).hexdigest()[:16]


def tables(folder: Path) -> dict[str, dict[str, str]]:
    """Return table -> column -> digest for the Parquet files of a folder."""
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        frame = pd.read_parquet(path)
        kept = [c for c in frame.columns if c not in VOLATILE]
        found[path.stem] = {"": f"{len(frame)} rows", **{c: digest(frame[c]) for c in kept}}
    return found


def findings(folder: Path) -> dict[str, list[str]]:
    """Return stage -> sentences."""
    stages = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["stages"]
    return {stage["name"]: stage["findings"] for stage in stages}


def renames(path: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the renamed tables and columns of a table ``kind, old, new``."""
    if path is None:
        return {}, {}
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    chosen = {kind: {r["old"]: r["new"] for r in rows if r["kind"] == kind} for kind in ("table", "column")}
    return chosen["table"], chosen["column"]


def in_new_names(taken: dict, new_tables: dict[str, str], new_columns: dict[str, str]) -> dict:
    """Return the digests with the new names of tables and columns; ``TABLE.COLUMN`` goes before ``COLUMN``."""

    def columns(table: str, held: dict[str, str]) -> dict[str, str]:
        return {new_columns.get(f"{table}.{c}", new_columns.get(c, c)): d for c, d in held.items()}

    return {new_tables.get(t, t): columns(t, held) for t, held in taken.items()}


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
    compare = ways.add_parser("compare")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--renamed", type=Path)
    asked = parser.parse_args()

    if asked.way == "take":
        taken = [{"tables": tables(f), "findings": findings(f)} for f in asked.folders]
        asked.out.write_text(json.dumps(taken, indent=1), encoding="utf-8")
        print(f"{sum(len(t['tables']) for t in taken)} tables of {len(taken)} folders")
        return

    found: list[str] = []
    old, new = (json.loads(p.read_text(encoding="utf-8")) for p in (asked.before, asked.after))
    for place, (one, two) in enumerate(zip(old, new, strict=True)):
        renamed = in_new_names(one["tables"], *renames(asked.renamed))
        for table in sorted({*renamed, *two["tables"]}):
            rows = differences(renamed.get(table, {}), two["tables"].get(table, {}))
            found += [f"folder {place}, table {table}, {row}" for row in rows]
        found += [f"folder {place}, findings, {row}" for row in differences(one["findings"], two["findings"])]
    print("\n".join(found) if found else "equal")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
