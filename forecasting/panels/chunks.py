"""Very many series: forecast in chunks, with bounded memory, the same numbers however the work is spread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike, fspath
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError, did_you_mean, warn_passed_over
from ...features.frames import SERIES_COLUMNS, SERIES_HINT, name_series_columns, require_columns
from ...features.plugins import Parcel, adopt, pack, registered, unpack
from ...features.renamed import with_old_attributes
from ..grid.grid import check_count
from ..grid.rows import read_ids
from ..one_thread import use_one_blas_thread
from ..volume.forecast import forecast_request
from ..volume.request import ForecastRequest

HistorySource = pd.DataFrame | str | PathLike[str] | Iterable[pd.DataFrame]

#: Where the work may be done.
BACKENDS = ("loky", "threading", "dask")

#: Rows of a Parquet file that are read at a time.
BATCH_ROWS = 500_000


def forecast_chunks(
    history: HistorySource,
    horizon: int,
    freq: str,
    *,
    chunk: int = 1000,
    jobs: int = 1,
    backend: str = "loky",
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Iterator[pd.DataFrame]:
    """Forecast a very large panel chunk by chunk; hold no more than the chunks that are worked on.

    A chunk is a panel of its own: method, effects and errors are pooled over its series and over no others. Which
    series stand together depends on their names and on ``chunk`` alone, never on ``jobs`` or ``backend``, so these do
    not change a number. A chunk of 1,000 is far beyond what pooling gains from.

    Parameters
    ----------
    history
        A frame; the path of a Parquet file sorted by ``unique_id``; or frames in turn, each of whole series (their
        chunks then follow the order in which the series come).
    horizon, freq
        As in :func:`deskcast.forecasting.forecast`.
    chunk
        Series in a chunk.
    jobs, backend
        Processes or threads of joblib: ``loky``, ``threading`` or ``dask`` (with a running ``distributed.Client``).
    progress
        Called after each chunk with the series done and the series in all (0 where that is not known).
    **options
        All else that :func:`deskcast.forecasting.forecast` takes. The forecast begins after the last stamp of the
        whole frame or file; of frames in turn, after that of each chunk.

    Yields
    ------
    What :func:`deskcast.forecasting.forecast` returns, for one chunk after the other, with its ``attrs``.

    Raises
    ------
    InputError
        If a series comes back in a later part, the file is not sorted, or the backend is unknown. A chunk of which no
        series can be used gives no rows; ``attrs["rejected"]`` names its series.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=60, freq="D")
    >>> parts = (pd.DataFrame({"unique_id": f"s{i}", "ds": days, "y": 10.0 + i}) for i in range(5))
    >>> [len(ahead) for ahead in forecast_chunks(parts, 7, "D", chunk=2)]
    [14, 14, 7]
    """
    chunk, jobs = check_count(chunk, "chunk"), _check_jobs(jobs)
    request = ForecastRequest(horizon, freq, **options)
    if backend not in BACKENDS:
        raise InputError(
            "unknown backend", column="backend", got=backend, hint=did_you_mean(backend, BACKENDS), code="model.unknown"
        )
    columns = _Columns((*SERIES_COLUMNS, "n") if request.kind != "count" else SERIES_COLUMNS)
    chunks, total, last = _chunks(history, chunk, columns)
    done = 0
    # threads share the limit, so it is set around them all too
    with use_one_blas_thread():
        for count, ahead in _run_chunks(chunks, request, last, jobs, backend):
            done += count
            ahead.attrs |= {"passed_over": tuple(columns.passed_over)}
            if progress is not None:
                progress(done, total)
            yield ahead


def forecast_panel(
    history: HistorySource,
    horizon: int,
    freq: str,
    *,
    chunk: int = 1000,
    jobs: int = 1,
    backend: str = "loky",
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Forecast a very large panel in chunks, and return one frame.

    Parameters
    ----------
    history, horizon, freq, chunk, jobs, backend, progress, options
        As in :func:`forecast_chunks`.

    Returns
    -------
    As :func:`deskcast.forecasting.forecast`, sorted by series and time. ``attrs["notes"]`` are those of all chunks,
    each once and at most 100; ``attrs["model"]`` counts the chunks by method;
    ``attrs["rejected"]`` are all refused series.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=60, freq="D")
    >>> history = pd.concat(pd.DataFrame({"unique_id": f"s{i}", "ds": days, "y": 10.0 + i}) for i in range(5))
    >>> len(forecast_panel(history, 7, "D", chunk=2))
    35
    """
    parts = list(
        forecast_chunks(history, horizon, freq, chunk=chunk, jobs=jobs, backend=backend, progress=progress, **options)
    )
    notes = list(dict.fromkeys(note for part in parts for note in part.attrs["notes"]))
    refused = [row for part in parts for row in part.attrs["rejected"]]
    models = pd.Series([part.attrs["model"] for part in parts if part.attrs["model"]], dtype="str").value_counts()
    full = [part for part in parts if len(part.columns)]
    if not full:
        first = refused[0]
        raise InputError(
            f"no series can be used: {first['reason']}", where=f"series '{first['unique_id']}'", code="rows.none"
        )
    asked = {name: full[-1].attrs[name] for name in ("request", "segments", "passed_over")}
    for part in full:
        part.attrs = {}
    table = pd.concat(full, ignore_index=True).sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    more = [f"{len(notes) - 100:,} more notes"] if len(notes) > 100 else []
    counts = {str(k): int(v) for k, v in sorted(models.items(), key=lambda item: (-item[1], str(item[0])))}
    attrs = {"notes": notes[:100] + more, "model": counts, "rejected": refused, **asked}
    table.attrs = with_old_attributes(attrs, "forecast")
    return table


