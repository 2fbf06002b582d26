"""What a configuration says of people, changes and denominators: who is shown, what was changed, of how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

import pandas as pd
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from ...features.errors import InputError
from . import fields
from .checks import check_local_path
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


@dataclass(frozen=True, config=SECTION)
class DenominatorsSpec:
    """A file with the customers there were and the units sold, a row a month."""

    path: str
    columns: Mapping[str, str] = field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> DenominatorsSpec:
        check_local_path(self.path, "", "the denominators are a file of this machine")
        return self


@dataclass(frozen=True, config=SECTION)
class ChangeSpec:
    """A change whose effect is asked for: a training, a form, a policy, a tool.

    ``touches`` names one column of the cases and the values that it touched, several divided by ``|``; the others are
    what it is compared with. ``kpis`` are shares.
    """

    name: str
    date: str
    touches: Mapping[str, str]
    kpis: fields.KpiNames = ()

    @model_validator(mode="after")
    def _check(self) -> ChangeSpec:
        day = pd.to_datetime(self.date, errors="coerce", format="ISO8601")
        if pd.isna(day):
            raise InputError(
                "not a valid date", column="date", got=self.date, wanted="YYYY-MM-DD", code="time.unreadable"
            )
        if len(self.touches) != 1 or not all(self.touches.values()):
            wanted = 'one column, such as { team = "west-home" }'
            problem = "a change must touch one column"
            raise InputError(problem, column="touches", got=dict(self.touches), wanted=wanted, code="setting.invalid")
        return self

    @property
    def day(self) -> pd.Timestamp:
        """First day of the change."""
        return pd.Timestamp(self.date).tz_localize(None).normalize()

    @property
    def column(self) -> str:
        """Column of those whom it touches."""
        return next(iter(self.touches))

    @property
    def values(self) -> tuple[str, ...]:
        """Values of that column that it touches."""
        return tuple(part.strip() for part in self.touches[self.column].split("|"))
