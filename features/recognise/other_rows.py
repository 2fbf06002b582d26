"""Rows that look like cases and are none: people and things of a list, answers of a survey, hours of work, parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..sources.table import CASE_TIMES
from .roles import ColumnProfile
from .vocabulary import normalise_column_name, score_role_match

#: Names of what tells people and things of a list apart, beside their id.
_OWN_NAMES = re.compile(
    r"((user|full|first|last|display|given|family|agent|team|group|company|organi[sz]ation|product) ?)?name|"
    r"e ?mail( address)?|login|username|nachname|vorname|nom|nombre|nome"
)
_PERSON = re.compile(
    r"e ?mail( address)?|login|username|user name|(first|last|given|family) name|"
    r"last ?(login|sign ?in|seen|active)( at)?|"
    r"locale|time ?zone|phone( number)?|mobile|role|is (active|admin|staff)|active|suspended|verified|date joined|"
    r"job title|manager"
)
_SURVEY = re.compile(r"(respondent|collector|survey|response|questionnaire) ?(id|number|no|key)")
_WORKED = re.compile(
    r"(hours?|minutes?|mins?|effort|time spent|work(ed)?( time| hours| minutes)?|stunden|heures|horas|ore|aufwand|"
    r"(hours|minutes|time) (worked|spent|logged)|billable hours)"
)
#: What cases have and lists of people, answers and hours of work have not.
_OF_CASES = ("priority", "channel", "product", "case_type")
_CASE_WORDS = re.compile(r"\b(case|ticket|incident|issue|request|complaint|enquiry|inquiry|sr|conversation)\b")
#: So many columns that only people have make a list of people.
MIN_PERSON_WORDS = 3
#: Share of the values that come once, from which they tell rows apart.
MIN_OWN = 0.9
#: So many of the ids that repeat have rows that differ in nothing that changes in a case.
MIN_PARTS = 0.8


def describe_other_rows(columns: Mapping[str, ColumnProfile], mapped: Mapping[str, str]) -> str:
    """Describe what speaks against a row being a case, by what is beside its id and time, if anything.

    Parameters
    ----------
    columns
        The file.
    mapped
        Role -> column, as a table of cases would have it.

    Examples
    --------
    >>> from deskcast.features.recognise.roles import profile_columns
    >>> people = pd.DataFrame({"id": list("123"), "name": ["Ada", "Bo", "Cy"], "created_at": ["2024-01-01"] * 3})
    >>> describe_other_rows(profile_columns(people, ()), {"case_id": "id", "created_at": "created_at"})
    "each row has a 'name' of its own and nothing of a case, as in a list of people, teams or products"
    """
    answers = next((n for n in columns if _SURVEY.fullmatch(normalise_column_name(n))), "")
    called = bool(_CASE_WORDS.search(normalise_column_name(mapped.get("case_id", ""))))
    if answers and not called and columns[answers].unique > MIN_OWN and columns[answers].missing < 1 - MIN_OWN:
        return f"'{answers}' numbers the rows, so they are answers of a survey"
    if any(r in mapped for r in (*CASE_TIMES, *_OF_CASES)):
        return ""
    if _has_state(columns):
        people = [n for n in columns if _PERSON.fullmatch(normalise_column_name(n))]
        alike = not called and len(people) >= MIN_PERSON_WORDS
        return f"the rows have {', '.join(map(repr, people[:3]))}, as a list of people has" if alike else ""
    named = [n for n, p in columns.items() if _OWN_NAMES.fullmatch(normalise_column_name(n)) and p.unique > MIN_OWN]
    if named and not called:
        return (
            f"each row has a '{named[0]}' of its own and nothing of a case, as in a list of people, teams or products"
        )
    rated = [n for n, p in columns.items() if score_role_match(n, "csat") > 0 and p.number and p.distinct <= 11]
    if rated:
        return f"beside the id and the time there is only '{rated[0]}', so the rows may be answers of a survey"
    worked = [n for n, p in columns.items() if p.number and _WORKED.fullmatch(normalise_column_name(n))]
    if worked and score_role_match(mapped["created_at"], "created_at") < 0.8:
        return f"'{worked[0]}' says how long somebody worked, so the rows may be those of a timesheet"
    return ""


def describe_parts(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, case: str, mapped: Mapping[str, str]
) -> str:
    """Describe what tells the rows of one id apart, where it is nothing that changes in the course of a case.

    A case that was exported again differs in its state, its end or when it was changed; two promises or two tasks of
    one case differ in which they are.
    """
    changing = {mapped[r] for r in (*CASE_TIMES, "updated_at") if r in mapped}
    changing |= {n for n, p in columns.items() if p.time is not None and n != mapped.get("created_at")}
    changing |= {n for n in columns if score_role_match(n, "activity") > 0}
    rows = frame.drop_duplicates()
    rows = rows[rows[case].notna() & rows[case].duplicated(keep=False)]
    if rows.empty or case not in columns:
        return ""
    differ: dict[str, pd.Series[Any]] = {
        n: rows.groupby(case)[n].nunique(dropna=False) > 1 for n in columns if n != case and columns[n].distinct > 1
    }
    ends = [n for n in changing if n in differ and n in {mapped.get(r) for r in (*CASE_TIMES, "updated_at")}]
    moved = pd.Series(False, index=rows[case].drop_duplicates().sort_values())
    for name in (n for n in differ if n in changing and (n in ends or columns[n].time is None)):
        moved |= differ[name].reindex(moved.index, fill_value=False)
    if float((~moved).mean()) < MIN_PARTS:
        return ""
    keys = [n for n, d in differ.items() if n not in changing and columns[n].distinct <= 0.5 * len(rows)]
    keys = [n for n in keys if float(differ[n].mean()) >= MIN_PARTS]
    return f"the rows of one '{case}' differ in '{keys[0]}', so they are parts of cases" if keys else ""


def _has_state(columns: Mapping[str, ColumnProfile]) -> bool:
    return any(score_role_match(n, "activity") > 0 and p.time is None and p.distinct > 1 for n, p in columns.items())
