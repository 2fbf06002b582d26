"""From an export to canonical tables: adapters rename and cast, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import InputError, did_you_mean
from ..readers.databases import find_database_file, read_relation
from ..readers.many_files import FILES, expand_path, is_pattern, read_files
from ..readers.read import read_raw
from . import chatwoot, dynamics, freshdesk, glpi, jira, osticket, salesforce, zammad, zendesk
from . import servicenow as servicenow_tables
from .export import SourceSystem
from .months import read_months
from .queue_log import read_queue_log
from .servicenow_log import read_servicenow
from .spec import LoadedSource, SourceSpec
from .survey import read_surveys
from .table import read_mapped_table
from .telephone import read_calls


def load_source(spec: SourceSpec, folder: str | Path = ".") -> LoadedSource:
    """Read one source into canonical tables.

    Parameters
    ----------
    spec
        Where the data is and what its columns mean.
    folder
        Folder against which a relative path is resolved.

    Raises
    ------
    InputError
        If the file cannot be read as a table, a mapped or needed column is missing, or no row can be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "t.csv").write_text("key,opened,closed\\n1,2024-03-01,2024-03-04\\n2,soon,\\n")
    >>> spec = SourceSpec("cases", "t.csv", columns={"case_id": "key", "created_at": "opened", "closed_at": "closed"})
    >>> loaded = load_source(spec, folder)
    >>> loaded.tables["events"]["kind"].tolist(), loaded.rejected["reason"].tolist()
    (['created', 'closed'], ['the time cannot be read'])
    """
    from .servicenow_log import is_incident_table

    if spec.kind not in (*ADAPTERS, *SYSTEMS):
        hint = did_you_mean(spec.kind, (*ADAPTERS, *SYSTEMS))
        raise InputError(
            "unknown kind of source",
            where=spec.place,
            column="kind",
            got=spec.kind,
            hint=hint,
            code="source.unknown",
        )
    if not (spec.path or spec.files or spec.parts or spec.database):
        raise InputError(
            "the source names no data",
            where=f"source {spec.table}",
            hint="set path, parts or database",
            code="source.unknown",
        )
    home = Path(folder)
    many = bool(spec.files) or is_pattern(spec.path) or (home / spec.path).is_dir()
    several = bool(spec.parts or (spec.database and not spec.relation) or many)
    if spec.kind in SYSTEMS and (several or spec.kind not in ADAPTERS):
        return SYSTEMS[spec.kind].load(spec, Path(folder))
    if spec.parts:
        raise InputError(
            f"a source of kind '{spec.kind}' is one table",
            where=spec.place,
            column="parts",
            hint="set path",
            code="source.unknown",
        )
    if spec.database:
        frame = _read_database(spec, home)
        return ADAPTERS[spec.kind](replace(spec, path=spec.place), frame)
    files = [f for p in spec.list_paths() for f in expand_path(home / p)]
    raw = read_files(files, spec.encoding, spec.delimiter, spec.header, spec.sheet)
    if spec.kind == "servicenow" and is_incident_table(spec, raw.frame):
        return SYSTEMS[spec.kind].load(spec, Path(folder))
    loaded = ADAPTERS[spec.kind](spec if spec.path else replace(spec, path=spec.place), raw.frame)
    rejected = _name_files(loaded.rejected, raw.frame)
    return replace(loaded, notes=(*raw.notes, *loaded.notes), rejected=rejected)


def _read_database(spec: SourceSpec, home: Path) -> pd.DataFrame:
    """Read a table of a server, or of a database file by its address, such as ``sqlite:///desk.db``."""
    uri = str(spec.database)
    file = find_database_file(uri)
    if not file:
        return read_relation(uri, spec.relation, spec.schema, spec.query)
    if spec.query:
        hint = "make it a view, and name that as the table"
        raise InputError(
            "a query is for servers only", where=spec.place, column="query", hint=hint, code="source.unknown"
        )
    return read_raw(home / file, sheet=spec.relation).frame


def _name_files(rejected: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of each file by themselves, and name the file of a refused row beside it."""
    files = frame.attrs.get(FILES)
    if not files or rejected.empty:
        return rejected
    ends = np.cumsum([size for _, size in files])
    place = np.searchsorted(ends, rejected["row"].to_numpy() - 1, side="right")
    begins = np.concatenate([[0], ends[:-1]])
    names = pd.Series([files[i][0] for i in place], index=rejected.index, dtype="str")
    return rejected.assign(row=rejected["row"] - begins[place], file=names)


#: Adapters by the name that the configuration uses.
ADAPTERS: Mapping[str, Callable[[SourceSpec, pd.DataFrame], LoadedSource]] = {
    "table": read_mapped_table,
    "servicenow": read_servicenow,
    "telephone": read_calls,
    "survey": read_surveys,
    "queue_log": read_queue_log,
    "months": read_months,
}


#: Systems that export several tables, by the name that the configuration uses: the module that reads them.
SYSTEMS: Mapping[str, SourceSystem] = {
    "salesforce": SourceSystem("salesforce", salesforce.EXPORT_TABLES, salesforce.load),
    "jira": SourceSystem("jira", jira.EXPORT_TABLES, jira.load),
    "servicenow": SourceSystem("servicenow", servicenow_tables.EXPORT_TABLES, servicenow_tables.load),
    "freshdesk": SourceSystem("freshdesk", freshdesk.EXPORT_TABLES, freshdesk.load),
    "dynamics": SourceSystem("dynamics", dynamics.EXPORT_TABLES, dynamics.load),
    "zendesk": SourceSystem("zendesk", zendesk.EXPORT_TABLES, zendesk.load),
    "zammad": SourceSystem("zammad", zammad.EXPORT_TABLES, zammad.load, utc=True),
    "chatwoot": SourceSystem("chatwoot", chatwoot.EXPORT_TABLES, chatwoot.load, utc=True),
    "glpi": SourceSystem("glpi", glpi.EXPORT_TABLES, glpi.load),
    "osticket": SourceSystem("osticket", osticket.EXPORT_TABLES, osticket.load),
}
