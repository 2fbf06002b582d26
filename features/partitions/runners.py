"""Where parts are worked on: here one after the other, in processes, on Dask, or on Spark where the log lies."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from ..case_log.conform import conform_frame
from ..case_log.log import CaseLog
from ..errors import EngineError, InputError
from .shared import SharedFacts

#: What is made of a part: one frame, or several by name.
Frames = pd.DataFrame | Mapping[str, pd.DataFrame]
Part = tuple[pd.DataFrame, pd.DataFrame | None]
#: Parts that wait for a worker, for each worker.
_WAITING = 2


def run_here(
    log: CaseLog, make: Callable[..., Frames], shared: SharedFacts, parts: int, cut: Callable[..., Part]
) -> Iterator[Any]:
    """Work on one part after the other, and hold one at a time."""
    for number in range(parts):
        yield make(*cut(log, number, parts), shared)


def run_in_processes(
    log: CaseLog, make: Callable[..., Frames], shared: SharedFacts, parts: int, cut: Callable[..., Part]
) -> Iterator[Any]:
    """Work on parts in processes of joblib, as many as there are processors."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    work = Parallel(n_jobs=-1, backend="loky", return_as="generator", pre_dispatch="n_jobs", batch_size=1)
    try:
        yield from work(delayed(make)(*cut(log, number, parts), shared) for number in range(parts))
    except TerminatedWorkerError as error:
        raise _lost_worker() from error


def run_on_dask(
    log: CaseLog, make: Callable[..., Frames], shared: SharedFacts, parts: int, cut: Callable[..., Part]
) -> Iterator[Any]:
    """Work on parts where Dask works: on its running client, or in threads here."""
    try:
        import dask
    except ImportError as error:
        raise _missing("Dask", "dask") from error
    from os import cpu_count

    wave = _WAITING * (cpu_count() or 1)
    for first in range(0, parts, wave):
        numbers = range(first, min(first + wave, parts))
        tasks = [dask.delayed(make, pure=False)(*cut(log, number, parts), shared) for number in numbers]
        try:
            yield from dask.compute(*tasks)
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                raise _lost_worker() from error
            raise


def run_on_spark(
    log: CaseLog, make: Callable[..., Frames], shared: SharedFacts, parts: int, _cut: Callable[..., Part]
) -> Iterator[Any]:
    """Work on parts where the rows lie, by ``cogroup().applyInPandas``; what is made comes to the driver."""
    engine = log.table("cases").get_backend()
    if engine.name != "pyspark":
        wanted = "a log whose tables lie on Spark"
        raise InputError("not a log on Spark", column="backend", got=engine.name, wanted=wanted, code="value.unknown")
    try:
        from pyspark.sql import functions
    except ImportError as error:
        raise _missing("Spark", "spark") from error
    session = engine._session
    names = [name for name in ("cases", "events") if log.has(name)]
    rows = [session.sql(engine.compile(log.table(name))) for name in names]
    bucket = functions.pmod(functions.xxhash64("case_id"), functions.lit(parts))
    groups = [part.withColumn("_part", bucket).groupBy("_part") for part in rows]

    def work(*frames: pd.DataFrame) -> pd.DataFrame:
        made = make(*_conform(names, frames), shared)
        return pd.DataFrame({"made": [pickle.dumps(made)]})

    def work_on_both(cases: pd.DataFrame, moments: pd.DataFrame) -> pd.DataFrame:  # Spark counts the arguments
        return work(cases, moments)

    def work_on_cases(cases: pd.DataFrame) -> pd.DataFrame:
        return work(cases)

    both = len(groups) == 2
    done = (
        groups[0].cogroup(groups[1]).applyInPandas(work_on_both, "made binary")
        if both
        else groups[0].applyInPandas(work_on_cases, "made binary")
    )
    for row in done.toLocalIterator():
        yield pickle.loads(row["made"])


def _conform(names: list[str], frames: tuple[pd.DataFrame, ...]) -> Part:
    """Give the frames of Spark, whose instants have no zone, their canonical types."""
    out = []
    for name, frame in zip(names, frames, strict=True):
        rows = frame.drop(columns="_part")
        bare = [c for c in rows.columns if str(rows[c].dtype) in ("datetime64[ns]", "datetime64[us]")]
        out.append(conform_frame(name, rows.assign(**{c: rows[c].dt.tz_localize("UTC") for c in bare})))
    return out[0], out[1] if len(out) == 2 else None


def _missing(name: str, extra: str) -> InputError:
    hint = f"pip install 'deskcast[{extra}]'"
    return InputError(f"{name} needs an extra that is not installed", hint=hint, code="package.missing")


def _lost_worker() -> EngineError:
    hint = "run it again; where memory is short, lower [engine] memory or work in a loop"
    return EngineError(InputError("a worker was ended before its part was done", hint=hint, code="memory.full"))


#: Name of a backend -> what works on the parts there.
RUNNERS: Mapping[str, Callable[..., Iterator[Any]]] = {
    "loop": run_here,
    "loky": run_in_processes,
    "dask": run_on_dask,
    "spark": run_on_spark,
}
