"""Units of work compared: observed against expected, with limits, shrinkage and a verdict in few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ...features.arrays import Floats
from .case_mix import expect_outcomes
from .funnel import (
    Z_95,
    Overdispersion,
    estimate_overdispersion,
    exact_scores,
    find_spread_of_others,
    find_verdict_level,
    funnel_limits,
    score_ratios,
)
from .posterior import Gain, draw_units, find_best_share, find_gain

#: No verdict on a unit with fewer cases (the cut-off of CMS for publication).
MIN_CASES = 25
#: Nor on one of whose cases fewer are of kinds that others have too: their work and their cases cannot be told apart.
MIN_OVERLAP = 0.5
#: Below this reliability a unit has no place in an order.
MIN_RELIABILITY = 0.7
#: A unit is among the best only where that is at least so likely.
MIN_BEST_PROBABILITY = 0.8
VERDICTS = ("as expected", "higher than expected", "lower than expected", "too few to tell", "no comparable cases")
#: Verdicts on units that are not judged.
UNJUDGED = VERDICTS[3:]
#: Chance with which a difference is found that is called detectable.
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """What came of comparing units.

    Attributes
    ----------
    table
        One row a unit, by name: unit, n, observed and expected (share), adjusted (the overall value times what was
        observed over what was expected) with lo and hi, lo_95, hi_95, lo_998 and hi_998 (limits of the funnel around
        the expected share), lo_wide and hi_wide (99.8 % with over-dispersion), z, reliability, shrunken with
        shrunken_lo and shrunken_hi, best_probability (to be in the best fifth), detectable (a difference that would be
        named with a chance of 80 %), overlap (share of its cases of kinds that others have too), beyond_95, verdict.
    overall
        Value of all units.
    spread
        How much the units differ beyond chance.
    design_effect
        By how much customers with several cases widen all variances.
    level
        Limit beyond which a unit is named.
    gain
        What all would gain if they worked as the best quarter does; ``None`` where no spread is known.
    size_matters
        Whether larger units score higher or lower, so that units are shrunk to the trend.
    columns
        What the case mix was taken from.
    """

    table: pd.DataFrame
    overall: float
    spread: Overdispersion
    design_effect: float
    level: float
    gain: Gain | None
    size_matters: bool
    columns: tuple[str, ...]


def compare_units(
    rows: pd.DataFrame,
    *,
    outcome: str = "outcome",
    unit: str = "unit",
    cluster: str | None = None,
    mix: Sequence[str] = (),
    higher_is_better: bool = True,
    seed: int = 1,
) -> Comparison:
    """Compare units by a share, with the mix of their cases taken out.

    Parameters
    ----------
    rows
        One row a case or milestone: ``outcome`` (0 or 1), ``unit``, the columns of ``mix`` and ``cluster``.
    outcome, unit
        Names of columns.
    cluster
        Rows with one value of it, such as a customer, are not independent.
    mix
        Columns of what was known at creation.
    higher_is_better
        Whether a higher share is good: it decides who is best.
    seed
        Of the draws behind ``best_probability`` and the gain.

    Examples
    --------
    >>> dice = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"unit": np.repeat([f"u{i:02d}" for i in range(12)], 200)})
    >>> rows["outcome"] = dice.random(len(rows)) < np.where(rows["unit"] == "u03", 0.6, 0.8)
    >>> found = compare_units(rows).table.set_index("unit")
    >>> found.loc["u03", "verdict"], found["verdict"].value_counts()["as expected"]
    ('lower than expected', np.int64(11))
    """
    rows = rows.assign(_y=rows[outcome].astype(float))
    overall = float(rows["_y"].mean())
    rare_is_hit = overall <= 0.5
    rows["_e"] = rows["_y"] if rare_is_hit else 1 - rows["_y"]
    model = expect_outcomes(rows, "_e", unit, mix)
    rows = rows.assign(_p=model.chance, _v=model.chance * (1 - model.chance), _seen=model.seen)
    effect = _design_effect(rows, cluster)
    sums = rows.groupby(unit, sort=True).agg(
        n=("_e", "size"), o=("_e", "sum"), e=("_p", "sum"), v=("_v", "sum"), overlap=("_seen", "mean"),
    )  # fmt: skip
    sums["v"] = effect * (sums["v"] + model.doubt.reindex(sums.index.astype("str")).to_numpy(dtype=float))
    judged = (sums["n"] >= MIN_CASES) & (sums["overlap"] >= MIN_OVERLAP)
    y, s, z_log = score_ratios(sums["o"], sums["e"], sums["v"])
    spread = estimate_overdispersion(z_log[judged.to_numpy()], s[judged.to_numpy()])
    tau2 = spread.tau2 if spread.is_known else 0.0
    own = sums["e"] * (1 - sums["e"] / sums["n"])  # variance of a binomial of this share
    narrow = np.minimum((own / sums["v"]).to_numpy(dtype=float), 1.0)
    z_exact = exact_scores(sums["o"], sums["e"], sums["n"]) * np.sqrt(narrow)
    around = np.full(len(s), tau2)  # how much the others differ
    around[judged.to_numpy()] = find_spread_of_others(z_log[judged.to_numpy()], s[judged.to_numpy()])
    z = z_exact * s / np.sqrt(s**2 + around)
    level = find_verdict_level(int(judged.sum()))
    base = overall if rare_is_hit else 1 - overall
    target, size_matters = _find_targets(y, s, z_log, sums["n"].to_numpy(dtype=float), tau2, judged.to_numpy())
    sign = 1.0 if rare_is_hit else -1.0
    table = _lay_out(sums, y, s, z * sign, z_exact * sign, base, rare_is_hit, around, level)
    share_known = spread.is_known and tau2 > 0
    o, e, v = (sums[name].to_numpy(dtype=float) for name in ("o", "e", "v"))
    posterior = draw_units(o, e, v, spread, judged.to_numpy(), target, seed) if share_known else None
    table = _add_shrunken(table, y, s, target, tau2, base, rare_is_hit, spread.is_known)
    bad = (higher_is_better and not rare_is_hit) or (not higher_is_better and rare_is_hit)  # fewer rare ones are better
    gain = None
    if posterior is not None:  # of units with cases enough
        some = judged.to_numpy()
        table.loc[some, "best_probability"] = find_best_share(posterior[:, some], few_is_best=bad)
        gain = find_gain(posterior[:, some], sums["e"].to_numpy()[some], few_is_best=bad)
    table.insert(0, "unit", sums.index.astype("str"))
    return Comparison(table.reset_index(drop=True), overall, spread, effect, level, gain, size_matters, model.columns)


def _design_effect(rows: pd.DataFrame, cluster: str | None) -> float:
    """Return by how much rows of one customer, case or thread vary together."""
    if cluster is None:
        return 1.0
    residual = rows["_e"] - rows["_p"]
    names = rows[cluster].where(rows[cluster].notna(), pd.Series(rows.index.astype("str"), index=rows.index))
    together = residual.groupby(names.astype("str")).sum()
    return max(1.0, float((together**2).sum() / (residual**2).sum())) if (residual**2).sum() > 0 else 1.0


def _find_targets(y: Floats, s: Floats, z: Floats, n: Floats, tau2: float, judged: np.ndarray) -> tuple[Floats, bool]:
    """Return what each unit is shrunk to: what all have in common, or the trend with size where there is one."""
    flat = np.zeros(len(y))
    if judged.sum() < 10 or tau2 <= 0:
        return flat, False
    if len(set(n[judged])) < 2:
        return flat, False
    found = stats.spearmanr(n[judged], z[judged])
    if not found.pvalue < 0.05:
        return flat, False
    weights = 1 / np.sqrt(s[judged] ** 2 + tau2)
    slope, level = np.polyfit(np.log(n[judged]), y[judged], 1, w=weights)
    return np.asarray(level + slope * np.log(n), dtype=float), True


def _lay_out(
    sums: pd.DataFrame, y: Floats, s: Floats, z: Floats, plain_z: Floats, base: float, rare_is_hit: bool,
    tau2: Floats, level: float,
) -> pd.DataFrame:  # fmt: skip
    """Lay the shares of the outcome as it was asked for beside their limits."""
    n, expected = sums["n"].to_numpy(dtype=float), sums["e"].to_numpy(dtype=float)

    def flip(low: Floats, high: Floats) -> tuple[Floats, Floats]:
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
        return (low, high) if rare_is_hit else (1 - high, 1 - low)

    share, aim = sums["o"].to_numpy(dtype=float) / n, expected / n
    table = pd.DataFrame({"n": sums["n"].to_numpy()})
    table["observed"], table["expected"] = (share, aim) if rare_is_hit else (1 - share, 1 - aim)
    ratio = sums["o"].to_numpy(dtype=float) / expected
    table["adjusted"] = np.clip(base * ratio, 0, 1) if rare_is_hit else 1 - np.clip(base * ratio, 0, 1)
    table["lo"], table["hi"] = flip(base * np.exp(y - Z_95 * s), base * np.exp(y + Z_95 * s))
    # Of few cases without an event the limits of the ratio miss the share itself: none is no proof that there are none.
    table["lo"], table["hi"] = table[["lo", "adjusted"]].min(axis=1), table[["hi", "adjusted"]].max(axis=1)
    for name, limit in (("95", 0.95), ("998", 0.998)):
        low, high = funnel_limits(expected, n, limit)
        table[f"lo_{name}"], table[f"hi_{name}"] = flip(low / n, high / n)
    width = stats.norm.isf((1 - level) / 2) * np.sqrt(s**2 + tau2)
    table["lo_wide"], table["hi_wide"] = flip(aim * np.exp(-width), aim * np.exp(width))
    few, alone = n < MIN_CASES, sums["overlap"].to_numpy(dtype=float) < MIN_OVERLAP
    unjudged = few | alone
    limit = stats.norm.isf((1 - level) / 2)
    table["z"] = z
    table["detectable"] = np.where(unjudged, np.nan, _find_detectable(sums, s, tau2, level))
    table["overlap"] = sums["overlap"].to_numpy(dtype=float)
    table["beyond_95"] = ~unjudged & (np.abs(plain_z) > Z_95)
    words = np.select([few, alone, z > limit, z < -limit], [*UNJUDGED, *VERDICTS[1:3]], VERDICTS[0])
    table["verdict"] = pd.Series(words, dtype="str")
    return table


def _find_detectable(sums: pd.DataFrame, s: Floats, tau2: Floats, level: float) -> Floats:
    """Return the rise of the rare outcome that is named with a chance of 80 %: beyond the limit, and its own chance.

    The limit is that of the exact tail, which for rare outcomes lies further out than any multiple of the plain one;
    and what a unit has too many raises what is expected of all, of itself too.
    """
    n, e = sums["n"].to_numpy(dtype=float), sums["e"].to_numpy(dtype=float)
    p, v = e / n, sums["v"].to_numpy(dtype=float)
    wider = np.maximum(v / (e * (1 - p)), 1.0)
    limit = stats.norm.isf((1 - level) / 2) * np.sqrt(wider * (1 + tau2 / s**2))
    least = (stats.binom.isf(stats.norm.sf(limit), n, p) + 1 - e) / n
    own = n / n.sum()
    rise = least
    for _ in range(20):
        q = np.clip(p + rise, 0, 1)
        rise = (least + stats.norm.ppf(POWER) * np.sqrt(q * (1 - q) * wider / n)) / np.maximum(1 - own, 0.1)
    return np.asarray(np.minimum(rise, 1 - p), dtype=float)


def _add_shrunken(
    table: pd.DataFrame, y: Floats, s: Floats, target: Floats, tau2: float, base: float, rare_is_hit: bool, known: bool
) -> pd.DataFrame:
    """Add reliability and the shares drawn to the target; missing where too few units tell how far to draw them."""
    trust = tau2 / (tau2 + s**2) if known else np.full(len(y), np.nan)
    middle, wide = target + trust * (y - target), Z_95 * np.sqrt(trust) * s
    shares = [np.clip(base * np.exp(middle + side * wide), 0, 1) for side in (0, -1, 1)]
    if not rare_is_hit:
        shares = [1 - shares[0], 1 - shares[2], 1 - shares[1]]
    named = dict(zip(("shrunken", "shrunken_lo", "shrunken_hi"), shares, strict=True))
    return table.assign(reliability=trust, **named, best_probability=np.nan)
