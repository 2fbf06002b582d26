"""Ends of cases that a file tells by how long they took: the opening plus a duration."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from ..readers.elapsed import parse_elapsed, unit_of_name
from ..sources.status import ENDED_CLASSES, classify_state
from .roles import ColumnProfile, find_best_column
from .translations import strip_to_words
from .vocabulary import is_duration_name, normalise_column_name

_ROLES = (
    (
        "resolved_at",
        re.compile(
            r"\b(resolution|resolve|resolved|solution|calendar (duration|stc)|full resolution|"
            r"(losungs|erledigungs|behebungs)(zeit|dauer)|(resolucion|solucion|resolucao|solucao|risoluzione|soluzione))\b"
        ),
    ),
    ("closed_at", re.compile(r"\b(closure|closing|close|time open|days open|open days|total duration|lifetime)\b")),
    (
        "first_response_at",
        re.compile(
            r"\b((first|initial) (reply|response|answer|contact)|erste[nr]? (antwort|reaktion)|"
            r"(erstreaktions|erstantwort)(s)?(zeit|dauer)?|premiere reponse|"
            r"primera respuesta|primeira resposta|prima risposta)\b"
        ),
    ),
)
_WORKED = re.compile(
    r"\b(business|office|working|worked|wait|hold|agent|requester|target|sla|remaining|left|avg|average|next|every|"
    r"geschafts\w*|arbeits\w*|buro\w*|ouvrees?|habil\w*|laboral\w*|ut(il|eis)|lavorativ\w*|ziel\w*|objecti?f|objetivo|"
    r"obiettivo|cible|meta|durchschn\w*|mittlere|moyen(ne)?|medi[oa]|promedio|restante?s?|verbleibend\w*)\b"
)
#: Units that the systems have for columns whose names do not say them.
_USUAL_UNITS = {"calendar stc": "s"}
#: A duration that so many open cases have is no end.
MAX_OPEN_SHARE = 0.05


def find_reckoned_ends(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, taken: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return ends that are an opening plus a duration, the units of the durations, and why others are not used.

    Only durations by the clock on the wall count; those of business hours end at no instant that can be reckoned.

    Parameters
    ----------
    columns, frame
        The file.
    taken
        Roles that are known; a role that has a time of its own is not reckoned.

    Returns
    -------
    tuple
        Role -> ``"Opened + Resolution time (hours)"``, column -> unit, and sentences.
    """
    ends: dict[str, str] = {}
    units: dict[str, str] = {}
    said: list[str] = []
    for role, pattern in _ROLES:
        known = {*taken, *ends}
        if role in known or (role != "first_response_at" and known & {"resolved_at", "closed_at"}):
            continue
        for name, p in columns.items():
            words = f"{normalise_column_name(name)} | {strip_to_words(name)}"  # a translation may mean another thing
            if p.time is not None or not pattern.search(words) or name in units or _WORKED.search(words):
                continue
            read = parse_elapsed(
                frame[name].mask(frame[name].astype("str").isin(["", "?", "NA", "N/A", "NULL", "null"]))
            )
            good = read.seconds.dropna()
            if len(good) < 2 or float(read.bad.mean()) > 0.2 or (good < 0).mean() > 0.01:
                continue
            unit = unit_of_name(name) or _USUAL_UNITS.get(strip_to_words(name), "") or ("d" if "days" in words else "")
            if not unit and read.form not in ("clock", "words"):
                if is_duration_name(name):
                    said.append(f"'{name}' is a duration without a unit: say it in [source.cases.units]")
                continue
            if role != "first_response_at" and _is_there_while_open(columns, frame, name, read.seconds):
                said.append(f"'{name}' is there for open cases too, so it tells no end")
                continue
            ends[role], units[name] = f"{taken['created_at']} + {name}", unit or "s"
            break
    return ends, units, said


def _is_there_while_open(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, name: str, seconds: pd.Series[float]
) -> bool:
    state = find_best_column(columns, "activity", lambda p: p.name != name and 2 <= p.distinct <= 60)
    if not state:
        return False
    classes = frame[state].astype("str").map(classify_state)
    still = classes.ne("") & ~classes.isin(ENDED_CLASSES)
    return bool(still.any()) and float((seconds[still] > 0).mean()) > MAX_OPEN_SHARE
