"""The stories that the made-up exports of ticket systems tell."""

from __future__ import annotations

import json
from pathlib import Path

from deskcast.features import CaseLog
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def load(kind, path, **settings):
    return load_source(SourceSpec("cases", path, kind=kind, **settings), FIXTURES)


def read(folder, kind, files, **settings):
    """Write the tables of an export as JSON files into a folder, and load it."""
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return load_source(SourceSpec("cases", str(folder), kind=kind, **settings))


def make_log(loaded):
    """Return the log of a made-up installation, whose stories end in March 2024."""
    return CaseLog.from_frames(until="2024-04-15T00:00Z", attributes=loaded.attributes, **loaded.tables)


def story(loaded, case_id, *, clocks=False):
    """Tell what happened to a case: when (day and clock of March 2024), what, from and to or by whom."""
    events = loaded.tables["events"]
    out = []
    for e in events[events["case_id"] == case_id].astype(object).where(lambda f: f.notna(), None).itertuples():
        if e.kind == "created" or (str(e.field).endswith(".clock") and not clocks):
            continue
        said = f"{e.at:%d %H:%M} {e.kind}"
        if e.kind == "message":
            said += f" {e.actor_role} {'public' if e.public else 'internal'}"
        elif e.kind in ("status", "priority", "assigned", "field"):
            said += f" {e.field}: {e.old or '-'} > {e.new or '-'}"
        out.append(said)
    return out


def refused(loaded):
    return sorted(zip(loaded.rejected["table"], loaded.rejected["row"], loaded.rejected["reason"], strict=True))
