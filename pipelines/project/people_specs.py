"""What a configuration says of people: whether anything is shown by agent, and under which names."""

from __future__ import annotations

from typing import Annotated

from pydantic.dataclasses import dataclass

from .fields import SECTION, one_of

#: How agents are named in tables.
NAME_FORMS = ("pseudonyms", "plain")


@dataclass(frozen=True, config=SECTION)
class PeopleSpec:
    """Whether KPIs are shown by agent; off unless it is set.

    ``names`` are ``pseudonyms``, which stay the same from run to run and which only this desk can read back, or
    ``plain``.
    """

    by_agent: bool = False
    names: Annotated[str, one_of("unknown form of names", lambda: NAME_FORMS)] = "pseudonyms"
