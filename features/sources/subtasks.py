"""Rows of an export that are parts of another case, and no cases of their own."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd

SUBTASK_REASON = "a sub-task of another case, no case of its own"
_SUBTASK = re.compile(
    r"(technical )?sub ?tasks?|(unter|teil)aufgaben?|sous taches?|subtareas?|sub ?tarefas?|sotto ?(task|attivita)|"
    r"sub ?taa?k|podzadanie|deeltaak"
)


def find_subtasks(types: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mark the rows whose type says that they are parts of another case.

    >>> find_subtasks(pd.Series(["Incident", "Sub-task", "Unteraufgabe", "Sous-tâche", None])).tolist()
    [False, True, True, True, False]
    """
    named = [str(t) for t in types.dropna().unique() if _SUBTASK.fullmatch(_plain(str(t)))]
    return types.isin(named).to_numpy(dtype=bool)


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare.lower()).split())
