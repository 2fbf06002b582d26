"""The peers of benchmarks/peers.py: past and coming slots in, points and edges of intervals out.

Each takes the open slots of the past (``ds``, ``y``, ``open``, ``slot`` of the week, flags), those ahead and the facts
of the table, and returns one row a slot ahead: 2.5, 10, 50, 90 and 97.5 % (the middle column is the forecast). This
file needs nothing of the project, so that it can run in an environment of its own.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

LEVELS = (80, 95)
PROBABILITIES = [0.025, 0.1, 0.5, 0.9, 0.975]

#: The packages that each group of peers needs, beyond the project's own.
NEEDS = {"prophet": ["prophet"], "lightgbm": ["mlforecast", "lightgbm"], "statistical": ["statsforecast"]}

#: Settings of Prophet that are tried on earlier origins: how far the trend may bend, and the waves of a week.
PROPHET_GRID = {"changepoint_prior_scale": [0.02, 0.1], "waves": [10, 25]}

Facts = dict[str, Any]


def _filled(past: pd.DataFrame) -> pd.DataFrame:
    """Fill closed and missing slots with the week before, for methods that know no gaps."""
    y = past["y"].where(past["open"])
    filled = y.groupby(past["slot"]).ffill().groupby(past["slot"]).bfill().fillna(0.0)
    return past.assign(y=filled)


def _season(past: pd.DataFrame) -> tuple[int, int]:
    """Return slots of a week and, if all days have the same, of a day (else 0)."""
    week = past["slot"].nunique()
    by_day = past.groupby(past["slot"] // 1440)["slot"].nunique()
    same = by_day.nunique() == 1 and by_day.iloc[0] > 1
    return week, int(by_day.iloc[0]) if same else 0


def prophet_default(past: pd.DataFrame, ahead: pd.DataFrame, about: Facts) -> np.ndarray:
    """Prophet as it comes, on open slots."""
    return _prophet(past, ahead, about, {}, 0)


def prophet_tuned(past: pd.DataFrame, ahead: pd.DataFrame, about: Facts, **settings: Any) -> np.ndarray:
    """Prophet with the flags, products of seasons and trend, and settings that did best at earlier origins."""
    waves = settings.pop("waves")
    return _prophet(past, ahead, about, settings, waves)


def tune_prophet(frame: pd.DataFrame, about: Facts, first: pd.Timestamp) -> dict[str, Any]:
    """Choose settings by the absolute error at two origins whose forecasts were over at the first that is scored."""
    best: tuple[float, dict[str, Any]] = (np.inf, {})
    span = pd.Timedelta(days=1) * about["horizon"] / max(about["per_day"], 1)
    days = span.ceil("D")
    for values in itertools.product(*PROPHET_GRID.values()):
        settings = dict(zip(PROPHET_GRID, values, strict=True))
        loss = 0.0
        for back in (1, 2):
            cutoff = first - back * days
            past = frame[frame["ds"] <= cutoff]
            ahead = frame[(frame["ds"] > cutoff) & (frame["ds"] <= cutoff + span)]
            if len(past) < 20 or not ahead["open"].any():
                continue
            found = prophet_tuned(past, ahead, about, **settings)
            loss += float((ahead["y"] - np.maximum(found[:, 2], 0.0))[ahead["open"]].abs().sum())
        if loss < best[0]:
            best = (loss, settings)
    return best[1]


def _prophet(past: pd.DataFrame, ahead: pd.DataFrame, about: Facts, settings: Any, waves: int) -> np.ndarray:
    from prophet import Prophet

    for noisy in ("cmdstanpy", "prophet"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
        logging.getLogger(noisy).handlers.clear()

    flags = [c for c in past.columns if c.startswith("flag_")] if waves else []
    known = past[past["open"] & past["y"].notna()]
    flags = [c for c in flags if known[c].nunique() > 1]
    more: dict[str, Any] = {"seasonality_mode": "multiplicative"} if waves else {}
    model = Prophet(interval_width=0.8, uncertainty_samples=300, **settings, **more)
    if waves and about["per_day"] > 1:
        model = Prophet(
            interval_width=0.8,
            uncertainty_samples=300,
            daily_seasonality=10,
            weekly_seasonality=waves,
            **settings,
            **more,
        )
    for flag in flags:
        model.add_regressor(flag, standardize=False)
    np.random.seed(1)
    model.fit(known[["ds", "y", *flags]])
    samples = model.predictive_samples(ahead[["ds", *flags]])["yhat"]
    point = model.predict(ahead[["ds", *flags]])["yhat"].to_numpy()
    found = np.quantile(samples, PROBABILITIES, axis=1).T
    found[:, 2] = point
    return found


def lightgbm_lags(past: pd.DataFrame, ahead: pd.DataFrame, _about: Facts) -> np.ndarray:
    """LightGBM through mlforecast on same-slot lags beyond the horizon, their mean, flags, slot and weekday."""
    import lightgbm
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import SeasonalRollingMean
    from mlforecast.utils import PredictionIntervals

    week, _ = _season(past)
    filled = _filled(past).reset_index(drop=True)
    horizon = len(ahead)
    first = -(-horizon // week) * week
    lags = [first + i * week for i in range(4) if first + (i + 2) * week < len(filled) / 2] or [first]
    flags = [c for c in past.columns if c.startswith("flag_")]
    exogenous = [*flags, "weekday", "minute"]
    both = pd.concat([filled, ahead], ignore_index=True)
    both = both.assign(unique_id="a", weekday=both["slot"] // 1440, minute=both["slot"] % 1440)
    both["ds"] = np.arange(len(both))
    model = lightgbm.LGBMRegressor(
        objective="poisson", n_estimators=300, learning_rate=0.05, num_leaves=31, min_child_samples=20,
        subsample=0.9, subsample_freq=1, colsample_bytree=0.8, random_state=1, n_jobs=1, verbosity=-1,
    )  # fmt: skip
    transforms = {first: [SeasonalRollingMean(season_length=week, window_size=len(lags))]} if len(lags) > 1 else {}
    forecaster = MLForecast({"m": model}, freq=1, lags=lags, lag_transforms=transforms)
    windows = min(6, (len(filled) - max(lags) - week) // horizon - 1)
    intervals = PredictionIntervals(n_windows=windows, h=horizon) if windows >= 2 else None
    columns = ["unique_id", "ds", "y", *exogenous]
    forecaster.fit(both.loc[: len(filled) - 1, columns], static_features=[], prediction_intervals=intervals)
    future = both.loc[len(filled) :, ["unique_id", "ds", *exogenous]]
    made = forecaster.predict(horizon, X_df=future, level=list(LEVELS) if intervals else None)
    if intervals is None:
        return np.repeat(made[["m"]].to_numpy(), 5, axis=1)
    return made[["m-lo-95", "m-lo-80", "m", "m-hi-80", "m-hi-95"]].to_numpy()


def _statistical(past: pd.DataFrame, ahead: pd.DataFrame, model: Any) -> np.ndarray:
    filled = _filled(past)["y"].to_numpy(dtype=float)
    made = model.forecast(y=filled, h=len(ahead), level=list(LEVELS))
    return np.column_stack([made[k] for k in ("lo-95", "lo-80", "mean", "hi-80", "hi-95")])


def mstl_arima(past: pd.DataFrame, ahead: pd.DataFrame, about: Facts) -> np.ndarray:
    """MSTL with AutoARIMA for the trend."""
    from statsforecast.models import MSTL, AutoARIMA

    week, day = _season(past)
    seasons = [s for s in (day, week) if s] + ([365] if about["per_day"] == 1 and len(past) > 1100 else [])
    return _statistical(past, ahead, MSTL(seasons, trend_forecaster=AutoARIMA()))


def mstl_ets(past: pd.DataFrame, ahead: pd.DataFrame, _about: Facts) -> np.ndarray:
    """MSTL with AutoETS for the trend."""
    from statsforecast.models import MSTL, AutoETS

    week, day = _season(past)
    return _statistical(past, ahead, MSTL([s for s in (day, week) if s], trend_forecaster=AutoETS(model="ZZN")))


def auto_ets(past: pd.DataFrame, ahead: pd.DataFrame, _about: Facts) -> np.ndarray:
    """AutoETS with the season of a week."""
    from statsforecast.models import AutoETS

    return _statistical(past, ahead, AutoETS(season_length=_season(past)[0]))


def six_weeks(past: pd.DataFrame, ahead: pd.DataFrame, _about: Facts) -> np.ndarray:
    """Average of the last six weeks, with conformal intervals."""
    from statsforecast.models import SeasonalWindowAverage
    from statsforecast.utils import ConformalIntervals

    week, _ = _season(past)
    windows = min(4, (len(past) - 6 * week) // len(ahead) - 1)
    model = SeasonalWindowAverage(week, min(6, len(past) // week))
    if windows < 2:
        made = model.forecast(y=_filled(past)["y"].to_numpy(dtype=float), h=len(ahead))["mean"]
        return np.repeat(made[:, None], 5, axis=1)
    model.prediction_intervals = ConformalIntervals(n_windows=windows, h=len(ahead))
    return _statistical(past, ahead, model)


PEERS: dict[str, Callable[..., np.ndarray]] = {
    "six weeks": six_weeks,
    "MSTL + AutoETS": mstl_ets,
    "MSTL + AutoARIMA": mstl_arima,
    "LightGBM on lags": lightgbm_lags,
    "Prophet": prophet_default,
    "Prophet, tuned": prophet_tuned,
    "AutoETS": auto_ets,
}
GROUP = {
    name: "prophet" if "Prophet" in name else "lightgbm" if "LightGBM" in name else "statistical" for name in PEERS
}
