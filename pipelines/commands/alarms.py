"""``deskcast alarms``: what was sent and what waits; send it now, or a trial."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from .options import DEFAULT_CONFIG, AllOption, ConfigOption, JsonOption

#: Alarms that were sent and are listed without ``--all``.
LISTED = 10


def alarms(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    show_all: AllOption = False,
    send: Annotated[bool, typer.Option("--send", help="Send what waits now, but for quiet hours.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Send a trial to every receiver.")] = False,
) -> None:
    """List the alarms that wait and that were sent; send them, or a trial."""
    from ..alarms.send import send_trials, send_waiting
    from ..project.config import load_config
    from .exit_codes import EXIT_UNDELIVERED
    from .terminal import print_line

    found = load_config(config)
    if send or test:
        ends = send_trials(found) if test else send_waiting(found, all_due=True)
        told = [
            {"target": e.alarm.target, "subject": e.alarm.body["subject"], "end": e.end, "error": e.error} for e in ends
        ]
        if as_json:
            print_line(json.dumps(told, ensure_ascii=False, indent=1))
        for one in [] if as_json else told:
            print_line(
                f"{one['end']}: {one['target']}: {one['subject']}" + (f" ({one['error']})" if one["error"] else "")
            )
        if not as_json and not told:
            print_line("No alarm waits to be sent now.")
        if any(e.end != "sent" for e in ends):
            raise typer.Exit(EXIT_UNDELIVERED)
        return
    body = list_alarms(found)
    if as_json:
        print_line(json.dumps(body, ensure_ascii=False, indent=1))
        return
    for line in format_alarms(body, show_all=show_all):
        print_line(line)


def list_alarms(config: Any) -> dict[str, list[dict[str, str]]]:
    """Return what waits and what was sent, the newest first, with ``sent_at`` in UTC."""
    import pandas as pd

    from ..alarms.outbox import read_waiting
    from ..state.database import read_state
    from ..state.records import read_records

    with read_state(config.state_place) as state:
        waiting, sent = read_waiting(state), read_records(state, "alarms_sent")
    waits = [
        {"kind": w.kind, "target": w.target, "subject": str(w.body["subject"]), "made_at": w.made_at.isoformat(),
         "attempts": str(w.attempts), "next_at": w.next_at.isoformat(), "error": w.error}
        for w in waiting
    ]  # fmt: skip
    done = [
        {"kind": str(row["kind"]), "target": str(row["target"]), "key": str(row["key"]),
         "sent_at": pd.Timestamp(row["at"]).isoformat(), "error": str(row["error"])}
        for row in sent.iloc[::-1].to_dict("records")
    ]  # fmt: skip
    return {"waiting": waits, "sent": done}


def format_alarms(body: dict[str, list[dict[str, str]]], *, show_all: bool = False) -> list[str]:
    """Write the list as lines."""
    waits, sent = body["waiting"], body["sent"]
    if not waits and not sent:
        return ["No alarm was sent, and none waits."]
    lines = [f"{len(waits)} waiting, {len(sent)} sent."]
    for one in waits:
        why = f" ({one['error']}; next try {one['next_at'][:16]})" if one["error"] else ""
        lines.append(f"waits  {one['made_at'][:16]}  {one['target']}: {one['subject']}{why}")
    for one in sent if show_all else sent[:LISTED]:
        lines.append(
            f"sent   {one['sent_at'][:16]}  {one['target']}: {one['kind']} {one['key']}"
            + (f" ({one['error']})" if one["error"] else "")
        )
    return lines + ([f"... {len(sent) - LISTED} more: --all"] if len(sent) > LISTED and not show_all else [])
