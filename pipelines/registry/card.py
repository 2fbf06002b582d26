"""The card of a model: on what it rests, how good it was beside simple rules, for whom, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

#: Columns of scores, in their order, and how they are headed.
_SCORES = {
    "model": "model", "n": "n", "base_rate": "rate", "auc": "AUC", "brier": "Brier score", "ece": "calibration error",
    "team": "team", "channel": "channel", "predicted": "predicted", "observed": "observed", "stage": "stage",
}  # fmt: skip
_RISK_LIMITS = (
    "It knows what the log knew. What the log does not hold (who is ill, what was said on the phone) it cannot know.",
    "It was trained on this desk. For another desk, another SLA target or another way of working it says nothing.",
    "A probability is for deciding which case to work on first. It is not a judgement of an agent or a customer.",
    "It ages. `deskcast risk` brings speed and average rate up to the day; `predict` on a stored model does not.",
)


def write_card(
    name: str,
    what: str,
    data: Mapping[str, object],
    *,
    decision: str = "",
    tables: Mapping[str, pd.DataFrame] | None = None,
    limits: Sequence[str] = _RISK_LIMITS,
) -> str:
    """Return the card of a model as Markdown.

    Parameters
    ----------
    name
        Registered name.
    what
        What it predicts, in a sentence.
    data
        Span, rows, instant and fingerprint of its data.
    decision
        Which candidate is used, and why.
    tables
        Heading -> scores; empty ones are left out.
    limits
        Where it ends.

    Examples
    --------
    >>> print(write_card("desk-breach", "Breach risk.", {"cases": 3}, limits=["It ages."]))
    # desk-breach
    <BLANKLINE>
    Breach risk.
    <BLANKLINE>
    ## Data
    <BLANKLINE>
    - cases: 3
    <BLANKLINE>
    ## Limits
    <BLANKLINE>
    - It ages.
    <BLANKLINE>
    """
    parts = [f"# {name}", what, "## Data", "\n".join(f"- {key}: {value}" for key, value in data.items())]
    parts += ["## Decision", decision] if decision else []
    for heading, table in (tables or {}).items():
        if len(table):
            parts += [f"## {heading}", format_rows(table)]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in limits), ""]
    return "\n\n".join(parts)


def format_rows(table: pd.DataFrame) -> str:
    """Return the known columns of a table as Markdown.

    >>> print(format_rows(pd.DataFrame({"model": ["rule"], "n": [12], "brier": [0.25]})))
    | model | n | Brier score |
    |---|---|---|
    | rule | 12 | 0.250 |
    """
    names = [c for c in _SCORES if c in table]
    lines = ["| " + " | ".join(_SCORES[c] for c in names) + " |", "|" + "---|" * len(names)]
    for row in table[names].itertuples(index=False):
        cells = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
