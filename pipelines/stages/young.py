"""Young segments in a forecast: zeros before their first case are no history, and the rest comes from relatives."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...forecasting.panels.cold_start import YOUNG_DAYS, forecast_young


def young_series(actuals: pd.DataFrame) -> list[str]:
    """Return the series whose first case came lately, where others are much older.

    >>> days = pd.date_range("2024-01-01", periods=200)
    >>> old = pd.DataFrame({"unique_id": "phone", "ds": days, "y": 5.0})
    >>> young_series(pd.concat([old, old.assign(unique_id="chat", y=[0.0] * 170 + [3.0] * 30)]))
    ['chat']
    """
    begun = actuals[actuals["y"] > 0].groupby("unique_id")["ds"].min()
    age = (actuals["ds"].max() - begun).dt.days + 1
    if not len(age) or age.max() < 2 * YOUNG_DAYS:
        return []
    return [str(name) for name in age.index[age < YOUNG_DAYS]]


def with_young(
    ahead: pd.DataFrame, actuals: pd.DataFrame, young: list[str], horizon: int, freq: str, **rules: Any
) -> pd.DataFrame:
    """Put the forecasts of young series, borrowed from their relatives, in place of their own; ``tier`` says which.

    Parameters
    ----------
    ahead
        The forecast of all series.
    actuals, young
        All series, and the names of the young ones.
    horizon, freq, **rules
        As in :func:`deskcast.forecasting.forecast_young`.
    """
    begun = actuals[actuals["y"] > 0].groupby("unique_id")["ds"].min()
    before = actuals["unique_id"].isin(young) & (actuals["ds"] < actuals["unique_id"].map(begun))
    made = forecast_young(actuals[~before].reset_index(drop=True), horizon, freq, **rules)
    mine = made[made["tier"] != "own"][[*ahead.columns, "tier"]]
    rest = ahead[~ahead["unique_id"].isin(mine["unique_id"])].assign(tier="own")
    out = pd.concat([rest, mine]).sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    said = [note for note in made.attrs["notes"] if any(f"'{name}'" in note for name in young)]
    out.attrs = {**ahead.attrs, "notes": [*ahead.attrs.get("notes", []), *said]}
    return out
