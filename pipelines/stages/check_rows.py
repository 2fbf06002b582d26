"""Rows of the files that are not used: those rejected, and earlier rows of a case that a newer one replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..words.facts import Cell, Fact, Finding, facts_of
from ..words.figures import figure
from ..words.words import format_count, format_list
from .check_sums import FIGURES

#: Code of an earlier row of a case: it is no error, and its case is there.
REPLACED = "row.replaced"
#: What leaves out more than this share of the rows stands at the top.
MIN_REPORTED_SHARE = 0.05


def split_rejected_rows(refused: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rejected rows, and the earlier rows of cases that newer ones replaced.

    >>> [len(part) for part in split_rejected_rows(pd.DataFrame({"code": ["row.doubled", "row.replaced"]}))]
    [1, 1]
    """
    replaced = refused["code"].eq(REPLACED)
    return refused[~replaced].reset_index(drop=True), refused[replaced].reset_index(drop=True)


def count_rows_read(refused: pd.DataFrame, table: str, counts: Mapping[str, int]) -> int:
    """Return how many rows of a table were read, used or not; of a part of an export beside the rows that are used."""
    main = sum(counts.get(t, 0) for t in ("cases", "contacts", "volumes", "surveys"))
    return counts.get(table, main) + int(refused["table"].eq(table).sum())


def find_rejections(project_rejected: pd.DataFrame, counts: Mapping[str, int]) -> list[Finding]:
    """Report reasons for which more than a twentieth of the rows of a table are rejected."""
    rejected, _ = split_rejected_rows(project_rejected)
    said = []
    for (source, table, reason), rows in rejected.groupby(["source", "table", "reason"], sort=False):
        share = len(rows) / count_rows_read(project_rejected, str(table), counts)
        if share > MIN_REPORTED_SHARE and table != "events":
            of, names = f"{source}: {reason}", [str(source), str(reason)]
            lost = figure(FIGURES, "rejected rows", of, len(rows))
            part = figure(FIGURES, "share of rejected rows", of, share, "share")
            text = f"{source}: {lost:row} ({part:%}) are rejected: {reason}."
            said.append(Finding(text, lost, part, audience="planner", names=names))
    return said


def count_replaced_rows(rejected: pd.DataFrame, replaced: pd.DataFrame, counts: Mapping[str, int]) -> list[Finding]:
    """Report how many rows are earlier rows of a case, as in exports of several months: one sentence a source."""
    whole, said = pd.concat([rejected, replaced]), []
    for (source, table), rows in replaced.groupby(["source", "table"], sort=False):
        cell = Cell("replaced_rows", "row", {"source": source, "table": table}, "count")
        count = Fact.at(cell, {"replaced_rows": replaced}, "earlier rows of cases", f"{source}, {table}")
        share = len(rows) / count_rows_read(whole, str(table), counts)
        part = figure(FIGURES, "share of earlier rows of cases", f"{source}, {table}", share, "share")
        what = "is an earlier row of a case" if len(rows) == 1 else "are earlier rows of cases"
        text = f"{source}: {count:row} ({part:%}) {what}, replaced by newer rows of the same case. No case is lost."
        said.append(Finding(text, count, part, audience="planner", names=[str(source)]))
    return said


def count_rejected_rows(rejected: pd.DataFrame, losses: Sequence[str]) -> list[Finding]:
    """Report how many rows were rejected and the most frequent reason, unless the largest losses tell of all."""
    told = sum(fact.value for fact in facts_of(losses) if fact.kind == "rejected rows")
    if rejected.empty or told == len(rejected):
        return []
    tables = {"rejected_rows": rejected}
    whole = Fact.at(Cell("rejected_rows", "row", take="count"), tables, "rejected rows", "all", audience="planner")
    top = rejected.groupby(["source", "table", "reason"], sort=False).size().sort_values(ascending=False, kind="stable")
    keys = dict(zip(("source", "table", "reason"), top.index[0], strict=True))
    count = Fact.at(Cell("rejected_rows", "row", keys, "count"), tables, "rejected rows", str(keys["reason"]))
    reason, source = str(keys["reason"]).rstrip("."), str(keys["source"])
    most = f", {count} of them because" if len(top) > 1 else ":"
    text = f"{whole:row} rejected{most} {reason} ({source})."
    return [Finding(text, whole, *[count] * (len(top) > 1), names=[reason, source])]


def describe_rejected_rows(
    rejected: pd.DataFrame, replaced: pd.DataFrame, counts: Mapping[str, int]
) -> list[tuple[str, str]]:
    """Return the questions on the rows that are not used, with their answers."""
    twice = rejected[rejected["code"] == "row.doubled"]
    earlier = " ".join(count_replaced_rows(rejected, replaced, counts))
    return [
        ("Rejected rows", format_rejected_rows(rejected)),
        ("Rejected rows by code", format_rejected_codes(rejected)),
        (
            "Duplicates",
            f"{format_count(len(twice), 'row')}; one of each was kept." if len(twice) else "None by its key.",
        ),
        *([("Earlier rows of the same case", earlier)] if earlier else []),
    ]


def format_rejected_rows(rejected: pd.DataFrame) -> Finding:
    """Count the rejected rows by their reason, with the first places of each."""
    if rejected.empty:
        return Finding("None.")
    parts: list[str] = []
    facts: list[Fact] = []
    names: list[str] = []
    tables = {"rejected_rows": rejected}
    several = {str(source) for source, rows in rejected.groupby("source") if rows["table"].nunique() > 1}
    for (source, table, reason), rows in rejected.groupby(["source", "table", "reason"], sort=False):
        shown = [_place(p) for p in rows.head(3).to_dict("records")]
        name = f"{source}, {table}" if str(source) in several else source
        keys = {"source": source, "table": table, "reason": reason}
        count = Fact.at(Cell("rejected_rows", "row", keys, "count"), tables, "rejected rows", f"{name}: {reason}")
        parts.append(f"{name}: {count:row}, {reason}, such as {format_list(shown)}")
        facts, names = [*facts, count], [*names, *shown, str(name), str(reason)]
    whole = Fact.at(Cell("rejected_rows", "row", take="count"), tables, "rejected rows", "all")
    return Finding(f"{whole:row} rejected: {'; '.join(parts)}.", whole, *facts, names=names)


def format_rejected_codes(refused: pd.DataFrame) -> str:
    """Count the refused rows by the kind of their refusal, the most frequent first.

    >>> format_rejected_codes(pd.DataFrame({"code": ["row.doubled", "time.missing", "row.doubled"]}))
    'row.doubled: 2 rows; time.missing: 1 row. What a code means: deskcast check --explain CODE.'
    """
    if refused.empty:
        return "None."
    counts = sorted(refused["code"].value_counts().items(), key=lambda item: (-item[1], str(item[0])))
    shown = "; ".join(f"{code}: {format_count(int(count), 'row')}" for code, count in counts)
    return f"{shown}. What a code means: deskcast check --explain CODE."


def _place(rejected: Mapping[Any, Any]) -> str:
    """Name a row of a file and its value; rows that several sources have bear no number."""
    column, value, row, file = rejected["column"], rejected["value"], int(rejected["row"]), rejected.get("file")
    said = f"{column}: {value!r}" if isinstance(value, str) else f"{column}: nothing"
    where = f" of {file}" if isinstance(file, str) else ""
    return f"row {row:,}{where} ({said})" if row else said
