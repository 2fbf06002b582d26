"""Due times of the promises that a system keeps beside its cases: what each is about, and since when it stood."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd

from ..calendars.due_instants import drop_empty_instants, drop_empty_marks, end_days
from ..readers.timestamps import detect_date_order, parse_times
from .columns import read_column
from .export import ExportRows, ExportTable
from .pieces import build_due_times
from .spec import SourceSpec

#: What is promised inside the company, or about something else than an answer or the end.
_OTHER = (
    r"\bolas?\b|underpinning|\bucs?\b|after resol|approv|review|genehmig|freigabe|waiting for|assignment|ownership|"
    r"csat|survey"
)
_NEXT = r"\b(next|every|subsequent|periodic|follow ?up|nachste\w*|naechste\w*|prochaine?|proxim[oa]|prossim[oa])\b"
_RESPONSE = (
    r"respon[sd]\w*|repl(y|ies)|reaktion\w*|antwort\w*|ruckmeldung|reponses?|respuestas?|respostas?|rispost[ae]|"
    r"acknowledg\w*|first contact|prise en (charge|compte)|time to own|\btto\b|\bfrt\b|\bupdates?\b"
)
_RESOLUTION = (
    r"resol\w*|risol\w*|solv\w*|solution\w*|solucion\w*|soluc\w*|soluzion\w*|losung\w*|loesung\w*|erledig\w*|"
    r"clos(e|ed|ing|ure)|completion|\bfix|restor\w*|wiederherst\w*|abschluss|cloture|cierre|fechamento|encerramento|"
    r"chiusura|\bttr\b|mttr"
)


def classify_promise(name: str) -> str:
    """Return which metric a promise is about by its name, or nothing where the name does not tell.

    >>> [classify_promise(n) for n in ("Time to first response", "Priority 1 resolution (8 hour)", "Next reply")]
    ['first_response', 'resolution', 'next_response']
    >>> [classify_promise(n) for n in ("Lösungszeit", "Temps de prise en charge", "Time to close after resolution")]
    ['resolution', 'first_response', '']
    """
    bare = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", bare).split())
    answers, ends = bool(re.search(_RESPONSE, words)), bool(re.search(_RESOLUTION, words))
    if re.search(_OTHER, words) or answers == ends:
        return ""
    if ends:
        return "resolution"
    return "next_response" if re.search(_NEXT, words) else "first_response"


def classify_promises(names: pd.Series[Any], kind: str, notes: list[str]) -> pd.Series[Any]:
    """Return the metric of each promise; how many tell none is said, with their names."""
    known = {str(n): classify_promise(str(n)) for n in names.dropna().unique()}
    if lost := sorted(n for n, metric in known.items() if not metric):
        shown = ", ".join(repr(n) for n in lost[:4])
        notes.append(
            f"{kind}: {len(lost):,} promises are neither a first or next response nor a resolution, or are made inside "
            f"the company; no due time is read of them: {shown}"
        )
    return names.map({n: metric for n, metric in known.items() if metric})


def build_promise_due_times(
    case_id: pd.Series[Any],
    name: pd.Series[Any],
    due_at: pd.Series[Any],
    ended_at: pd.Series[Any],
    kind: str,
    notes: list[str],
) -> pd.DataFrame:
    """Return the due times of promises that a system shows as they stand at the export.

    The time of a promise that has ended may have been moved by pauses, and nothing says when: so it is known when the
    promise ended, and that of a running one with the end of the log. Of two promises on one metric that were known at
    one instant, the one that was due first counts.

    Parameters
    ----------
    case_id, name, due_at, ended_at
        Of each promise, n; those whose name tells no metric are counted in ``notes``.
    kind
        Name of the system, for the notes.

    Examples
    --------
    >>> at = pd.Series(pd.to_datetime(["2024-03-01T17:00Z", "2024-03-01T12:00Z"]))
    >>> names, said = pd.Series(["Time to resolution", "Vendor call"]), []
    >>> build_promise_due_times(pd.Series(["1", "1"]), names, at, at, "jira", said)["metric"].tolist(), len(said)
    (['resolution'], 1)
    """
    there = due_at.notna()
    metric = classify_promises(name.where(there), kind, notes)
    out = build_due_times(case_id, metric, due_at, ended_at)
    return out.sort_values("due_at", ascending=False, kind="stable", ignore_index=True)


def read_stated_due_times(
    spec: SourceSpec, part: ExportTable, taken: ExportRows, role: str, metric: str = "resolution"
) -> pd.DataFrame:
    """Read a due time in the row of a case, as it stands at the export: nothing says since when.

    What stands for no time is missing, what cannot be read counts as none and is said, a day is due at its end. The
    case is kept in any case.

    Parameters
    ----------
    part, taken
        The table of cases, and its rows with ``role`` as text.
    role
        The due time.
    """
    rows = taken.rows
    texts = drop_empty_marks(rows[role].mask(rows[role].astype("str").str.strip().str.lower().isin(["unknown", ""])))
    if texts.isna().all():
        return build_due_times(rows["case_id"], metric, pd.Series(pd.NaT, index=rows.index))
    found = {**part.found(taken.raw), **spec.columns}
    opening = read_column(spec, taken.raw, found["created_at"])
    order = "" if spec.date_format else detect_date_order([opening, texts])
    read = parse_times(
        texts, spec.timezone, date_format=spec.date_format, ignore_offset=spec.ignore_offset, order=order
    )
    due, days = end_days(drop_empty_instants(read.instants), texts, spec.timezone)
    bad = int(np.asarray(read.bad, dtype=bool).sum())
    said = f"'{found[role]}' is when the {metric.replace('_', ' ')} of a case is due: {int(due.notna().sum()):,} rows"
    said += f" of {len(due):,} have one; known from the end of the case, or of the log while it is open"
    said += f"; {days:,} are days and due at the end of that day ({spec.timezone})" if days else ""
    said += f"; {bad:,} cannot be read and count as none" if bad else ""
    taken.ledger.add_note(said)
    return build_due_times(rows["case_id"], metric, due.where(taken.ledger.accepted))


def add_stated_due_times(dues: pd.DataFrame | None, stated: pd.DataFrame) -> pd.DataFrame:
    """Return due times with those that the rows of cases state, where no promise tells of the metric."""
    if dues is None or dues.empty:
        return stated
    fresh = stated[~stated["metric"].isin(dues["metric"])]
    return pd.concat([dues, fresh], ignore_index=True) if len(fresh) else dues