def forecast_one_chunk(
    part: pd.DataFrame, request: ForecastRequest, last: pd.Timestamp | None
) -> tuple[int, pd.DataFrame]:
    """Forecast one chunk, on one thread of linear algebra; return how many series it had, too."""
    with use_one_blas_thread():
        try:
            ahead = forecast_request(_up_to(part, last), request)
        except InputError as error:
            if error.column not in ("unique_id", "ds", "y"):
                raise
            names = [str(name) for name in part["unique_id"].unique()]
            refused = [{"unique_id": name, "row": error.row or 0, "reason": str(error)} for name in names]
            ahead = pd.DataFrame()
            attrs = {"notes": [str(error)], "model": "", "rejected": refused}
            ahead.attrs = with_old_attributes(attrs, "forecast")
    return int(part["unique_id"].nunique()), ahead


def _up_to(part: pd.DataFrame, last: pd.Timestamp | None) -> pd.DataFrame:
    """Add a missing value at the last stamp to series that end early, so that all start together."""
    if last is None or (part["ds"] == last).any():
        return part
    names = part["unique_id"].unique()
    ends = pd.DataFrame({"unique_id": names, "ds": pd.Series([last] * len(names), dtype=part["ds"].dtype)})
    return pd.concat([part, ends.astype({"unique_id": part["unique_id"].dtype}).assign(y=np.nan)], ignore_index=True)


