"""Snapshots as numbers: columns of a linear model, learnt on one frame and the same for every later one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from ...features.errors import InputError
from .feature_groups import NUMERIC_FEATURES, features_in, group_of, numeric_in

#: These are the same for all cases of an instant: they tell the day.
DESK_WIDE_FEATURES = (
    *NUMERIC_FEATURES["desk"],
    "open_in_desk",
    "opened_in_desk_24h",
    "opened_in_desk_7d",
    "resolved_in_desk_7d",
)
#: Another number that differs between instants only, up to this share of its variance, tells the day and not the case.
MAX_WITHIN_VARIANCE_SHARE = 0.05

#: Stands for a value that is not there, as a level of its own.
MISSING_CATEGORY = "(missing)"
#: Stands for all levels that are too rare to learn from.
RARE_CATEGORY = "(rare)"


_LOOKED_UP: ContextVar[dict[tuple[int, int], tuple[LevelCode, pd.DataFrame, Ints]] | None] = ContextVar(
    "deskcast_levels", default=None
)


@contextmanager
def look_up_once() -> Iterator[None]:
    """Look up the levels of a frame once for all models that share an encoder; no frame may change meanwhile.

    >>> with look_up_once():
    ...     code = LevelCode("team", ("a", "b"), (0.5, 0.5))
    ...     rows = pd.DataFrame({"team": ["b", "a"]})
    ...     code.find_codes(rows) is code.find_codes(rows)
    True
    """
    token = _LOOKED_UP.set({})
    try:
        yield
    finally:
        _LOOKED_UP.reset(token)


@dataclass(frozen=True)
class NumberCode:
    """A numeric feature: its scaled value, what it exceeds each knot by, and whether it is missing."""

    name: str
    median: float
    scale: float
    lo: float
    hi: float
    knots: tuple[float, ...]
    has_missing: bool

    @property
    def width(self) -> int:
        """How many columns it makes."""
        return 1 + len(self.knots) + int(self.has_missing)

    def matrix(self, values: pd.Series) -> Floats:
        """Return the columns of the feature, shape (n, 1 + knots + missing)."""
        raw = to_model_scale(self.name, values)
        gone = np.isnan(raw)
        # Outside what was seen the effect stays what it was at the edge: no extrapolation.
        x = (np.clip(np.where(gone, self.median, raw), self.lo, self.hi) - self.median) / self.scale
        columns = [x, *[np.maximum(x - knot, 0.0) for knot in self.knots]]
        return np.column_stack([*columns, gone.astype(float)] if self.has_missing else columns)

    def effect(self, values: pd.Series, coefficients: Floats) -> Floats:
        """Return the matrix times the coefficients, shape (n,) or (n, k)."""
        return np.asarray(self.matrix(values) @ coefficients, dtype=np.float64)


@dataclass(frozen=True)
class LevelCode:
    """A categorical feature: one column a level; a level never seen counts as the average of those seen."""

    name: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]

    @property
    def width(self) -> int:
        """How many columns it makes."""
        return len(self.levels)

    def matrix(self, values: pd.Series) -> Floats:
        """Return the columns of the feature, shape (n, levels)."""
        rows = np.vstack([np.eye(len(self.levels)), np.asarray(self.shares)])
        return np.asarray(rows[self._codes(values)], dtype=float)

    def effect(self, values: pd.Series, coefficients: Floats) -> Floats:
        """Return the matrix times the coefficients, shape (n,) or (n, k), without making the matrix."""
        return self.effect_of(self._codes(values), coefficients)

    def effect_of(self, codes: Ints, coefficients: Floats) -> Floats:
        """Return the same for values whose levels are known."""
        table = np.concatenate([coefficients, [np.asarray(self.shares) @ coefficients]])
        return np.asarray(table[codes], dtype=np.float64)

    def find_codes(self, snapshots: pd.DataFrame) -> Ints:
        """Return the level of each row; inside :func:`look_up_once` they are looked up once a frame."""
        known = _LOOKED_UP.get()
        if known is None:
            return self._codes(feature_values(snapshots, self.name))
        key = id(self), id(snapshots)
        if key not in known:  # both are held, so that no other object gets their numbers
            known[key] = (self, snapshots, self._codes(feature_values(snapshots, self.name)))
        return known[key][2]

    def _codes(self, values: pd.Series) -> Ints:
        # Few distinct values: the text of each is looked up once.
        place, distinct = pd.factorize(values, use_na_sentinel=False)
        text = as_text(pd.Series(distinct, dtype=values.dtype))
        known = pd.Index(self.levels)
        code = known.get_indexer(pd.Index(text))
        if RARE_CATEGORY in known:
            # A level never seen is as rare as they come; a missing value is not a level.
            code = np.where((code < 0) & (text != MISSING_CATEGORY), self.levels.index(RARE_CATEGORY), code)
        return np.asarray(code[place], dtype=np.int64)


@dataclass(frozen=True)
class Encoder:
    """What was learnt about the columns of the snapshots, to make the same matrix of any later ones.

    Attributes
    ----------
    codes
        One a feature, in the order of the matrix.
    groups
        Group of each column of the matrix.
    unused
        Features that were there but are empty or always the same.
    """

    codes: tuple[NumberCode | LevelCode, ...]
    groups: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that the matrix is made of."""
        return tuple(code.name for code in self.codes)

    def matrix(self, snapshots: pd.DataFrame) -> Floats:
        """Return the matrix of the snapshots, shape (n, columns).

        Raises
        ------
        InputError
            If a feature that was learnt from has vanished.
        """
        self._check(snapshots)
        parts = [code.matrix(feature_values(snapshots, code.name)) for code in self.codes]
        return np.column_stack(parts) if parts else np.zeros((len(snapshots), 0))

    def effects(self, snapshots: pd.DataFrame, coefficients: Floats, means: Floats) -> dict[str, Floats]:
        """Return by group what coefficients add to a linear score, as deviations from the mean row.

        Parameters
        ----------
        snapshots
            Rows with the features of the encoder, n of them.
        coefficients
            One a column of the matrix, shape (p,) or (p, k) for k scores at once.
        means
            Mean of each column, shape (p,).

        Returns
        -------
        Group -> effect, shape (n,) or (n, k); over the groups they sum to ``(matrix - means) @ coefficients``.

        Raises
        ------
        InputError
            If a feature that was learnt from has vanished.
        """
        self._check(snapshots)
        found: dict[str, Floats] = {}
        first = 0
        for code in self.codes:
            last = first + code.width
            mine = coefficients[first:last]
            if isinstance(code, LevelCode):
                effect = code.effect_of(code.find_codes(snapshots), mine)
            else:
                effect = code.effect(feature_values(snapshots, code.name), mine)
            effect = effect - means[first:last] @ mine
            group = self.groups[first]
            found[group] = found[group] + effect if group in found else effect
            first = last
        return found

    def _check(self, snapshots: pd.DataFrame) -> None:
        for name in self.features:
            if name not in snapshots.columns:
                raise InputError(
                    "missing column that the model was trained with",
                    where="snapshots",
                    column=name,
                    hint="bring the column back or train anew without it",
                    code="column.unknown",
                )


