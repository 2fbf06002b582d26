"""Pages without anything to show: what is missing, why, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from .snapshot import Snapshot

#: Stage -> the noun of its page, and what it needs of the data.
NEEDS = {
    "forecast": ("forecast", "at least two weeks of cases"),
    "staff": ("staffing plan", "a [staffing.NAME] section in deskcast.toml"),
    "review": ("review of a week", "a [staffing.NAME] section in deskcast.toml and a week that is over"),
    "risk": ("list of open cases", "an [[sla]] section in deskcast.toml and open cases whose due time is known"),
    "watch": ("KPI alert", "a few weeks of KPI history"),
    "history": ("KPI history", "at least one whole day of cases"),
    "train": ("model quality", "a few hundred closed cases with an SLA"),
    "drift": ("model check", "a model in use"),
    "check": ("data summary", "a source in deskcast.toml"),
    "accuracy": ("track record", "two nights of 'deskcast run'"),
}


def explain_missing(
    results: Snapshot | None, running: bool, stage: str, tables: Sequence[str]
) -> dict[str, str] | None:
    """Return ``title``, ``why`` and ``next`` of a page that has nothing to show; ``None`` where it has.

    Parameters
    ----------
    results
        The results; ``None`` before the first run.
    running
        Whether a run is at work now.
    stage, tables
        The stage that makes the tables, and those of which one has to have rows.
    """
    wait = "A run is at work now. Load this page again when it has ended."
    if results is None:
        first = wait if running else "Run 'deskcast run' in the folder of deskcast.toml, then load this page again."
        return {"title": "No results yet", "why": "No run has ended so far.", "next": first}
    if not stage:
        return None
    noun, needs = NEEDS[stage]
    found = next((s for s in results.results.stages if s.name == stage), None)
    if any(results.count(table) for table in tables):
        return None
    title = f"No {noun} yet"
    if running:
        return {"title": title, "why": "The last run has none.", "next": wait}
    if found is None:
        why = "The last run did not include this part."
        return {"title": title, "why": why, "next": "Run 'deskcast run': it does every part."}
    if found.skipped or found.failed:
        todo = "Run 'deskcast check' to see what is missing, then 'deskcast run'."
        return {"title": title, "why": found.skipped or found.failed, "next": todo}
    if not tables:
        return None
    return {
        "title": title,
        "why": f"The last run found nothing to show. It needs {needs}.",
        "next": "Add data and run again.",
    }
