"""People in tables: only where the configuration allows it, and under pseudonyms unless it says otherwise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.cases.credits import acted_expr, has_agents
from ...features.errors import InputError
from ...features.kpis.cells import MISSING_SEGMENT
from ...features.kpis.view import AGENT, segment_columns
from ..project.project import Project

#: File beside the state with the key of the pseudonyms, which is never part of a table.
KEY_FILE = "people.key"
#: A group of fewer people would show what one of them did.
MIN_PEOPLE = 3
_LENGTH = 5


def is_by_agent(log: CaseLog, columns: Iterable[str]) -> bool:
    """Return whether a split is by agent: an attribute of the cases of that name is none.

    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"], "agent": ["ann"]})
    >>> log = CaseLog.from_frames(cases=cases)
    >>> is_by_agent(log, ["agent"]), is_by_agent(log, ["channel"])
    (False, False)
    """
    return AGENT in columns and AGENT not in segment_columns(log)


def check_by_agent(project: Project, columns: Iterable[str], where: str = "--by") -> bool:
    """Return whether a split is by agent, and refuse it where the configuration does not allow it.

    Raises
    ------
    InputError
        If ``[people] by_agent`` is not set.
    """
    if not is_by_agent(project.log, columns):
        return False
    if not project.config.people.by_agent:
        raise InputError(
            "nothing is shown by agent",
            where=where,
            got=AGENT,
            hint="set by_agent = true in [people], if your rules allow it",
            code="setting.invalid",
        )
    return True


class Pseudonyms:
    """Names for agents that stay the same, and that nobody without the key can lead back."""

    def __init__(self, project: Project) -> None:
        self.plain = project.config.people.names == "plain"
        self._key = b"" if self.plain else _read_key(project.config.state_place.folder / KEY_FILE)

    def hide(self, name: Any) -> str:
        """Return the pseudonym of an agent."""
        if self.plain or name is None or pd.isna(name) or name == MISSING_SEGMENT:
            return MISSING_SEGMENT if name is None or pd.isna(name) else str(name)
        digest = hmac.new(self._key, str(name).encode(), hashlib.sha256).digest()
        return f"Agent {base64.b32encode(digest).decode()[:_LENGTH]}"

    def hide_agents(self, frame: pd.DataFrame, column: str = AGENT) -> pd.DataFrame:
        """Return a table with the pseudonyms in a column; rows of totals, which name no agent, stay."""
        names = {name: self.hide(name) for name in frame[column].dropna().unique()}
        return frame.assign(**{column: frame[column].map(names).astype("str")})

    def find(self, log: CaseLog, name: str) -> str:
        """Return the agent of a pseudonym, which may also be given by the name that the log has."""
        known = find_agents(log)
        if self.plain or name in known or name == MISSING_SEGMENT:
            return name
        return {self.hide(one): one for one in known}.get(name, name)


def find_agents(log: CaseLog) -> list[str]:
    """Return the names of all human agents of a log."""
    found: set[str] = set()
    if has_agents(log):
        found |= set(fetch(acted_expr(log).select("agent").distinct())["agent"].dropna())
    for table in ("contacts", "agent_time"):
        if log.has(table, "agent_id"):
            found |= set(fetch(log.table(table).select("agent_id").distinct())["agent_id"].dropna())
    return sorted(found)


def _read_key(path: Path) -> bytes:
    """Return the key of this desk; it is made when the first table needs it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:  # another run was first
        pass
    return path.read_bytes()
