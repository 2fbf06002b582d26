"""What is said of the regressors of a forecast: which are used, and how much they move the volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..methods.decomposition import find_regressor_effects
from ..methods.regressor_effects import MIN_BLOCKS

if TYPE_CHECKING:
    from ...features.arrays import Floats
    from ..methods.scene import Scene

#: Values of a regressor between which its effect is stated, as quantiles of its past.
TYPICAL_RANGE = (0.1, 0.9)

#: Standard errors of an interval of 95%.
Z_95 = 1.96


def describe_regressors(scene: Scene) -> list[dict[str, Any]]:
    """Return one record a regressor: ``name, used, low, high, effect, effect_low, effect_high, blocks``.

    ``effect`` is the relative change of the volume of a usual day where the regressor goes from ``low`` to ``high``:
    from 0 to 1, or from its 10% to its 90% quantile; with an interval of 95% by the jackknife over blocks of days.
    """
    known, found = scene.grid.regressors, find_regressor_effects(scene)
    if known is None or found is None:
        return []
    records = []
    for k, name in enumerate(known.names):
        low, high = _typical(known.values[:, : scene.origin, k])
        span = high - low
        middle, error = float(found.effect[k]) * span, float(found.error[k]) * span
        least, most = sorted((_relative(middle - Z_95 * error), _relative(middle + Z_95 * error)))
        records.append(
            {
                "name": name,
                "used": bool(found.used[k]),
                "low": low,
                "high": high,
                "effect": _relative(middle),
                "effect_low": least,
                "effect_high": most,
                "blocks": int(found.blocks[k]),
            }
        )
    return records


def format_regressors(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say what each regressor does.

    >>> mail = {"name": "mail", "used": True, "low": 0.0, "high": 1.0, "effect": 0.3, "effect_low": 0.2,
    ...         "effect_high": 0.41, "blocks": 13}
    >>> list(format_regressors([mail, mail | {"used": False, "blocks": 2}]))
    ["regressor 'mail' from 0 to 1: 30% more volume (95% interval 20% to 41%)", \
"regressor 'mail' is not used: it varies in 2 spans of four weeks only, 3 are needed"]
    """
    for each in records:
        name = f"regressor '{each['name']}'"
        if each["used"]:
            least, most = each["effect_low"], each["effect_high"]
            change = f"{abs(each['effect']):.0%} {'more' if each['effect'] >= 0 else 'less'} volume"
            span = f"from {each['low']:,g} to {each['high']:,g}"
            yield f"{name} {span}: {change} (95% interval {least:.0%} to {most:.0%})"
        elif each["blocks"] < MIN_BLOCKS:
            yield f"{name} is not used: it varies in {each['blocks']} spans of four weeks only, {MIN_BLOCKS} are needed"
        else:
            yield f"{name} is not used: past forecasts with it are not better beyond noise"


def _typical(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    if set(np.unique(known)) <= {0.0, 1.0}:
        return 0.0, 1.0
    low, high = (float(q) for q in np.quantile(known, TYPICAL_RANGE))
    return (low, high) if high > low else (float(known.min()), float(known.max()))


def _relative(root: float) -> float:
    return float((1.0 + root) ** 2 - 1.0) if root > -1 else -1.0
