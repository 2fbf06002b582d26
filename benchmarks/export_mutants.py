"""Mutants of five kinds of export: each must be refused in one line, or read with every row counted.

python benchmarks/export_mutants.py [mutants] [first seed] [folder for a file of what was found]

A mutant is one of the five exports with one to three things done to it that happen to exports: columns or rows
swapped, dropped, doubled, emptied or wrongly typed, files cut, odd encodings, delimiters and line ends. It goes
through the door twice: as ``deskcast init`` would read it, and by the configuration of the export as it was before.
A mutant is a fault where something else than an :class:`InputError` of one line comes, the table becomes one of
another kind unasked, or a row is neither used, nor refused, nor said to be left out.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from deskcast.features.errors import InputError
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import LoadedSource, SourceSpec
from deskcast.pipelines.init.init import format_config
from deskcast.pipelines.project.config import parse_config

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracles"))
from made_exports import EXPORTS, Export, Rng, Sheet, one

LEFT_OUT = re.compile(
    r"([\d,]+) (?:rows|cases|slots|tickets|events of cases) lie outside|([\d,]+) rows? repeats? the header|"
    r"([\d,]+) lines? of one value (?:is|are) no row"
)
MAX_LINE = 2000


def some(rng: Rng, n: int, share: float | None = None) -> set[int]:
    """Return some data rows of a sheet with ``n`` rows, at least one."""
    chosen = rng.random(n) < (share if share is not None else rng.choice([0.02, 0.05, 0.3, 0.9]))
    chosen[int(rng.integers(n))] = True
    return set((np.flatnonzero(chosen) + 1).tolist())


def on_column(
    change: Callable[[Rng, list[list[str]], int], list[list[str]]], hurts: bool
) -> Callable[[Rng, Sheet], Sheet]:
    """Make a mutation of one column; ``hurts`` where the column can no longer be what it was."""

    def mutate(rng: Rng, sheet: Sheet) -> Sheet:
        at = int(rng.integers(len(sheet.rows[0])))
        kept = sheet.essential - {at} if hurts else sheet.essential
        lost = frozenset({-1}) if hurts and at in sheet.essential else frozenset()
        return replace(sheet, rows=change(rng, [r[:] for r in sheet.rows], at), essential=kept | lost)

    return mutate


def on_rows(change: Callable[[Rng, list[list[str]]], list[list[str]]]) -> Callable[[Rng, Sheet], Sheet]:
    """Make a mutation of the data rows."""
    return lambda rng, sheet: replace(sheet, rows=[sheet.rows[0], *change(rng, [r[:] for r in sheet.rows[1:]])])


def swap_order(rng: Rng, rows: list[list[str]], at: int) -> list[list[str]]:
    """Put a column elsewhere, with its header."""
    to = int(rng.integers(len(rows[0])))
    for row in rows:
        row.insert(to, row.pop(min(at, len(row) - 1)))
    return rows


def swap_headers(rng: Rng, rows: list[list[str]], at: int) -> list[list[str]]:
    """Let two columns have each other's header."""
    to = int(rng.integers(len(rows[0])))
    rows[0][at], rows[0][to] = rows[0][to], rows[0][at]
    return rows


def fill(
    values: Callable[[Rng], str], share: float | None = None
) -> Callable[[Rng, list[list[str]], int], list[list[str]]]:
    """Make a change that writes other values into a column, into all rows or into some."""

    def change(rng: Rng, rows: list[list[str]], at: int) -> list[list[str]]:
        for i in range(1, len(rows)) if share == 1.0 else sorted(some(rng, len(rows) - 1)):
            if at < len(rows[i]):
                rows[i][at] = values(rng)
        return rows

    return change


def wrong(rng: Rng) -> str:
    """Return a value of another type."""
    return one(
        rng,
        [
            "n/a",
            "soon",
            "-5",
            "1e400",
            "2024-13-45",
            "99999999999999999999",
            "0000-00-00",
            "NaN",
            "x" * 300,
            "true",
            "\u202e9",
        ],
    )


def drop_column(_: Rng, rows: list[list[str]], at: int) -> list[list[str]]:
    """Drop a column."""
    return [row[:at] + row[at + 1 :] for row in rows]


def double_column(_: Rng, rows: list[list[str]], at: int) -> list[list[str]]:
    """Write a column twice, under one name."""
    return [[*row, row[at]] if at < len(row) else row for row in rows]


def ragged(rng: Rng, rows: list[list[str]]) -> list[list[str]]:
    """Let a row have a value too many or too few."""
    for i in some(rng, len(rows), 0.01):
        rows[i - 1] = [*rows[i - 1], "more"] if rng.random() < 0.5 else rows[i - 1][:-1]
    return rows


def doubled(rng: Rng, rows: list[list[str]]) -> list[list[str]]:
    """Write some rows twice, next to each other or at the end."""
    again = some(rng, len(rows))
    more = [rows[i - 1][:] for i in sorted(again)]
    return (
        rows + more
        if rng.random() < 0.5
        else [r for i, row in enumerate(rows, 1) for r in ([row, row[:]] if i in again else [row])]
    )


