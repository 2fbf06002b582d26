"""What every stage of a run hands on: tables, findings in words, and what to record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Stage:
    """The outcome of one stage.

    Attributes
    ----------
    name
        ``check``, ``history``, ``forecast``, ``staff``, ``today``, ``review``, ``train``, ``risk``, ``drift``,
        ``watch``, ``compare`` or ``accuracy``.
    tables
        Result tables by name; each becomes one Parquet file.
    findings
        What a reader should know, in plain sentences, the most important first.
    params, metrics
        Settings and figures for the record.
    skipped
        Why the stage could not be done on this data; empty where it was done.
    seconds
        How long it took.
    refused
        True where a stage was skipped because an input was refused, and not for want of anything to do.
    failed
        Why a stage that had worked before failed now, or a part of it did; empty where nothing failed.
    tables_made_at
        When the tables were made, where they are those of an earlier run; else ``None``.
    """

    name: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    skipped: str = ""
    seconds: float = 0.0
    refused: bool = False
    failed: str = ""
    tables_made_at: datetime | None = None
