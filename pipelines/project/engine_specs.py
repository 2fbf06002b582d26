"""What a configuration says of the engine: where the tables of the log lie, and within how much memory."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from ...features.case_log.engines import ENGINE_KINDS
from ...features.errors import InputError
from . import fields
from .fields import SECTION, checked, one_of

#: Where the work on parts of the cases is done; that of a log on Spark always there.
PART_BACKENDS = ("loop", "loky", "dask")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(MB|GB|TB|MiB|GiB|TiB)")


@dataclass(frozen=True, config=SECTION)
class EngineSpec:
    """Where the tables of the log are held: off until ``kind`` or ``memory`` is set.

    Then tables with canonical columns are read where they lie: Parquet files on DuckDB and Spark, tables of a database
    at ``address`` on PostgreSQL. Other sources are loaded into the engine for the time of the command. The engine keeps
    to ``memory`` and writes below ``temp``; ``backend`` says where the work on parts of the cases is done. Nothing of
    this changes a result.
    """

    kind: Annotated[str | None, one_of("unknown engine", lambda: ENGINE_KINDS)] = None
    memory: Annotated[
        str | None, checked("not a size", "a number with its unit, such as '2GB' or '500MB'", _SIZE.fullmatch)
    ] = None
    backend: Annotated[str, one_of("unknown backend", lambda: PART_BACKENDS)] = "loop"
    temp: fields.Line | None = None
    address: fields.Line | None = None

    @model_validator(mode="after")
    def _check(self) -> EngineSpec:
        is_server = (self.address or "").startswith(("postgresql://", "postgres://"))
        if self.kind == "postgres" and not is_server:
            wanted = "an address such as postgresql://user@host/database"
            raise InputError("no server is named", column="address", wanted=wanted, code="setting.missing")
        if self.address is not None and (self.kind in (None, "duckdb") or (self.kind == "spark" and is_server)):
            wanted = (
                'kind = "postgres" with a server, or "spark" with its master, such as local[2] or spark://host:7077'
            )
            raise InputError("the engine has no such address", column="address", wanted=wanted, code="value.unknown")
        if self.kind == "postgres" and self.memory is not None:
            hint = "its settings bound the memory of a server"
            raise InputError("the memory of a server is not set here", column="memory", hint=hint, code="value.unknown")
        return self

    @property
    def is_set(self) -> bool:
        """Whether tables are bound in place rather than read into memory."""
        return self.kind is not None or self.memory is not None