def repeated_header(rng: Rng, sheet: Sheet) -> Sheet:
    """Write the header again in the middle, as joined files have it."""
    at = int(rng.integers(1, len(sheet.rows)))
    return replace(sheet, rows=[*sheet.rows[:at], sheet.rows[0][:], *sheet.rows[at:]])


MUTATIONS: dict[str, Callable[[Rng, Sheet], Sheet]] = {
    "columns swapped": on_column(swap_order, hurts=False),
    "headers swapped": on_column(swap_headers, hurts=True),
    "column dropped": on_column(drop_column, hurts=True),
    "column doubled": on_column(double_column, hurts=False),
    "column emptied": on_column(fill(lambda _: "", 1.0), hurts=True),
    "column wrongly typed": on_column(fill(wrong, 1.0), hurts=True),
    "values emptied": on_column(fill(lambda _: ""), hurts=False),
    "values wrongly typed": on_column(fill(wrong), hurts=False),
    "rows swapped": on_rows(lambda rng, rows: [rows[i] for i in rng.permutation(len(rows))]),
    "rows dropped": on_rows(lambda rng, rows: [r for i, r in enumerate(rows, 1) if i not in some(rng, len(rows), 0.4)]),
    "rows doubled": on_rows(doubled),
    "rows emptied": on_rows(lambda rng, rows: [[""] * len(r) if rng.random() < 0.1 else r for r in rows]),
    "rows ragged": on_rows(ragged),
    "all rows dropped": on_rows(lambda *_: []),
    "header repeated": repeated_header,
    "cut": lambda rng, sheet: replace(sheet, cut=float(rng.uniform(0.0, 1.0))),
    "encoding": lambda rng, sheet: replace(
        sheet,
        encoding=one(
            rng, ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252", "latin-1", "utf-32", "cp037", "utf-7"]
        ),
    ),
    "delimiter": lambda rng, sheet: replace(sheet, delimiter=one(rng, [";", "\t", "|", "~", "^", ":", " "])),
    "line ends": lambda rng, sheet: replace(sheet, end=one(rng, ["\r\n", "\r", "\r\r\n", "\n\n"])),
    "quotes": lambda _, sheet: replace(sheet, quoting=csv.QUOTE_ALL),
    "title above": lambda rng, sheet: replace(
        sheet, head=one(rng, ["Report of March\n", "\n\n", "Cases,2024\n\n", '"open quote\n', "sep=,\n"])
    ),
    "footer": lambda rng, sheet: replace(
        sheet, foot=one(rng, ["Total,60\n", "\x1a", "\x00", "Grand Total\n", "\n\n\n", '"open'])
    ),
}


def mutant(seed: int) -> Export:
    """Return the mutant of a seed."""
    rng = np.random.default_rng(seed)
    export = EXPORTS[seed % len(EXPORTS)](rng)
    sheets = list(export.sheets)
    done = []
    for _ in range(1 + int(rng.random() < 0.4) + int(rng.random() < 0.15)):
        name = one(rng, list(MUTATIONS))
        at = int(rng.integers(len(sheets)))
        if len(sheets[at].rows) < 2:
            continue
        sheets[at] = MUTATIONS[name](rng, sheets[at])
        done.append(f"{name} in {sheets[at].name}")
    return replace(export, sheets=tuple(sheets), done=tuple(done))