def fit_encoder(snapshots: pd.DataFrame, *, rare: int = 20, most_levels: int = 200) -> Encoder:
    """Learn how to make numbers of the features of the snapshots.

    Durations and counts are put on a log scale and centred and scaled by median and quartiles; knots at the
    quartiles let the effect bend. What differs between instants only, such as the backlog of the whole desk, is
    left out: it tells on which day a snapshot was taken, and whoever learns days by heart knows nothing of the
    next. Levels with fewer than ``rare`` rows are pooled, and so are all beyond the ``most_levels`` most frequent.
    Missing numbers get the median and a column that says so; missing levels are a level of their own.

    Parameters
    ----------
    snapshots
        Rows to learn from. Which columns are features, and of which kind, stands in
        ``deskcast.models.candidates.feature_groups``.
    rare, most_levels
        See above.

    Returns
    -------
    The encoder.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age_s": [0.0, 3600.0, 7200.0, None], "team": ["a", "a", "b", "a"], "region": "EU"})
    >>> encoder = fit_encoder(frame, rare=1)
    >>> encoder.features, encoder.unused, encoder.matrix(frame).shape
    (('age_s', 'team'), ('region',), (4, 7))
    """
    codes: list[NumberCode | LevelCode] = []
    groups: list[str] = []
    unused = []
    numbers = numeric_in(snapshots.columns)
    for name in features_in(snapshots.columns):
        values = feature_values(snapshots, name)
        counts = name in numbers or (name.startswith("attr_") and is_number(values))
        code = _number(name, values) if counts else _levels(name, values, rare, most_levels)
        tide = name in DESK_WIDE_FEATURES or (counts and group_of(name) != "clock" and is_desk_wide(snapshots, name))
        if code is None or tide:
            unused.append(name)
            continue
        codes.append(code)
        groups += [group_of(name)] * code.matrix(values.iloc[:1]).shape[1]
    return Encoder(tuple(codes), tuple(groups), tuple(unused))


