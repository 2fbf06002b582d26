"""What an object shows of itself at a prompt and in a notebook: a title and a few facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


def format_summary(title: str, facts: Mapping[str, object]) -> str:
    """Return a summary as text, a line a fact; facts without a value are left out.

    >>> print(format_summary("CaseLog", {"until": "2024-03-01", "tables": "cases 2", "calendars": ""}))
    CaseLog
      until: 2024-03-01
      tables: cases 2
    """
    return "\n".join([title, *(f"  {name}: {value}" for name, value in _told(facts).items())])


def format_summary_html(title: str, facts: Mapping[str, object]) -> str:
    """Return a summary as a small table for a notebook.

    >>> format_summary_html("CaseLog", {"tables": "a < b"})
    '<table><caption>CaseLog</caption><tr><th>tables</th><td>a &lt; b</td></tr></table>'
    """
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _told(facts).items())
    return f"<table><caption>{escape(title)}</caption>{rows}</table>"


def _told(facts: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items() if value is not None and str(value)}
