"""Forms: read in one way, and refused where another site sent them or the role of the user may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pandas as pd
from fastapi import Request
from starlette.exceptions import HTTPException

#: Bytes that a form may have, fields that it may have, and letters of a text that somebody writes.
MAX_FORM_BYTES, MAX_FIELDS, MAX_TEXT = 64_000, 200, 2000


class Form(dict[str, str]):
    """The fields of a form: the last value of each name, without space around it."""

    def text(self, name: str, label: str, limit: int = MAX_TEXT) -> str:
        """Return a text that has to be there.

        Raises
        ------
        HTTPException
            422 where it is empty or too long.
        """
        value = self.get(name, "")
        if not value:
            raise HTTPException(422, f"{label} is missing. Go back and fill it in.")
        if len(value) > limit:
            raise HTTPException(422, f"{label} has {len(value):,} letters; at most {limit:,} are kept.")
        return value

    def choice(self, name: str, label: str, known: Any) -> str:
        """Return one of the values that a field can have.

        Raises
        ------
        HTTPException
            422 where it is none of them.
        """
        value = self.get(name, "")
        if value not in known:
            raise HTTPException(422, f"{label} must be one of: {', '.join(known)}.")
        return value

    def day(self, name: str, label: str, today: pd.Timestamp, limit: int) -> pd.Timestamp:
        """Return a day from tomorrow to ``limit`` days after today.

        Raises
        ------
        HTTPException
            422 where it is no such day.

        Examples
        --------
        >>> Form(until="2026-03-09").day("until", "The day", pd.Timestamp("2026-03-02"), 30)
        Timestamp('2026-03-09 00:00:00')
        """
        day = parse_day(self.text(name, label, 10))
        if day is None or not today < day <= today + pd.Timedelta(days=limit):
            raise HTTPException(422, f"{label} must be within {limit} days from tomorrow, such as 2026-03-09.")
        return day


def parse_day(text: str) -> pd.Timestamp | None:
    """Return the day that a date field of a form holds; ``None`` where it holds none.

    >>> parse_day("2026-03-09"), parse_day("9 March")
    (Timestamp('2026-03-09 00:00:00'), None)
    """
    day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    return None if pd.isna(day) else pd.Timestamp(day)


def read_form(right: str) -> Callable[[Request], Any]:
    """Return a dependency that reads a form of this page from a user whose role has a right.

    The request has to carry the token of its session, and must not come from another site.

    Raises
    ------
    HTTPException
        403 from another site, without the token, or without the right; 413 where it is too large.
    """

    async def read(request: Request) -> Form:
        if not request.state.user.may(right):
            raise HTTPException(403, f"Your role, {request.state.user.role}, may not do this.")
        check_same_site(request)
        size = request.headers.get("content-length", "0")
        if not size.isdecimal() or len(size) > 9 or int(size) > MAX_FORM_BYTES:
            raise HTTPException(413, "The form is too large.")
        body = await request.body()
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, "The form is too large.")
        try:
            pairs = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, strict_parsing=bool(body)
            )
        except ValueError as error:
            raise HTTPException(422, "The form cannot be read.") from error
        form = Form({name: value.strip().replace("\x00", "") for name, value in pairs})
        if not request.app.state.desk.signer.is_token(request.state.session, form.pop("csrf", "")):
            raise HTTPException(403, "This form is no longer valid. Load the page again and repeat your entry.")
        return form

    return read


def check_same_site(request: Request) -> None:
    """Refuse a form that a page of another site sent.

    Raises
    ------
    HTTPException
        403 where the browser says so.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or (site is not None and site not in ("same-origin", "none")):
        raise HTTPException(403, "This form came from another site and was refused.")