def to_model_scale(name: str, values: pd.Series) -> Floats:
    """Return a numeric feature on the scale on which it acts: durations in log hours, counts in logs.

    >>> import pandas as pd
    >>> to_model_scale("age_s", pd.Series([0.0, 3600.0])).round(3).tolist()
    [0.0, 0.693]
    >>> to_model_scale("target_used", pd.Series([0.4])).tolist()
    [0.4]
    """
    if values.dtype == np.float64:  # most features, many times: nothing has to be read
        raw = values.to_numpy()
    else:
        raw = pd.to_numeric(values, errors="coerce").astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    x: Floats = np.where(np.isinf(raw), np.nan, raw).astype(np.float64)
    if name == "target_used" or name.startswith(("used_", "breached_", "is_")):
        return x
    size = np.abs(x) / (3600.0 if name.endswith("_s") or "_s_" in name else 1.0)
    return np.asarray(np.sign(x) * np.log1p(size), dtype=np.float64)


def as_text(values: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return a categorical feature as text, with a word for what is missing.

    >>> import pandas as pd
    >>> as_text(pd.Series([8, None], dtype="Int64")).tolist()
    ['8', '(missing)']
    """
    plain = values.convert_dtypes() if values.dtype.kind == "f" else values
    return np.asarray(plain.astype("str").where(values.notna(), MISSING_CATEGORY).to_numpy(dtype=object))


def feature_values(snapshots: pd.DataFrame, name: str) -> pd.Series:
    """Return a feature as it is learnt: the past of a segment against that of the whole desk at the same instant.

    So a share that falls everywhere says nothing of a team, and a model does not take the day for the team.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"breached_share_team": [0.4], "breached_share_desk": [0.3], "usual_s_team": [60.0]})
    >>> feature_values(rows, "breached_share_team").round(2).tolist(), feature_values(rows, "usual_s_team").tolist()
    ([0.1], [60.0])
    """
    for stem in ("breached_share_", "usual_s_"):
        whole = f"{stem}desk"
        if name.startswith(stem) and name not in DESK_WIDE_FEATURES and whole in snapshots.columns:
            return snapshots[name] - snapshots[whole]
    return snapshots[name]


def is_number(values: pd.Series) -> bool:
    """Tell whether a column holds numbers, or true and false.

    >>> import pandas as pd
    >>> is_number(pd.Series([1.5])), is_number(pd.Series(["1.5"]))
    (True, False)
    """
    return bool(pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype))


def is_desk_wide(snapshots: pd.DataFrame, name: str) -> bool:
    """Tell whether a number is nearly the same for all cases of an instant, where instants have many cases.

    >>> import pandas as pd
    >>> at = pd.to_datetime(["2024-03-01T08:00Z"] * 50 + ["2024-03-02T08:00Z"] * 50)
    >>> frame = pd.DataFrame({"at": at, "open_in_desk": [50] * 50 + [70] * 50, "age_s": range(100)})
    >>> is_desk_wide(frame, "open_in_desk"), is_desk_wide(frame, "age_s")
    (True, False)
    """
    if "at" not in snapshots.columns or len(snapshots) < 20 * snapshots["at"].nunique():
        return False
    x = pd.Series(to_model_scale(name, feature_values(snapshots, name)), index=snapshots.index)
    if x.notna().sum() < 2:
        return False
    within = x - x.groupby(snapshots["at"]).transform("mean")
    return bool(np.nanvar(within.to_numpy()) <= MAX_WITHIN_VARIANCE_SHARE * np.nanvar(x.to_numpy()))


def _number(name: str, values: pd.Series) -> NumberCode | None:
    x = to_model_scale(name, values)
    there = x[~np.isnan(x)]
    if not len(there) or (there.min() == there.max() and len(there) == len(x)):
        return None
    q25, median, q75 = (float(q) for q in np.quantile(there, [0.25, 0.5, 0.75]))
    scale = q75 - q25 or float(there.std()) or 1.0
    lo, hi = float(there.min()), float(there.max())
    inside = sorted({q for q in (q25, median, q75) if lo < q < hi})
    knots = tuple((q - median) / scale for q in inside)
    return NumberCode(name, median, scale, lo, hi, knots, len(there) < len(x))


def _levels(name: str, values: pd.Series, rare: int, most: int) -> LevelCode | None:
    counts = pd.Series(as_text(values)).value_counts()
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")
    kept = counts[counts >= rare].head(most)
    # A source may have pooled rare values itself.
    kept = kept.drop(RARE_CATEGORY, errors="ignore")
    rest = int(counts.sum() - kept.sum())
    if rest:
        kept = pd.concat([kept, pd.Series({RARE_CATEGORY: rest})])
    if len(kept) < 2:
        return None
    shares = kept / kept.sum()
    return LevelCode(name, tuple(map(str, kept.index)), tuple(map(float, shares)))
