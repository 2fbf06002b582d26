"""How a command answers: in words and tables, in JSON, and with a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ..stage import Stage


def answer(stage: Stage, table: str, out: Path | None, as_json: bool, *also: str, zone: str = "UTC") -> None:
    """Give a stage's answer: words and the head of its tables, or JSON, and the main table as a file."""
    from ...features.errors import InputError
    from .terminal import say, show_findings, show_table

    if stage.skipped:
        raise InputError(stage.skipped)
    main = stage.tables[table]
    if out is not None:
        from ..store.results import write_table

        write_table(main, out)
    if as_json:
        say(_json(stage))
        return
    show_findings(stage)
    for name in (table, *also):
        show_table(stage.tables[name], name, zone)
    if out is not None:
        say(f"{len(main):,} rows of '{table}' are in {out}.")


def _json(stage: Stage) -> str:
    import json

    body: dict[str, Any] = {
        "stage": stage.name,
        "findings": list(stage.findings),
        "metrics": {k: None if math.isnan(v) else v for k, v in stage.metrics.items()},
        "tables": {name: json.loads(_records(frame)) for name, frame in stage.tables.items()},
    }
    return json.dumps(body, ensure_ascii=False, indent=2, default=str)


def _records(frame: pd.DataFrame) -> str:
    return str(frame.to_json(orient="records", date_format="iso"))
