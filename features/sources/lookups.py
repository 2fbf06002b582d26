"""Look-up tables: a database keeps ``state_id = 4``, and another table says what that means.

A label may be renamed, and entries may be added, by the users of the system: so the table is read where it is there,
and the system's first entries are what remains where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from .export import ExportRows, ExportTable, cast_table, read_export_tables, require_table
from .spec import SourceSpec


class SystemTables(NamedTuple):
    """What was found of a system's tables, what is to be said, the labels of its ids, and the rows by table."""

    found: dict[str, Any]
    notes: list[str]
    labels: dict[str, Labels]
    taken: dict[str, ExportRows]


@dataclass(frozen=True)
class Lookup:
    """One look-up table of a system.

    Attributes
    ----------
    part
        Its name in ``parts`` of a configuration.
    aliases
        What the system calls the table.
    key, label
        Its columns of ids and of names.
    group
        Column that puts the entries into classes, such as the type of a state; an id of another look-up, or a word.
    further, kinds
        Other roles that are read of the table, with their columns, and kinds where they are not text.
    prefixed
        Whether its name may begin with a word that the installation has chosen.
    defaults
        Id -> label of a new installation, for where the table is missing or lacks an id.
    default_groups
        Id -> class, likewise.
    """

    part: str
    aliases: tuple[str, ...]
    key: tuple[str, ...] = ("id",)
    label: tuple[str, ...] = ("name",)
    group: tuple[str, ...] = ()
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    prefixed: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    default_groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> ExportTable:
        """Return how the table is found and read: by its name, as many tables have an id and a name."""
        roles = {"entry_id": self.key, "label": self.label, **({"group": self.group} if self.group else {})}
        roles |= self.further
        needed = ("entry_id", "label")
        return ExportTable(
            self.part, self.aliases, roles, needed, kinds=self.kinds, named_only=True, prefixed=self.prefixed
        )


@dataclass(frozen=True)
class Labels:
    """What the ids of one look-up mean.

    Attributes
    ----------
    part
        Name of the look-up.
    labels, groups
        Id -> label, and id -> class.
    """

    part: str
    labels: Mapping[str, str]
    groups: Mapping[str, str]

    def label(self, ids: pd.Series[Any], stated: pd.Series[Any] | None = None) -> pd.Series[Any]:
        """Return the label of each id; one without an entry is its ``stated`` text, else the id itself."""
        known = ids.map(dict(self.labels)).astype("str")  # of an empty table too
        if stated is not None:
            known = known.fillna(stated.astype("str"))
        return (
            known.fillna(ids.astype("str")).astype("str").where(ids.notna() | (stated is not None and stated.notna()))
        )

    def group(self, ids: pd.Series[Any]) -> pd.Series[Any]:
        """Return the class of each id; missing where it has none."""
        found = ids.map(dict(self.groups))
        return found.astype("str").where(found.notna())

    def note_unknown(self, ids: pd.Series[Any], kind: str, notes: list[str]) -> None:
        """Describe how many ids have no entry and stay what they are."""
        if unknown := sorted(set(ids.dropna()) - set(self.labels)):
            shown = ", ".join(unknown[:4])
            notes.append(
                f"{kind}: {len(unknown):,} ids have no entry in the table of {self.part} and stay ids: {shown}"
            )


def read_labels(lookup: Lookup, found: Mapping[str, tuple[str, pd.DataFrame]], spec: SourceSpec) -> Labels:
    """Read a look-up table, or take what a new installation has.

    Two entries of one name are told apart by their ids.

    Examples
    --------
    >>> teams = Lookup("teams", ("groups",), defaults={"9": "Users"})
    >>> frame = pd.DataFrame({"id": ["1", "2", "3"], "name": ["First line", "Field", "Field"]})
    >>> labels = read_labels(teams, {"teams": ("groups.csv", frame)}, SourceSpec("cases"))
    >>> labels.label(pd.Series(["1", "2", "9", "8", None])).tolist()
    ['First line', 'Field (2)', 'Users', '8', nan]
    """
    labels, groups = dict(lookup.defaults), dict(lookup.default_groups)
    if lookup.part in found:
        rows = cast_table(lookup.table, spec, *found[lookup.part]).accepted_rows()
        again = rows["label"].duplicated(keep=False)
        said = rows["label"].mask(again, rows["label"] + " (" + rows["entry_id"] + ")")
        labels |= dict(zip(rows["entry_id"], said, strict=True))
        if lookup.group:
            classed = rows.dropna(subset=["group"])
            groups |= dict(zip(classed["entry_id"], classed["group"], strict=True))
    return Labels(lookup.part, labels, groups)


def read_system_tables(
    tables: tuple[ExportTable, ...],
    lookups: Mapping[str, Lookup],
    main: str,
    spec: SourceSpec,
    folder: Path,
    *,
    utc: bool = False,
) -> SystemTables:
    """Read the tables of a system, from files or its database, with the labels of its ids.

    Parameters
    ----------
    utc
        Whether the system keeps UTC whatever clock the desk keeps.

    Raises
    ------
    InputError
        If the main table is missing, or a table lacks a column.
    """
    found, notes = read_export_tables(tables, spec, folder)
    require_table(found, main, spec)
    clock = replace(spec, timezone="UTC") if utc else spec
    labels = {name: read_labels(lookup, found, spec) for name, lookup in lookups.items()}
    taken = {
        p.name: cast_table(p, clock, *found[p.name], spec.columns if p.name == main else None)
        for p in tables
        if p.name in found and p.name not in lookups
    }
    return SystemTables(found, notes, labels, taken)
