"""Which columns of a table of cases are due times: by their names, and by lying after the opening."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from .roles import ColumnProfile
from .vocabulary import normalise_column_name

#: A time that lies before the opening of so many of its cases is no due time.
MAX_DUE_BEFORE = 0.5
_WHEN = r"( (at|on|by|date|time|datetime|timestamp|date time|by date|by time|dt|utc))*"
_DUE = rf"(due|deadline|target|breach|escalation|dead line){_WHEN}"
_CASE = r"((case|ticket|incident|issue|request|task|sla|original|current|planned) )*"
#: How the systems call the due times, the narrower meaning first.
DUE_NAME_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "next_response_due_at": (
        rf"{_CASE}(next|every|periodic)( (public|agent|customer))? (response|reply|update|answer) {_DUE}",
        rf"(nr|update) {_DUE}|escalation update time|(next|update) (response|reply) by",
    ),
    "first_response_due_at": (
        rf"{_CASE}(first|initial)( (public|agent))? (response|reply|answer|reaction) {_DUE}",
        rf"{_CASE}(response|reply|reaction|respond|answer) {_DUE}",
        rf"(fr|frt) {_DUE}|response ?by( date| time)?|tto( 100)? deadline|escalation response time",
        r"(internal )?time to own( progress)?|first response due",
    ),
    "due_at": (
        rf"{_CASE}(resolution|resolve|resolved|solution|close|closing|closure|completion|fix|ttr|100| )*{_DUE}",
        rf"{_CASE}(date|time) (due|of deadline)|(resolve|resolution|due|finish) ?by( date| time)?",
        r"time to resolve( progress)?|escalation solution time|est duedate|planned end( time| date)?",
        rf"(expected|promised?|committed)( (resolution|completion|closure|close|end|finish|fix))?{_WHEN}",
    ),
}  # fmt: skip
#: The same in German, French, Spanish, Portuguese and Italian, without accents, where more than one word tells.
_TRANSLATED: tuple[tuple[str, str], ...] = (
    ("next_response_due_at", r".*(nachste|naechste|prochaine|proxima|prossima)( \w+)? (antwort|reaktion|reponse|"
     r"respuesta|resposta|risposta).*"),
    ("first_response_due_at", r".*(erste|ersten|erst|premiere|primera|primeira|prima) ?(antwort|reaktion|reaktions|"
     r"ruckmeldung|reponse|respuesta|resposta|risposta).*"),
    ("first_response_due_at", r"(antwort|reaktions?)(frist|falligkeit)|(echeance|fecha limite|prazo|vencimento|"
     r"scadenza|vencimiento) (de |da |di |della |de la )?(prise en charge|reponse|respuesta|resposta|risposta)"),
    ("due_at", r"(losungs|bearbeitungs|erledigungs|ziel)(frist|termin|datum|falligkeit)|(date |data )?(d )?"
     r"(echeance|date limite|fecha limite|prazo|vencimento|vencimiento|scadenza)( (de|da|di|della|de la|du|do))*"
     r"( (resolution|solution|cloture|resolucion|solucion|cierre|resolucao|solucao|fechamento|risoluzione|chiusura|"
     r"sla))?"),
)  # fmt: skip
_DUE_WORDS = re.compile(r"fallig|frist|termin|echeance|limite|vencim|prazo|scaden|due|deadline|ziel")


def due_role(name: str) -> str:
    """Return the name of due time that a column's name means, or nothing.

    >>> [due_role(n) for n in ("DueDate", "First Response Due By Time", "fr_due_by", "Next reply due at", "Closed")]
    ['due_at', 'first_response_due_at', 'first_response_due_at', 'next_response_due_at', '']
    >>> [due_role(n) for n in ("Fällig am", "Frist erste Antwort", "Date d'échéance", "Prazo da primeira resposta")]
    ['due_at', 'first_response_due_at', 'due_at', 'first_response_due_at']
    """
    from .translations import strip_to_words

    words, bare = normalise_column_name(name), strip_to_words(name)
    if _DUE_WORDS.search(bare):
        for role, pattern in _TRANSLATED:
            if re.fullmatch(pattern, bare):
                return role
    for role, patterns in DUE_NAME_PATTERNS.items():
        if any(re.fullmatch(p, text) for p in patterns for text in (words, bare)):
            return role
    return ""


def find_due_columns(
    columns: Mapping[str, ColumnProfile], taken: Mapping[str, str], times: Mapping[str, pd.Series[Any]]
) -> tuple[dict[str, str], list[str]]:
    """Return the columns of due times, by their canonical names, and why others of such a name are none.

    Parameters
    ----------
    columns
        Profiles of the file.
    taken
        Roles that are known, the opening among them.
    times
        Instants of a sample of each column of times.
    """
    used = {part for source in taken.values() for part in (source, *source.split(" + "))}
    opening = times.get(taken["created_at"].split(" + ")[0])
    found: dict[str, str] = {}
    said: list[str] = []
    for name, profile in columns.items():
        role = due_role(name)
        if not role or role in found or name in used or profile.time is None or name not in times:
            continue
        both = times[name].notna() & opening.notna() if opening is not None else times[name].notna()
        if not both.any():
            continue
        if opening is not None:
            early = float((times[name][both] < opening[both].dt.normalize()).mean())
            if early > MAX_DUE_BEFORE:
                said.append(f"'{name}' is not taken for a due time: {early:.0%} of its times lie before the opening")
                continue
        found[role] = name
    return found, said
