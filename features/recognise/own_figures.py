"""Which columns are the system's own figures of a case: how long its first reply took, how often it was reopened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..readers.elapsed import ELAPSED_UNITS, parse_elapsed, unit_of_name
from ..sources.figures import FIGURES, read_figure
from .roles import ColumnProfile
from .translations import strip_to_words
from .vocabulary import normalise_column_name

#: The first reply, in English, German, French, Spanish, Portuguese and Italian.
_FIRST = (
    r"(first|initial|1st)( (public|agent))? (reply|response|answer|contact)|"
    r"(erst|erste|ersten) ?(antwort|reaktions?|reaktion)|"
    r"premiere reponse|primera respuesta|primeira resposta|prima risposta|take into account|takeintoaccount"
)
_SOLVED = (
    r"(full |final |last )?(resolution|resolve|solve|solution)|losungs?|bearbeitungs|resolucion|resolucao|solucao|"
    r"risoluzione|calendar (duration|stc)|business (duration|stc)|(time|zeit|temps) to close|cloture|solve delay"
)
_TIME = (
    r"(time|duration|dauer|zeit|temps|delai|duree|tiempo|tempo|hrs?|hours?|minutes?|mins?|secs?|delay|stc|elapsed|to)"
)
_BUSINESS = (
    r"(business|office|working|operating|operational|geschaftszeit\w*|burozeit\w*|arbeitszeit\w*|ouvr\w+|laborable\w*|"
    r"habil\w*|uteis|util|comercial\w*|lavorativ\w*)"
)
_OTHER = re.compile(
    r"\b(target|goal|sla|remaining|left|avg|average|mean|custom field|due|status|date|ziel|objetivo|objectif|at|by)\b"
)
_NUMBER_OF = r"((no|number|nb|n|count|nombre|numero) (of |de |di )?)?"
_COUNTS = (
    ("reopens", rf"{_NUMBER_OF}re ?open(s|ed|ing|ings)?( (count|times|counter))?"),
    ("reopens", rf"{_NUMBER_OF}(wiedereroffnung(en)?|reouvertures?|reaperturas?|reaberturas?|riaperture)"),
    ("transfers", rf"{_NUMBER_OF}re ?assign(s|ed|ment|ments)?( (count|times|counter))?"),
    ("transfers", rf"{_NUMBER_OF}(neuzuweisung(en)?|reaffectations?|reasignaciones|reatribuicoes|riassegnazioni)"),
    ("agent_messages", rf"{_NUMBER_OF}(replies|agent (replies|interactions|responses))"),
    ("agent_messages", rf"{_NUMBER_OF}(antworten|reponses|respuestas|respostas|risposte)"),
)
_KEPT = (
    r"(met|made|kept|achieved|breached|violated|status|eingehalten|erfullt|respecte|tenu|cumplido|cumprido|"
    r"rispettat[oa])"
)
_FLAGS = (
    ("first_response_sla_met", r"(first|initial) (response|reply) (status|sla( status| met)?)"),
    ("first_response_sla_met", r"response (sla|overdue)( status)?"),
    ("sla_met", rf"(made|met|within|in) sla|sla {_KEPT}|resolution (status|sla( status| met)?)"),
    ("sla_met", r"on ?time|(is )?overdue( status)?|has breached"),
)
#: A unit that no name tells is chosen where it brings the figure so near to the time between opening and end.
MAX_UNIT_RATIO = 4.0
_MARKS = ["", "?", "-", "NA", "N/A", "NULL", "null", "None", "nan", "NaN"]


def name_figure(name: str) -> str:
    """Return the figure that a column's name means, or nothing.

    >>> [name_figure(n) for n in ("First reply time in minutes", "Full resolution time in minutes within business hours")]
    ['first_response_s', 'resolution_business_s']
    >>> [name_figure(n) for n in ("Lösungszeit (Stunden)", "Réouvertures", "reassignment_count", "made_sla", "Due date")]
    ['resolution_s', 'reopens', 'transfers', 'sla_met', '']
    """  # noqa: E501 - the example is one line
    bare, words = strip_to_words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)), normalise_column_name(name)
    for figure, pattern in (*_COUNTS, *_FLAGS):
        if re.fullmatch(pattern, bare) or re.fullmatch(pattern, words):
            return figure
    text = f"{bare} {words}"
    business = bool(re.search(_BUSINESS, text))
    if _OTHER.search(bare):
        return ""
    if not re.search(_TIME, bare):
        return ""
    if re.search(_FIRST, bare):
        return "first_response_business_s" if business else "first_response_s"
    if re.search(r"\bfirst (resolution|resolve|solution)\b|\berste losung", bare):
        return "first_resolution_business_s" if business else "first_resolution_s"
    if re.search(r"\bon ?hold\b|\bwaiting (time|duration)\b", bare):
        return "on_hold_s"
    if re.search(r"\b(pending|waiting on customer|waiting for customer)\b", bare):
        return "pending_s"
    if re.search(_SOLVED, bare) or re.fullmatch(r"time elapsed|elapsed time", bare):
        return "resolution_business_s" if business else "resolution_s"
    return ""


def find_own_figures(
    columns: Mapping[str, ColumnProfile],
    frame: pd.DataFrame,
    taken: Mapping[str, str],
    times: Mapping[str, pd.Series[Any]],
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the system's own figures, the units of their columns, and what is to be said of them.

    Parameters
    ----------
    columns, frame
        The file.
    taken
        Roles that are known; a duration that an end was reckoned from is no second witness.
    times
        Instants of a sample of each column of times.
    """
    used = {part for source in taken.values() for part in (source, *source.split(" + "))}
    figures: dict[str, str] = {}
    units: dict[str, str] = {}
    said: list[str] = []
    for name, profile in columns.items():
        figure = name_figure(name)
        if (
            not figure
            or figure in figures
            or name in used
            or (profile.time is not None and FIGURES[figure].kind != "duration")
        ):
            continue
        values = frame[name].mask(frame[name].astype("str").isin(_MARKS))
        there = values.notna()
        kind = FIGURES[figure].kind
        unit = unit_of_name(name) if kind == "duration" else ""
        if kind == "duration" and not unit:
            unit = _unit_by_size(values, figure, taken, times)
        read = read_figure(values, figure, name, unit)
        if not there.any() or float(read[there].isna().mean()) > 0.2:
            continue
        if kind == "duration" and not unit:
            said.append(f"'{name}' is a duration without a unit, so it is not compared with ours: say it in the units")
            continue
        figures[figure] = name
        units |= {name: unit} if unit else {}
    return figures, units, said


def _unit_by_size(
    values: pd.Series[Any], figure: str, taken: Mapping[str, str], times: Mapping[str, pd.Series[Any]]
) -> str:
    """Return the unit of a duration whose name does not tell it: written as a clock, or by its size beside ours."""
    if parse_elapsed(values).form in ("clock", "words"):
        return "s"
    role = "first_response_at" if figure.startswith("first_response") else "resolved_at"
    end = taken.get(role, taken.get("closed_at", "")).split(" + ")[0]
    opening = taken["created_at"].split(" + ")[0]
    if end not in times or opening not in times:
        return ""
    ours = (times[end] - times[opening]).dt.total_seconds()
    best, ratio = "", MAX_UNIT_RATIO
    for unit, size in ELAPSED_UNITS.items():
        theirs = parse_elapsed(values.reindex(ours.index), unit).seconds
        both = (ours > 0) & (theirs > 0)
        off = float(np.exp(abs(np.log(theirs[both] / ours[both]).median()))) if both.sum() >= 5 else np.inf
        if size and off < ratio:
            best, ratio = unit, off
    return best
