"""The one error that bad input gets, and the one warning of input that is not used."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

#: What stands before the host of an address: up to the last @ of the word, as a password may hold any sign.
_LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^\s:/@'\"]*)(?P<secret>:\S*)?@", re.IGNORECASE)
_LINE_ENDS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")
#: Characters of what came that a message shows.
MAX_SHOWN = 160
_SETTING = re.compile(
    r"\b(\w*(?:password|passwd|pwd|token|secret|api_?key)\s*=\s*)('[^']*'|[^&\s'\",;)]+)", re.IGNORECASE
)


def mask_passwords(text: str) -> str:
    """Return a text in which no address shows its password.

    >>> mask_passwords("no answer from postgresql://ann:p@ss/w0rd@desk.example/tickets?password=x&port=1")
    'no answer from postgresql://...@desk.example/tickets?password=***&port=1'
    >>> mask_passwords("https://TOKEN@mlflow.example, postgresql://ann@desk.example, host=h password='a b'")
    'https://...@mlflow.example, postgresql://ann@desk.example, host=h password=***'
    """
    return _SETTING.sub(r"\1***", _LOGIN.sub(_masked, text))


def say_without_password(said: str, uri: str) -> str:
    """Return what a driver said of an address, without any part of the password in that address.

    >>> say_without_password("no entry for ann with p%40ss or p@ss", "postgresql://ann:p%40ss@desk/tickets")
    'no entry for ann with *** or ***'
    >>> say_without_password('invalid port "w0rd"', "postgresql://ann:w0rd/x@desk/tickets")
    'the address cannot be read: signs such as / ? # @ in a password are written %2F %3F %23 %40'
    """
    from urllib.parse import quote, unquote

    secret = re.search(r"://[^:/@]*:(.*)@", uri)
    words = [secret[1] if secret else "", *re.findall(r"password=([^&\s]+)", uri)]
    if set(words[0]) & set("/?#@[] "):  # whatever a parser quotes may be a piece of it
        return "the address cannot be read: signs such as / ? # @ in a password are written %2F %3F %23 %40"
    ways = [way for word in words if word for way in (word, unquote(word), quote(word, safe=""))]
    for word in sorted(ways, key=len, reverse=True):
        said = said.replace(word, "***")
    return mask_passwords(said)


def _masked(found: re.Match[str]) -> str:
    token = found["scheme"].lower().startswith("http")  # there a name alone may be one
    return f"{found['scheme']}://...@" if found["secret"] or token else found[0]


class InputError(ValueError):
    """Say what is wrong with an input in one line that its owner can act on, and without a password.

    Parameters
    ----------
    problem
        What is wrong, as a plain sentence without a full stop.
    where
        The file, table, or setting that it was found in.
    column
        The column, argument or key at fault.
    row
        The first row at fault, counted from 1 as the owner of the file counts (header not counted).
    got
        What came.
    wanted
        What would have been right.
    hint
        What to try next.
    code
        Which kind of mistake this is: a key of :data:`deskcast.features.refusals.REFUSALS`, such as ``column.missing``.

    Examples
    --------
    >>> raise InputError("the time cannot be read", where="cases.csv", column="opened", row=3,
    ...                  got="31/31/2024", wanted="a date and time", hint="set date_format")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: cases.csv: column 'opened', row 3: the time cannot be read; got '31/31/2024', wanted a date and time (set date_format)
    """  # noqa: E501 - the message is one line by design

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        column: str | None = None,
        row: int | None = None,
        got: object = None,
        wanted: str | None = None,
        hint: str | None = None,
        code: str = "",
    ) -> None:
        self.problem, self.where, self.column, self.row = problem, where, column, row
        self.got, self.wanted, self.hint, self.code = got, wanted, hint, code
        super().__init__(mask_passwords(self._line()))

    def as_line(self) -> str:
        """Return the message as it is shown on a terminal: with its code in square brackets, where it has one.

        >>> InputError("the column is missing", column="opened", code="column.missing").as_line()
        "column 'opened': the column is missing [column.missing]"
        """
        return f"{self} [{self.code}]" if self.code else str(self)

    def as_record(self) -> dict[str, object]:
        """Return the parts of the message by name, as JSON has them; what is not told is left out.

        >>> InputError("this is not a date", row=3, got="soon", code="time.unreadable").as_record()
        {'code': 'time.unreadable', 'message': "row 3: this is not a date; got 'soon'", 'row': 3}
        """
        told = {"code": self.code, "message": str(self), "where": self.where, "column": self.column, "row": self.row}
        more = {"wanted": self.wanted, "hint": self.hint}
        return {k: mask_passwords(v) if isinstance(v, str) else v for k, v in (told | more).items() if v}

    def _line(self) -> str:
        place = [f"column '{self.column}'" if self.column else "", f"row {self.row:,}" if self.row else ""]
        head = ": ".join(part for part in (self.where, ", ".join(filter(None, place))) if part)
        facts = [self.problem]
        if self.got is not None:
            facts.append(f"got {_shortened(self.got)}")
        line = "; ".join(facts) + (f", wanted {self.wanted}" if self.wanted else "")
        whole = (f"{head}: " if head else "") + line + (f" ({self.hint})" if self.hint else "")
        return _LINE_ENDS.sub(" ", whole)


class BusyError(InputError):
    """Say that another process is at work in the same place: to wait helps, and nothing else does."""


class NoRowsError(InputError):
    """Say that a table has columns but no rows: beside other tables it is nothing wrong."""


def _shortened(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 4]}...{shown[-1]}"


def did_you_mean(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """Return a hint with the nearest known name, or the list of names where none is near.

    >>> did_you_mean("chanel", ["channel", "region"])
    "did you mean 'channel'?"
    >>> did_you_mean("x", ["channel", "region"])
    'known: channel, region'
    """
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"


class PassedOverWarning(UserWarning):
    """Columns of a frame that are given but not used."""


def warn_passed_over(names: Iterable[str], where: str, hint: str) -> tuple[str, ...]:
    """Warn of columns that are not used, and return their names.

    Parameters
    ----------
    names
        The columns; without any there is no warning.
    where, hint
        The frame or model that passes them over, and what to do to have them used.

    Notes
    -----
    The warning points at the line outside of this package that gave the frame.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     names = warn_passed_over(["y"], "history", "make segments text")
    >>> names, str(seen[0].message)
    (('y',), "history: not used: 'y' (make segments text)")
    """
    import warnings

    passed = tuple(names)
    if passed:
        listed = ", ".join(f"'{name}'" for name in passed)
        house, level, frame = __name__.partition(".")[0], 2, sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(f"{house}."):
            level, frame = level + 1, frame.f_back
        warnings.warn(f"{where}: not used: {listed} ({hint})", PassedOverWarning, stacklevel=level)
    return passed
