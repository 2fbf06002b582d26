"""What every run compares where the configuration asks for it: changes, and teams, sites or accounts; never agents."""

from __future__ import annotations

import pandas as pd

from ..project.project import Project
from ..project.specs import Config
from ..stage import Stage
from ..words.facts import Finding
from ..words.figures import figures_table
from .changes import changes_stage
from .compare import FIGURES, compare_stage

#: Verdicts of a comparison that a run tells; the rest stands in the table.
_TOLD = ("lower than expected", "higher than expected")


def is_compared(config: Config) -> bool:
    """Return whether a run compares anything: a ``[[change]]`` or ``[run] compare`` asks for it."""
    return bool(config.changes) or config.run.compare is not None


def night_compare_stage(project: Project) -> Stage:
    """Estimate what changes did, and compare the units of ``[run] compare``.

    Returns
    -------
    Stage
        Tables ``change_effects`` and ``comparison``, as far as they are asked for.
    """
    tables, findings = dict[str, pd.DataFrame](), list[Finding]()
    if project.config.changes:
        changes = changes_stage(project, nightly=True)
        tables |= changes.tables
        findings += [said for said in changes.findings if isinstance(said, Finding)]
    by = project.config.run.compare
    if by is not None:
        compared = compare_stage(project, by)
        tables |= {name: table for name, table in compared.tables.items() if name != FIGURES}
        findings += [s for s in compared.findings if isinstance(s, Finding) and any(word in s for word in _TOLD)]
        tables |= figures_table(FIGURES, findings)
    if not tables:
        return Stage("compare", skipped="Nothing that a run may compare: changes of agents are for the command.")
    return Stage("compare", tables, tuple(findings), {"by": by or "-"}, {"changes": float(len(project.config.changes))})
