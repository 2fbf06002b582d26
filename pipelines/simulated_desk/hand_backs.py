"""What is true of the ways of the cases: how many came back to a team, and how many were duplicates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...features.case_log.schema import EVENT_KINDS
from .arrivals import Cases
from .world import Array

_TEAM_BITS = 8


def count_ping_pong(codes: dict[str, Array]) -> int:
    """Count the cases that came back to a team that had passed them on, from the codes of their events."""
    told = codes["team"] >= 0
    case, team = codes["case"][told].astype(np.int64), codes["team"][told].astype(np.int64)
    new = np.r_[True, (case[1:] != case[:-1]) | (team[1:] != team[:-1])]
    visits = (case[new] << _TEAM_BITS) | team[new]
    each, times = np.unique(visits, return_counts=True)
    return len(np.unique(each[times > 1] >> _TEAM_BITS))


def count_duplicates(cases: Cases, codes: dict[str, Array]) -> int:
    """Count the cases that came while an earlier one of their customer, of the same type, was open."""
    kinds = {name: EVENT_KINDS.index(name) for name in ("resolved", "closed", "merged", "reopened")}
    turns: dict[int, list[tuple[int, bool]]] = {}
    wanted = np.isin(codes["kind"], list(kinds.values()))
    for case, at, kind in zip(*(codes[name][wanted].tolist() for name in ("case", "at", "kind")), strict=True):
        turns.setdefault(case, []).append((at, kind == kinds["reopened"]))
    found = 0
    groups: dict[tuple[int, int], list[int]] = {}
    for case in np.argsort(cases.at, kind="stable").tolist():
        key = (int(cases.customer[case]), int(cases.type[case]))
        born = int(cases.at[case])
        found += any(_is_open(turns.get(other, ()), born) for other in groups.get(key, ()))
        groups.setdefault(key, []).append(case)
    return found


def _is_open(turns: Any, at: int) -> bool:
    """Return whether a case is open at an instant: its last turn before was none or a re-opening."""
    past = [opens for when, opens in turns if when <= at]
    return past[-1] if past else True


def way_truth(cases: Cases, codes: dict[str, Array]) -> dict[str, Any]:
    """Return what is true of hand-backs and duplicates."""
    return {"cases_back_with_a_team": count_ping_pong(codes), "duplicate_cases": count_duplicates(cases, codes)}
