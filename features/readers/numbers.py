"""Numbers as exports write them, to numbers: what stands between thousands, and what before the decimals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_SPACES = re.compile(r"(?<=\d)[ \u00a0\u202f\u2009'\u2019](?=\d{3}(?:\D|$))")
_GROUPED = {mark: re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+") for mark in ",."}
_SIGNED = re.compile(r"[+-]?\d+")
#: A currency beside an amount: any sign that Unicode has for one, or what is written where there is none.
CURRENCY = (
    r"(?:R?[$¢-¥₠-⃏]|kr\.?|zł|Kč|EUR|USD|GBP|CHF|JPY|CNY|INR|BRL|MXN|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|ZAR)"
)
_BESIDE = re.compile(rf"^([+-]?)\s?{CURRENCY}\s?(?=[+-]?[\d.,])|(?<=\d)\s?{CURRENCY}$")


@dataclass(frozen=True)
class NumberFormat:
    """How a column writes its numbers.

    Attributes
    ----------
    thousands, decimal
        The marks; ``thousands`` is empty where there is none.
    percent
        The values carry a percent sign.
    ambiguous
        No value tells thousands from decimals, such as 1.204 alone.
    """

    thousands: str = ""
    decimal: str = "."
    percent: bool = False
    ambiguous: bool = False


def detect_number_format(values: pd.Series[Any], *, whole: bool = False) -> NumberFormat:
    """Recognise from a whole column what its marks mean.

    Parameters
    ----------
    values
        Text; missing values are left out.
    whole
        The values are counts, which have no decimals.

    Examples
    --------
    >>> import pandas as pd
    >>> detect_number_format(pd.Series(["1.204", "511"]), whole=True).thousands
    '.'
    >>> detect_number_format(pd.Series(["1.204", "0.511"])).thousands, detect_number_format(pd.Series(["1,204.5"]))
    ('', NumberFormat(thousands=',', decimal='.', percent=False, ambiguous=False))
    """
    text = _bare(values.dropna().astype("str").drop_duplicates())
    percent = bool(len(text)) and bool(text.str.endswith("%").mean() >= 0.5)
    text = text.str.rstrip("%").str.strip()
    text = text[text.str.contains(r"\d", regex=True)]
    comma, point = text.str.contains(",", regex=False), text.str.contains(".", regex=False)
    both = text[comma & point]
    if len(both):
        decimal = "," if (both.str.rfind(",") > both.str.rfind(".")).mean() > 0.5 else "."
        return NumberFormat("." if decimal == "," else ",", decimal, percent)
    for mark, other, found in ((",", ".", comma), (".", ",", point)):
        if not found.any() or (other == "," and comma.any()):
            continue
        marked, plain = text[found], text[~found]
        if not marked.str.fullmatch(_GROUPED[mark]).all():
            several = marked.str.count(re.escape(mark)) > 1  # 1.2.3 is no number at all
            return NumberFormat("", mark if not several.all() else ".", percent)
        small = pd.to_numeric(plain, errors="coerce").abs() < 1000
        if (marked.str.count(re.escape(mark)) > 1).any() or (whole and bool(small.all())):
            return NumberFormat(mark, other, percent)
        if whole:  # 1500 beside 1.204: the marks are not those of thousands
            return NumberFormat("", mark, percent, ambiguous=True)
        # English counts by commas; a point and three digits are decimals unless something speaks against it
        return NumberFormat(mark, other, percent, True) if mark == "," else NumberFormat("", ".", percent, True)
    return NumberFormat("", ".", percent)


def parse_numbers(values: pd.Series[Any], form: NumberFormat | None = None, *, whole: bool = False) -> pd.Series[Any]:
    """Read a column of numbers; what is none is missing, and a percent stays as it is written.

    Examples
    --------
    >>> import pandas as pd
    >>> parse_numbers(pd.Series(["1.204,5", "80 %", "n/a", "2 553", "-£3"])).tolist()
    [1204.5, 80.0, nan, 2553.0, -3.0]
    """
    if str(values.dtype) in ("Int64", "float64", "int64", "boolean", "bool"):
        return values.astype("float64")
    form = form or detect_number_format(values, whole=whole)
    text = _bare(values.astype("str").where(values.notna())).str.rstrip("%").str.strip()
    if form.thousands:
        grouped = rf"[+-]?\d{{1,3}}(?:\{form.thousands}\d{{3}})+(?:\{form.decimal}\d+)?"
        good = text.str.fullmatch(grouped).fillna(False).astype(bool)
        text = text.where(~good, text.str.replace(form.thousands, "", regex=False))
    if form.decimal == ",":
        text = text.str.replace(",", ".", regex=False)
    out = pd.to_numeric(text, errors="coerce").astype("float64")
    return out.replace([np.inf, -np.inf], np.nan)


def describe_number_format(form: NumberFormat) -> str:
    """Describe how numbers were read, where it is not the plainest way.

    >>> describe_number_format(NumberFormat(".", ","))
    "with '.' between thousands"
    """
    if form.thousands:
        return f"with {form.thousands!r} between thousands"
    return "with ',' before the decimals" if form.decimal == "," else ""


def _bare(text: pd.Series[Any]) -> pd.Series[Any]:
    """Take out currencies, and blanks and marks that can only stand between thousands."""
    stripped = text.str.strip()
    if stripped.str.contains(CURRENCY, regex=True).any():
        stripped = stripped.str.replace(_BESIDE, lambda found: found[1] or "", regex=True)
    odd = stripped.str.contains(r"\d[ \u00a0\u202f\u2009'\u2019]\d{3}", regex=True).fillna(False).astype(bool)
    return stripped.where(~odd, stripped.str.replace(_SPACES, "", regex=True)) if odd.any() else stripped
