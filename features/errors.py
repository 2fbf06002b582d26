"""The one error that bad input gets, its form, and the one warning of input that is not used."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

#: What stands before the host of an address: up to the last @ of the word, as a password may hold any sign.
_LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[^\s:/@'\"]*)(?P<secret>:\S*)?@", re.IGNORECASE)
_LINE_ENDS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")
#: Characters of a message, and of the value in it; where a message is too long the value is cut further.
MAX_LINE, MAX_SHOWN, MIN_SHOWN = 200, 160, 24
#: Names that a list shows.
MAX_NAMES = 3
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
    """Report what is wrong with an input in one line that its owner can act on, and without a password.

    The form is ``PLACE: key 'X', row N: PROBLEM; got A, expected B (HINT)``: a key of a section of the configuration,
    an option of the command line, a column of anything else.

    Parameters
    ----------
    problem
        What is wrong: "missing X", "unknown X", "not a valid X" or "X must be Y", without a full stop.
    where
        The file, table, section of the configuration in square brackets, or option of the command line.
    column
        The column or key at fault.
    row
        The first row at fault, counted from 1 as the owner of the file counts (header not counted).
    got
        What was given.
    wanted
        What was expected.
    hint
        What to do: an option, a line to add, a command.
    code
        Which kind of mistake this is: a key of :data:`deskcast.features.refusals.REFUSALS`, such as ``column.missing``.

    Examples
    --------
    >>> print(InputError("not a valid time", where="cases.csv", column="opened", row=3, got="31/31/2024",
    ...                  wanted="a date and time", hint="set date_format"))
    cases.csv: column 'opened', row 3: not a valid time; got '31/31/2024', expected a date and time (set date_format)
    >>> print(InputError("not a valid time", where="[shifts.early]", column="first_start", got="7", wanted="HH:MM"))
    [shifts.early]: key 'first_start': not a valid time; got '7', expected HH:MM
    >>> print(InputError("missing '--until'", where="--silence", hint="add --until 2026-04-01"))
    option '--silence': missing '--until' (add --until 2026-04-01)
    """

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
        self.got = None if isinstance(got, Listed) and not got else got
        self.wanted, self.hint, self.code = wanted, hint, code
        super().__init__(mask_passwords(self._line()))

    def as_line(self) -> str:
        """Return the message as it is shown on a terminal: with its code in square brackets, where it has one.

        >>> InputError("missing column", column="opened", code="column.missing").as_line()
        "column 'opened': missing column [column.missing]"
        """
        return f"{self} [{self.code}]" if self.code else str(self)

    def as_record(self) -> dict[str, object]:
        """Return the parts of the message by name, as JSON has them; what is not told is left out.

        >>> InputError("not a valid date", row=3, got="soon", code="time.unreadable").as_record()
        {'code': 'time.unreadable', 'message': "row 3: not a valid date; got 'soon'", 'row': 3}
        """
        told = {"code": self.code, "message": str(self), "where": self.where, "column": self.column, "row": self.row}
        more = {"wanted": self.wanted, "hint": self.hint}
        return {k: mask_passwords(v) if isinstance(v, str) else v for k, v in (told | more).items() if v}

    def _line(self) -> str:
        """Return the message; a value too long for a line is cut further, and nothing else."""
        shown = MAX_SHOWN
        while len(line := self._compose(shown)) > MAX_LINE and shown > MIN_SHOWN and self.got is not None:
            shown = max(MIN_SHOWN, shown - (len(line) - MAX_LINE))
        return line

    def _compose(self, shown: int) -> str:
        where = f"option '{self.where}'" if self.where and self.where.startswith("--") else self.where
        kind = "key" if self.where and ("[" in self.where or self.where.endswith(".toml")) else "column"
        column = self.column and (
            f"option '{self.column}'" if self.column.startswith("--") else f"{kind} '{self.column}'"
        )
        place = [column or "", f"row {self.row:,}" if self.row else ""]
        head = ": ".join(part for part in (where, ", ".join(filter(None, place))) if part)
        facts = [self.problem]
        if self.got is not None:
            facts.append(f"got {_shortened(self.got, shown)}")
        elif self.wanted:
            facts.append(f"expected {self.wanted}")
        line = "; ".join(facts) + (f", expected {self.wanted}" if self.wanted and self.got is not None else "")
        whole = (f"{head}: " if head else "") + line + (f" ({self.hint})" if self.hint else "")
        return _LINE_ENDS.sub(" ", whole)


class BusyError(InputError):
    """Report that another process is at work in the same place: to wait helps, and nothing else does."""


class EngineError(RuntimeError):
    """Report that the engine has no room left or lost a worker; ``told`` says it to its owner.

    It is no :class:`InputError`, which a stage may answer by leaving something out.
    """

    def __init__(self, told: InputError) -> None:
        super().__init__(str(told))
        self.told = told


class NoRowsError(InputError):
    """Report that a table has columns but no rows: beside other tables that is no error."""


class Listed(tuple[str, ...]):
    """Names that a message shows whole: three at most, fewer where they are long, and how many more there are.

    >>> print(InputError("missing opening time", got=Listed(["Sold", "Due", "Born", "Left"])))
    missing opening time; got Sold, Due, Born and 1 more
    """

    __slots__ = ()


def _shortened(value: object, size: int) -> str:
    if isinstance(value, Listed):
        count = next((k for k in range(min(len(value), MAX_NAMES), 1, -1) if len(list_names(value, k)) <= size), 1)
        return mask_passwords(list_names(value, count))
    shown = mask_passwords(repr(value))  # before it is cut: half an address no longer looks like one
    return shown if len(shown) <= size else f"{shown[: size - 4]}...{shown[-1]}"


def did_you_mean(name: str, known: list[str] | tuple[str, ...]) -> str | None:
    """Return a hint with the nearest known name, or the first known names where none is near.

    >>> did_you_mean("chanel", ["channel", "region"])
    "did you mean 'channel'?"
    >>> did_you_mean("x", ["channel", "region"]), did_you_mean("x", ["age", "bias", "cost", "due"])
    ('known: channel, region', 'known: age, bias, cost and 1 more')
    """
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {list_names(known)}"


def list_names(names: Sequence[str], count: int = MAX_NAMES) -> str:
    """List names for a message: the first three, and how many more there are.

    >>> list_names(["a", "b"]), list_names(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c and 2 more')
    """
    more = len(names) - count
    return ", ".join(names[:count]) + (f" and {more:,} more" if more > 0 else "")


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
