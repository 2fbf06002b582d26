"""A log on its way to another process: its source is opened again there, or its rows come along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis
import pandas as pd

from .engine_lock import connect_duckdb


@dataclass(frozen=True)
class Opening:
    """How the tables of a log can be opened again.

    Attributes
    ----------
    open
        Gives the log; None where its rows have to come along.
    arguments
        What it takes.
    tables
        The tables that come of it: a log with others was not opened so.
    cuts
        Instants at which it was then cut.
    """

    open: Callable[..., Any]
    arguments: Mapping[str, Any]
    tables: Mapping[str, Any]
    cuts: tuple[pd.Timestamp, ...] = ()

    def cut(self, tables: Mapping[str, Any], later: Mapping[str, Any], t: pd.Timestamp) -> Opening | None:
        """Return how the log with the given tables is opened as of an instant, when its tables are the later ones."""
        return replace(self, tables=later, cuts=(*self.cuts, t)) if tables is self.tables else None


def carry_log(log: Any, opening: Opening | None) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return what :mod:`pickle` is to call, and with what, to have the log again."""
    if opening is not None and opening.tables is log.tables:
        return _reopen, (opening.open, dict(opening.arguments), opening.cuts)
    rows = {name: table.to_pyarrow() for name, table in log.tables.items()}
    return _unpack, (type(log), rows, log.until, log.timezone, dict(log.attributes), dict(log.calendars))


def _reopen(open: Callable[..., Any], arguments: Mapping[str, Any], cuts: tuple[pd.Timestamp, ...]) -> Any:
    log = open(**arguments)
    for t in cuts:
        log = log.as_of(t)
    return log


def _unpack(kind: Callable[..., Any], rows: Mapping[str, Any], *rest: Any) -> Any:
    connection = connect_duckdb()
    kinds = {name: ibis.Schema.from_pyarrow(table.schema) for name, table in rows.items()}
    tables = {name: connection.create_table(name, table, schema=kinds[name]) for name, table in rows.items()}
    return kind(tables, *rest)
