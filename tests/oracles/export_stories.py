"""The stories that the made-up exports of ticket systems tell."""

from __future__ import annotations

from pathlib import Path

from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def load(kind, path, **settings):
    return load_source(SourceSpec("cases", path, kind=kind, **settings), FIXTURES)


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
