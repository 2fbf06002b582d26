"""The commands ``note`` and ``notes``: what people write down, and a list of all that they wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import DEFAULT_CONFIG, ConfigOption, JsonOption, OutOption, find_user

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Connection

#: What the audit calls a decision on an alert -> what the list calls it.
_ON_ALERTS = {"acknowledge": "acknowledged", "silence": "muted"}


def note(
    text: Annotated[str, typer.Argument(help="What to remember.")],
    config: ConfigOption = DEFAULT_CONFIG,
    on: Annotated[str, typer.Option(metavar="KPI|CASE|ALERT", help="KPI, case or KPI alert that it is about.")] = "",
    by: Annotated[str, typer.Option(metavar="NAME", help="Who writes it. Default: who is logged in.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Write a note down, on a KPI, a case, a KPI alert or the desk as a whole."""
    import json

    from ...features.errors import InputError
    from ..project.config import load_config
    from ..state.database import change_state
    from ..state.records import add_record
    from .terminal import print_line

    if not text.strip():
        raise InputError("the note is empty", where="note", hint="write it in quotes", code="command.invalid")
    spec, writer = load_config(config), by.strip() or find_user()
    kind = _find_kind(config, on) if on else ""
    with change_state(spec.state_place) as state:
        add_record(state, "notes", by=writer, kind=kind, subject=on, text=text.strip())
    if as_json:
        body = {"note": text.strip(), "kind": kind, "on": on, "by": writer}
        print_line(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        print_line(f"Noted{f' on the {kind} {on}' if on else ''}; deskcast notes lists all notes.")


def _find_kind(config: Path, name: str) -> str:
    """Return what has this name: ``KPI``, ``KPI alert`` or ``case``.

    Raises
    ------
    InputError
        If nothing has.
    """
    from ...features.errors import InputError, did_you_mean
    from ...features.kpis.catalogue import KPI_ENTRIES, find_kpi
    from ..project.config import load_config
    from ..project.project import open_project
    from ..state.database import read_state
    from ..state.issued import is_issued_case
    from ..store.incidents import read_alert_state

    if find_kpi(name) is not None:
        return "KPI"
    place = load_config(config).state_place
    with read_state(place) as state:
        ledger = None if state is None else read_alert_state(place).ledger
        if ledger is not None and name in set(ledger["alert_id"]):
            return "KPI alert"
        if state is not None and is_issued_case(state, name):
            return "case"
    log = open_project(config).log
    cases = log.table("cases")
    if int(cases.filter(cases.case_id == name).count().execute()):
        return "case"
    hint = did_you_mean(name, [kpi.name for kpi in KPI_ENTRIES])
    raise InputError("no KPI, case or KPI alert has this name", where="--on", got=name, hint=hint, code="state.invalid")


def notes(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    on: Annotated[str, typer.Option(metavar="NAME", help="Only what is on this KPI, case or KPI alert.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List notes, feedback, decisions, adjustments, scenarios, plans and what was done with alerts, newest first."""
    from ..project.config import load_config
    from ..stage import Stage
    from ..state.database import read_state
    from ..store.incidents import read_alert_state
    from ..words.facts import Cell, Fact, Finding
    from .terminal import output_stage

    spec = load_config(config)
    with read_state(spec.state_place) as state:
        ledger = None if state is None else read_alert_state(spec.state_place).ledger
        table = list_records(state, ledger)
    table = table[table["subject"] == on].reset_index(drop=True) if on else table
    count = Fact.at(Cell("notes", "kind", take="count"), {"notes": table}, "notes", on or "all")
    said = Finding(f"{count:entry}.", count) if len(table) else "Nothing is written down yet."
    output_stage(Stage("notes", {"notes": table}, (said,)), "notes", out, as_json, zone=spec.timezone)


def list_records(state: Connection | None, ledger: pd.DataFrame | None) -> pd.DataFrame:
    """Return all that people wrote down, the newest first.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.read_state`.
    ledger
        The KPI alerts that are remembered, with what was noted when they were acknowledged.

    Returns
    -------
    ``at, by, kind, subject, text``; ``kind`` is ``note``, ``feedback``, ``decision``, ``adjustment``,
    ``scenario``, ``plan``, ``acknowledged`` or ``muted``.

    Examples
    --------
    >>> list_records(None, None).columns.tolist()
    ['at', 'by', 'kind', 'subject', 'text']
    """
    import json

    import pandas as pd

    from ..state.records import read_records

    written, said, decided, audit = (read_records(state, name) for name in ("notes", "feedback", "decisions", "audit"))
    audit = audit[audit["action"].isin(list(_ON_ALERTS))]
    noted = {} if ledger is None else dict(zip(ledger["alert_id"], ledger["note"].fillna(""), strict=True))
    until = [json.loads(body).get("until", "")[:10] for body in audit["body"]]
    texts = [
        f"until {day}" if day else str(noted.get(name, "")) for name, day in zip(audit["subject"], until, strict=True)
    ]
    parts = [
        written.assign(kind="note"),
        said.assign(kind="feedback", text=_joined(said["verdict"], said["note"])),
        decided.assign(kind="decision", subject=decided["model"], text=_joined(decided["decision"], decided["reason"])),
        audit.assign(kind=audit["action"].map(_ON_ALERTS), text=texts),
        *_read_saved(state),
    ]
    columns = ["at", "by", "kind", "subject", "text"]
    every = pd.concat([part[columns].astype("object") for part in parts], ignore_index=True)
    kinds = dict.fromkeys(columns[1:], "str") | {"at": "datetime64[us, UTC]"}
    return every.astype(kinds).sort_values("at", ascending=False, kind="stable", ignore_index=True)


def _read_saved(state: Connection | None) -> list[pd.DataFrame]:
    """Return adjustments and scenarios of the forecast, and staffing plans, that were saved, each with its reason."""
    import json

    from ..state.records import read_records

    found = []
    saved = read_records(state, "saved", kind="plan")
    for rows, kind in ((read_records(state, "scenarios"), "scenario"), (saved, "plan")):
        bodies = [json.loads(body) if body else {} for body in rows["body"]]
        kinds = ["adjustment" if body.get("kind") == "adjustment" else kind for body in bodies]
        ends = ["withdrawn" if body.get("withdrawn") else "" if body else "deleted" for body in bodies]
        reasons = [str(body.get("reason", "")) for body in bodies]
        texts = [": ".join(filter(None, both)) for both in zip(ends, reasons, strict=True)]
        found.append(rows.assign(kind=kinds, subject=rows["name"], text=texts))
    return found


def _joined(first: pd.Series, more: pd.Series) -> list[str]:
    """Return a word and what was added to it."""
    return [f"{a}: {b}" if b else str(a) for a, b in zip(first, more, strict=True)]