def written(export: Export, folder: Path) -> Path:
    """Write the files of an export, and return what ``init`` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    for sheet in export.sheets:
        (folder / sheet.name).write_bytes(sheet.data())
    return folder if export.folder else folder / export.sheets[0].name


def loaded(text: str, home: Path) -> list[tuple[SourceSpec, LoadedSource]]:
    """Read all sources of a configuration, as a run does."""
    config = parse_config(tomllib.loads(text), folder=home)
    return [(spec, load_source(spec, home)) for spec in config.sources]


def records(sheet: Sheet) -> list[list[str]]:
    """Return what a file holds by the plainest reader: records that are not blank, the header first."""
    text = sheet.data().decode(sheet.encoding, errors="ignore").replace("\r\n", "\n").replace("\r", "\n")
    return [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=sheet.delimiter) if r]


def judge(export: Export, parts: list[tuple[SourceSpec, LoadedSource]]) -> str:
    """Say what is wrong with what was read, or nothing."""
    tables = {name for _, part in parts for name in part.tables}
    main = export.sheets[0]
    damaged = -1 in main.essential
    mine = [
        part
        for spec, part in parts
        if export.table in part.tables
        and (spec.table == export.table or export.folder or export.kind == "servicenow log")
    ]
    if export.folder:  # cases that comments tell of are no table of cases
        mine = [part for part in mine if export.table not in part.derived]
    if not mine:
        return "" if damaged else f"the kind of table changed to {', '.join(sorted(tables))}"
    part = mine[0]
    if (
        export.kind in ("event log", "servicenow log")
        and "events" not in part.derived
        and "cases" not in part.derived
        and "events" not in tables
    ):
        return "the log became cases"
    if "cut" in " ".join(export.done) or '"open' in main.head + main.foot:
        return ""  # how many rows a half record makes is the reader's to say
    return uncounted(export, part)


def uncounted(export: Export, part: LoadedSource) -> str:
    """Say how many rows of the main file were neither used, nor refused, nor said to be left out."""
    main = export.sheets[0]
    rejected = part.rejected
    if export.kind == "servicenow log":
        return lost_incidents(main, part)
    of_main = rejected[rejected["table"].isin([export.table, "tickets"])]
    refused = of_main["row"].nunique()
    left_out = sum(
        int(n.replace(",", ""))
        for note in part.notes
        if "lie outside" in note or main.name in note  # of the other files of a folder nothing is counted
        for found in LEFT_OUT.findall(note)
        for n in found
        if n
    )
    lines = records(main)
    every = max(0, len(lines) - 1)
    while lines and not any(c.strip() for c in lines[-1]):  # blank lines below a table need not be rows
        lines.pop()
    rows, used = max(0, len(lines) - 1), export.used(part)
    titles = sum(bool(line.strip()) for line in main.head.splitlines())  # no rows where the reader knows them as titles
    if used + refused + left_out not in (rows, rows - titles, every):
        return f"{rows} rows, of which {used} used, {refused} refused, {left_out} left out"
    return ""


def lost_incidents(sheet: Sheet, part: LoadedSource) -> str:
    """Say which incidents vanished: each id is a case, unless all its rows are refused."""
    head, *rows = records(sheet)
    if head.count("number") != 1 or sheet.encoding == "utf-7":  # nobody reads that, so ids are told as it writes them
        return ""
    at = head.index("number")
    refused = set(part.rejected["row"])
    there = {row[at] for i, row in enumerate(rows, 1) if i not in refused and len(row) > 1 and at < len(row)}
    found = set(part.tables["cases"]["case_id"])
    lost = sorted(i for i in there - {"number"} if i.strip() and i not in found)  # a header again is no incident
    return f"{len(lost)} incidents vanished, such as {lost[0]!r}" if lost else ""


def attempt(work: Callable[[], list[tuple[SourceSpec, LoadedSource]]], export: Export) -> tuple[str, str]:
    """Return how a mutant ended (read or refused), and what is wrong with that."""
    try:
        parts = work()
    except InputError as error:
        said = str(error)
        return "refused", "" if "\n" not in said and len(said) < MAX_LINE else f"the refusal is no line: {said[:300]!r}"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "deskcast" in f.filename]
        where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else f"{place.filename}:{place.lineno}"
        return "crashed", f"{type(error).__name__} at {where}: {str(error)[:160]}"
    return "read", judge(export, parts)


def clean_configs(home: Path) -> dict[str, str]:
    """Return the configuration of each kind as it was before anything happened to the export."""
    texts = {}
    for make in EXPORTS:
        export = make(np.random.default_rng(0))
        folder = home / f"clean {export.kind}"
        text = format_config([written(export, folder)], folder)
        texts[export.kind] = re.sub(r"(?m)^(since|until) = .*$", "", text)
        wrong_with = judge(export, loaded(texts[export.kind], folder))
        if wrong_with:
            raise RuntimeError(f"the {export.kind} itself is not read right: {wrong_with}")
    return texts


def try_mutants(seeds: range, home: Path) -> tuple[Counter[tuple[str, str, str]], list[dict[str, Any]]]:
    """Try mutants at both doors; return how they ended by kind and door, and the faults."""
    texts = clean_configs(home)
    ends: Counter[tuple[str, str, str]] = Counter()
    faults = []
    for seed in seeds:
        export, folder = mutant(seed), home / str(seed)
        place = written(export, folder)
        doors = {
            "init": lambda place=place, folder=folder: loaded(format_config([place], folder), folder),
            "configured": lambda folder=folder, kind=export.kind: loaded(texts[kind], folder),
        }
        for door, work in doors.items():
            end, fault = attempt(work, export)
            ends[export.kind, door, end] += 1
            if fault:
                faults.append(
                    {"seed": seed, "kind": export.kind, "door": door, "done": list(export.done), "fault": fault}
                )
        shutil.rmtree(folder)
    return ends, faults


def main() -> None:
    """Try as many mutants as asked, and tell how they ended."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as home:
        ends, faults = try_mutants(range(first, first + count), Path(home))
    for (kind, door, end), n in sorted(ends.items()):
        print(f"{kind:<16} {door:<11} {end:<8} {n:6,}")
    print(f"{count:,} mutants at two doors, {len(faults):,} faults")
    for fault in faults[:40]:
        print(json.dumps(fault, ensure_ascii=False))
    if len(sys.argv) > 3:
        Path(sys.argv[3], "mutants.json").write_text(json.dumps(faults, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