def _run_chunks(
    chunks: Iterator[pd.DataFrame], request: ForecastRequest, last: pd.Timestamp | None, jobs: int, backend: str
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Work on chunks where it was asked for, in their order; only a few wait at any time."""
    if jobs == 1 and backend != "dask":
        yield from (forecast_one_chunk(part, request, last) for part in chunks)
        return
    from joblib import Parallel, delayed, parallel_config

    if backend == "dask":
        _client()
    with parallel_config(backend=backend, n_jobs=jobs):
        work = Parallel(return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
        if backend == "threading":
            yield from work(delayed(forecast_one_chunk)(part, request, last) for part in chunks)
            return
        parcel = pack((request, tuple(registered("forecaster").values())))
        yield from work(delayed(_forecast_elsewhere)(part, last, parcel) for part in chunks)


def _forecast_elsewhere(part: pd.DataFrame, last: pd.Timestamp | None, parcel: Parcel) -> tuple[int, pd.DataFrame]:
    """Forecast one chunk in another process, with the forecasters that are registered where it was given out."""
    request, own = unpack(parcel)
    adopt("forecaster", own)
    return forecast_one_chunk(part, request, last)


def _client() -> None:
    """Check that joblib will find a client of dask, or say what is missing."""
    try:
        from distributed import get_client
    except ImportError as error:
        hint = "install the extra: pip install deskcast[dask]"
        raise InputError(
            "dask is not installed", column="backend", got="dask", hint=hint, code="package.missing"
        ) from error
    try:
        get_client()
    except ValueError as error:
        hint = "with distributed.Client(): ..."
        raise InputError(
            "no dask client is running", column="backend", got="dask", hint=hint, code="package.missing"
        ) from error


def _check_jobs(jobs: object) -> int:
    if jobs == -1:
        return -1
    return check_count(jobs, "jobs")


@dataclass
class _Columns:
    """Which columns of a history are used, and which were passed over, each named once whichever part has it."""

    used: tuple[str, ...]
    passed_over: list[str] = field(default_factory=list)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what is used of a part."""
        require_columns(frame, SERIES_COLUMNS, "history")
        known = [*self.used, *self.passed_over]
        self.passed_over += name_series_columns(frame, "history", known)["passed_over"]
        return frame[[c for c in self.used if c in frame.columns]]

    def of_file(self, path: str, names: Sequence[str]) -> list[str]:
        """Return the columns of a file to read."""
        unused = [c for c in names if c not in self.used and not c.startswith("__index_level_")]
        self.passed_over += warn_passed_over(unused, path, SERIES_HINT)
        return [c for c in self.used if c in names]


def _chunks(
    history: HistorySource, size: int, columns: _Columns
) -> tuple[Iterator[pd.DataFrame], int, pd.Timestamp | None]:
    """Return the chunks, how many series there are (0 if not known), and the last stamp (if known)."""
    if isinstance(history, pd.DataFrame) or not isinstance(history, (str, PathLike, Iterable)):
        history = columns.of(history)
        names = np.unique(read_ids(history))
        last = history["ds"].max() if pd.api.types.is_datetime64_any_dtype(history["ds"]) else None
        return _cut(history, names, size), len(names), last
    if isinstance(history, (str, PathLike)):
        last = _last_stamp(fspath(history))
        return _regrouped(_batches(fspath(history), columns), size, fspath(history)), 0, last
    frames: Iterable[Any] = history
    return _regrouped((columns.of(frame) for frame in frames), size, None), 0, None


def _cut(history: pd.DataFrame, names: np.ndarray[Any, Any], size: int) -> Iterator[pd.DataFrame]:
    """Cut a frame into chunks of series in the order of their names."""
    ids = history["unique_id"].astype(str).to_numpy(dtype=object)
    place = pd.Index(names).get_indexer(pd.Index(ids)) // size
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(-(-len(names) // size) + 1))
    for start, stop in pairwise(ends):
        yield history.iloc[order[start:stop]]


def _regrouped(frames: Iterator[pd.DataFrame], size: int, path: str | None) -> Iterator[pd.DataFrame]:
    """Put frames together to chunks of so many series; of a file the last series of a batch may go on."""
    waiting: list[pd.DataFrame] = []
    known: set[str] = set()
    last: str | None = None
    for frame in frames:
        if frame.empty:
            continue
        names = [str(name) for name in frame["unique_id"].unique()]
        again = [name for name in names if name in known and not (path and name == names[0] == last)]
        if again:
            hint = "sort the file by unique_id" if path else "give each series in one frame"
            raise InputError(
                "the rows of this series are not together",
                where=path,
                column="unique_id",
                got=again[0],
                hint=hint,
                code="row.doubled",
            )
        known.update(names)
        last = str(frame["unique_id"].iloc[-1])
        waiting.append(frame)
        whole = pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else frame
        order = whole["unique_id"].astype(str)
        there = order.unique()
        # the last series of a batch may not be over
        over = len(there) - 1 if path else len(there)
        full = over // size * size
        for start in range(0, full, size):
            yield whole[order.isin(there[start : start + size])]
        rest = whole[order.isin(there[full:])]
        waiting = [rest] if len(rest) else []
    whole = pd.concat(waiting, ignore_index=True) if waiting else pd.DataFrame()
    names_left = whole["unique_id"].astype(str) if len(whole) else pd.Series([], dtype="str")
    left = names_left.unique()
    for start in range(0, len(left), size):
        yield whole[names_left.isin(left[start : start + size])]
    if last is None:
        raise InputError(
            "the history has no rows", where=path or "history", wanted="at least one value", code="history.short"
        )


def _batches(path: str, columns: _Columns) -> Iterator[pd.DataFrame]:
    """Read a Parquet file a few rows at a time."""
    file = _open(path)
    for batch in file.iter_batches(BATCH_ROWS, columns=columns.of_file(path, file.schema_arrow.names)):
        yield batch.to_pandas()


def _last_stamp(path: str) -> pd.Timestamp | None:
    """Return the last stamp of a Parquet file from what the file says of itself, or by reading its stamps."""
    file = _open(path)
    column = file.schema_arrow.get_field_index("ds")
    stats = [file.metadata.row_group(i).column(column).statistics for i in range(file.metadata.num_row_groups)]
    if stats and all(s is not None and s.has_min_max for s in stats):
        return pd.Timestamp(max(s.max for s in stats))
    stamps = [batch.to_pandas()["ds"].max() for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=["ds"])]
    return pd.Timestamp(max(stamps)) if stamps else None


def _open(path: str) -> Any:
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InputError("not a readable Parquet file", where=path, hint=str(error), code="file.kind") from error
    require_columns(file.schema_arrow.empty_table().to_pandas(), SERIES_COLUMNS, path)
    return file
