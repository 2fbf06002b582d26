"""Since when a case is on the list: what is remembered of former mornings, beside the results, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...features.errors import InputError
from ...models.worklist.budget import find_first_flagged
from .atomic_replace import replace_file
from .locks import locked

FLAGGED_FILE = "flagged.parquet"
FLAG_COLUMNS = ("metric", "case_id", "at")


def flagged_file(results: Path) -> Path:
    """Return where the picked cases of a results folder are remembered.

    >>> flagged_file(Path("desk/results")).as_posix()
    'desk/results-state/flagged.parquet'
    """
    return results.with_name(f"{results.name}-state") / FLAGGED_FILE


def read_flags(results: Path, metric: str) -> pd.DataFrame:
    """Return the cases that were picked on former mornings: ``metric, case_id, at``; none before the first.

    Raises
    ------
    InputError
        If the file cannot be read or is not one that deskcast wrote.
    """
    whole = _read(flagged_file(results))
    return whole[whole["metric"] == metric].reset_index(drop=True)


def find_last_flagged(results: Path) -> pd.Timestamp | None:
    """Return the latest morning that is remembered; none before the first."""
    at = _read(flagged_file(results))["at"]
    return None if at.empty else pd.Timestamp(at.max())


def find_last_picks(flags: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the picks of the last morning before an instant.

    >>> day = pd.Timestamp("2024-03-04T08:00Z")
    >>> flags = pd.DataFrame({"metric": "resolution", "case_id": ["a", "b"], "at": [day, day + pd.Timedelta("1D")]})
    >>> find_last_picks(flags, day + pd.Timedelta("1D"))["case_id"].tolist()
    ['a']
    """
    earlier = flags[flags["at"] < as_of]
    last: pd.DataFrame = earlier[earlier["at"] == earlier["at"].max()].reset_index(drop=True)
    return last


def find_flagged_since(flags: pd.DataFrame, case_id: pd.Series, picked: pd.Series, as_of: pd.Timestamp) -> pd.Series:
    """Return since when each case is picked, as it was known at an instant.

    Parameters
    ----------
    flags
        What :func:`read_flags` returns; mornings after ``as_of`` are not seen.
    case_id, picked
        The list of this morning.
    as_of
        This morning.

    Returns
    -------
    Instants with the index of ``case_id``; missing where a case was never picked.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-04T08:00Z")
    >>> flags = pd.DataFrame({"metric": "resolution", "case_id": ["a", "b"], "at": [day, day + pd.Timedelta("3D")]})
    >>> cases = pd.Series(["a", "b"])
    >>> find_flagged_since(flags, cases, pd.Series([False, True]), day + pd.Timedelta("1D")).dt.day.tolist()
    [4, 5]
    """
    now = pd.DataFrame({"case_id": case_id[picked].astype("str"), "at": as_of})
    seen = flags.loc[flags["at"] <= as_of, ["case_id", "at"]]
    every = pd.concat([seen, now.astype({"at": "datetime64[us, UTC]"})], ignore_index=True).assign(work_first=True)
    first = find_first_flagged(every.astype({"case_id": "str", "at": "datetime64[us, UTC]"}), as_of)
    found = first.set_index("case_id")["first_flagged_at"].reindex(case_id.astype("str"))
    return pd.Series(found.array, index=case_id.index, dtype="datetime64[us, UTC]")


def save_flags(results: Path, risk: pd.DataFrame, as_of: pd.Timestamp) -> bool:
    """Write down which cases were picked, unless a later morning is remembered already.

    Parameters
    ----------
    results
        The results folder, beside which the file stands.
    risk
        The list, with ``metric, case_id, work_first``.
    as_of
        The morning.

    Returns
    -------
    bool
        False where a later morning is remembered: a replay of the past changes nothing.

    Raises
    ------
    InputError
        If the place cannot be written, or holds a file that deskcast did not write.
    """
    path = flagged_file(results)
    now = risk.loc[risk["work_first"].astype(bool), ["metric", "case_id"]].assign(at=as_of)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"selected cases cannot be saved here: {error.strerror}", where=str(path.parent), code="state.invalid"
        ) from error
    with locked(path.parent):
        old = _read(path)
        if len(old) and (old["at"] > as_of).any():
            return False
        whole = _typed(pd.concat([old, _typed(now)], ignore_index=True).drop_duplicates(list(FLAG_COLUMNS)))
        whole = whole.sort_values(["at", "metric", "case_id"], ignore_index=True)
        if not whole.equals(old):
            with replace_file(path) as aside:
                whole.to_parquet(aside, index=False)
    return True


def _read(path: Path) -> pd.DataFrame:
    hint = f"move {path.name} away to begin anew"
    try:
        found = pd.read_parquet(path)
        return _typed(found[list(FLAG_COLUMNS)])
    except (FileNotFoundError, NotADirectoryError):
        return _typed(pd.DataFrame({name: [] for name in FLAG_COLUMNS}))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "not a valid file of selected cases", where=str(path), hint=hint, code="state.invalid"
        ) from error


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = {"metric": "str", "case_id": "str", "at": "datetime64[us, UTC]"}
    return frame.astype(kinds)[list(FLAG_COLUMNS)]
