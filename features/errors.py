"""The one error that bad input gets."""

from __future__ import annotations


class InputError(ValueError):
    """Say what is wrong with an input in one line that its owner can act on.

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
    ) -> None:
        self.problem, self.where, self.column, self.row = problem, where, column, row
        self.got, self.wanted, self.hint = got, wanted, hint
        super().__init__(self._line())

    def _line(self) -> str:
        place = [f"column '{self.column}'" if self.column else "", f"row {self.row:,}" if self.row else ""]
        head = ": ".join(part for part in (self.where, ", ".join(filter(None, place))) if part)
        facts = [self.problem]
        if self.got is not None:
            facts.append(f"got {self.got!r}")
        line = "; ".join(facts) + (f", wanted {self.wanted}" if self.wanted else "")
        return (f"{head}: " if head else "") + line + (f" ({self.hint})" if self.hint else "")


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
