"""What a configuration says of the engine: where the tables of the log lie, and within how much memory."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic.dataclasses import dataclass

from . import fields
from .fields import SECTION, checked, one_of

#: Engines that the command line can bind a log to.
ENGINE_KINDS = ("duckdb",)
#: Where the work on parts of the cases is done; on Spark only that of a log that lies there, which Python code binds.
PART_BACKENDS = ("loop", "loky", "dask")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(MB|GB|TB|MiB|GiB|TiB)")


@dataclass(frozen=True, config=SECTION)
class EngineSpec:
    """Where the tables of the log are held: off until ``kind`` or ``memory`` is set.

    Then Parquet files with canonical columns are read where they lie, other sources from Parquet files in a temporary
    folder below ``temp``, and the engine keeps to ``memory``. ``backend`` says where the work on parts of the cases is
    done. Nothing of this changes a result.
    """

    kind: Annotated[str | None, one_of("unknown engine", lambda: ENGINE_KINDS)] = None
    memory: Annotated[
        str | None, checked("not a size", "a number with its unit, such as '2GB' or '500MB'", _SIZE.fullmatch)
    ] = None
    backend: Annotated[str, one_of("unknown backend", lambda: PART_BACKENDS)] = "loop"
    temp: fields.Line | None = None

    @property
    def is_set(self) -> bool:
        """Whether tables are bound in place rather than read into memory."""
        return self.kind is not None or self.memory is not None
