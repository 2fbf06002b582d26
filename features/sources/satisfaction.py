"""Satisfaction that stands in a column of a table of cases: words, smileys or points to surveys of one to five."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import pandas as pd

#: Words of answers, in lower case without accents and signs -> points from 1 to 5.
_SCORES: tuple[tuple[float, str], ...] = (
    (5.0, r"(extremely|very|highly|completely|totally) (satisfied|happy)|excellent|great|amazing|(sehr|ausserst) "
          r"(zufrieden|gut)|ausgezeichnet|tres (satisfait|bien|bon)e?|muy (satisfech[oa]|buen[oa])|excelente|otimo|"
          r"muito (satisfeit[oa]|b(om|oa))|molto (soddisfatt[oa]|buono)|ottimo|eccellente|good|good with comment|gut|"
          r"zufrieden|bien|bonn?e?|satisfaite?|buen[oa]|satisfech[oa]|b(om|oa)|satisfeit[oa]|buon[oa]|soddisfatt[oa]|"
          r"satisfied|happy|positive|thumbs up|awesome"),
    (3.0, r"neutral[ei]?|neither.*|okay|ok|average|fair|so so|mittel|teils teils|neutre|moyen|regular|normal|neutr[oa]|"
          r"indifferente|medio"),
    (1.0, r"(extremely|very|highly|completely|totally) (dissatisfied|unsatisfied|unhappy)|terrible|awful|"
          r"sehr (unzufrieden|schlecht)|tres (insatisfait|mauvais)e?|muy (insatisfech[oa]|mal[oa])|pessimo|"
          r"muito (insatisfeit[oa]|ruim)|molto insoddisfatt[oa]|bad|bad with comment|not good|schlecht|unzufrieden|"
          r"mauvaise?|mal|insatisfaite?|mal[oa]|insatisfech[oa]|ruim|mau|insatisfeit[oa]|cattiv[oa]|insoddisfatt[oa]|"
          r"scars[oa]|dissatisfied|unsatisfied|unhappy|negative|thumbs down|poor"),
)  # fmt: skip
#: Where one column has several steps of liking, the plain word is the step below the strongest.
_STRONG = re.compile(
    r"extremely|very|highly|completely|totally|sehr|ausserst|tres|muy|muito|molto|excel|ottimo|otimo|pessimo|terrible"
)
_SMILEYS = {
    **dict.fromkeys(("\U0001f620", "\U0001f621", "\U0001f61e", "\U0001f622", "\u2639"), 1.0),
    **dict.fromkeys(("\U0001f44e", ":(", ":-("), 1.0),
    **dict.fromkeys(("\U0001f641", "\U0001f615"), 2.0), "\U0001f610": 3.0, ":|": 3.0, "\U0001f642": 4.0,
    **dict.fromkeys(("\U0001f603", "\U0001f600", "\U0001f604", "\U0001f60a", "\u263a"), 5.0),
    "\U0001f929": 5.0, "\U0001f60d": 5.0,
    **dict.fromkeys(("\U0001f44d", ":)", ":-)"), 5.0),
}  # fmt: skip
#: What stands where nobody was asked, and where nobody answered.
_NOT_ASKED = re.compile(
    r"(not offered|unoffered|not rated|no rating|none|nicht bewertet|n a|not applicable|non offert)?"
)
_NO_ANSWER = re.compile(
    r"(offered|sent|pending|no response|not answered|unanswered|angeboten|offert|ofrecid[oa]|oferecid[oa])"
)
MIN_SCORE, MAX_SCORE = 1.0, 5.0


def score_answers(
    values: pd.Series[Any], stated: Mapping[str, str] | None = None
) -> tuple[pd.Series[Any], pd.Series[Any], pd.Series[Any]]:
    """Return the points of each answer, whether anybody was asked, and whether the value tells neither.

    Parameters
    ----------
    values
        Words in English, German, French, Spanish, Portuguese or Italian, smileys, or numbers from 1 to 5.
    stated
        Word -> points, as the owner of the file says.

    Examples
    --------
    >>> points, asked, unknown = score_answers(pd.Series(["Good", "Bad", "Offered", "Not Offered", "Purple"]))
    >>> points.tolist(), asked.tolist(), unknown.tolist()
    ([5.0, 1.0, nan, nan, nan], [True, True, True, False, True], [False, False, False, False, True])
    >>> score_answers(pd.Series(["sehr zufrieden", "zufrieden", "\\U0001f641", "4"]))[0].tolist()
    [5.0, 4.0, 2.0, 4.0]
    """
    distinct = [str(v) for v in values.dropna().unique()]
    steps = sum(bool(_STRONG.search(_plain(v))) for v in distinct) > 0
    known = {v: _score(v, steps) for v in distinct} | {str(k): float(v) for k, v in (stated or {}).items()}
    text = values.astype("str").where(values.notna())
    points = text.map(known).astype("float64")
    plain = {v: _plain(v) for v in distinct}
    quiet = text.isin([v for v in distinct if _NO_ANSWER.fullmatch(plain[v]) and v not in (stated or {})])
    absent = text.isna() | text.isin([v for v in distinct if known[v] is None and _NOT_ASKED.fullmatch(plain[v])])
    asked = ~absent
    return points, asked, asked & points.isna() & ~quiet


def build_surveys(
    cases: pd.DataFrame, points: pd.Series[Any], asked: pd.Series[Any], at: pd.Series[Any]
) -> pd.DataFrame:
    """Return surveys of kind ``csat`` for the cases that were asked; the answer is known from ``at`` on."""
    rows = pd.DataFrame({"case_id": cases["case_id"], "offered_at": at, "score": points})[asked & at.notna()]
    rows = rows.assign(survey_id="csat-" + rows["case_id"], kind="csat")
    rows["responded_at"] = rows["offered_at"].where(rows["score"].notna())
    names = ["survey_id", "kind", "case_id", "offered_at", "responded_at", "score"]
    return rows[names].sort_values("survey_id", kind="stable", ignore_index=True)


def _plain(value: str) -> str:
    bare = unicodedata.normalize("NFKD", value.replace("\u00df", "ss")).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z]+", " ", bare.lower()).split())


def _score(value: str, steps: bool) -> float | None:
    smiley = _SMILEYS.get(value.strip().rstrip("\ufe0f"))
    if smiley is not None:
        return smiley
    if found := re.fullmatch(
        r"\s*([1-5])([.,]0+)?\s*(/ ?5|(stars?|sterne?|etoiles?|estrellas?|estrelas?|stelle?))?", value.lower()
    ):
        return float(found[1])
    words = _plain(value)
    if re.search(r"\d", value):
        return None
    points = next((p for p, pattern in _SCORES if re.fullmatch(pattern, words)), None)
    if points is None or not steps or points == 3.0 or _STRONG.search(words):
        return points
    return 4.0 if points > 3.0 else 2.0
