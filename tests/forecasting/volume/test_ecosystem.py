"""The frames of forecasts among the tools of the ecosystem: losses, evaluation and plots of utilsforecast."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import backtest, forecast, forecast_cold_start
from volumes import panel

losses = pytest.importorskip("utilsforecast.losses")


@pytest.fixture(scope="module")
def folds():
    return backtest(panel(days=120), 7, "D", windows=3)


def test_every_model_of_a_forecast_has_its_intervals_whatever_the_kind():
    volume = panel(days=100)
    for ahead in (
        forecast(volume, 7, "D"),
        forecast(volume, 7, "D", kind="stock"),
        forecast_cold_start(volume, 7, "D", new=["new"]),
    ):
        bare = [c for c in ahead.select_dtypes("float") if "-lo-" not in c and "-hi-" not in c]
        assert set(bare) == {"deskcast", "seasonal_naive", "same_slot"}
        for model in bare:
            assert {f"{model}-{side}-{level}" for side in ("lo", "hi") for level in (80, 95)} <= set(ahead.columns)
            known = ahead[ahead[model].notna()]
            assert (known[f"{model}-lo-95"] <= known[f"{model}-lo-80"]).all()
            assert (known[f"{model}-lo-80"] <= known[model]).all()
            assert (known[model] <= known[f"{model}-hi-80"]).all()


def test_a_forecast_is_plotted_with_its_intervals():
    pytest.importorskip("matplotlib")
    from utilsforecast.plotting import plot_series

    volume = panel(days=100)
    for ahead in (forecast(volume, 7, "D"), forecast(volume, 7, "D", kind="stock")):
        figure = plot_series(volume, ahead, level=[80])
        labels = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
        assert "deskcast_level_80" in labels


def test_losses_and_evaluate_take_a_backtest(folds):
    from utilsforecast.evaluation import evaluate

    table = evaluate(folds, [losses.mae, losses.mqloss], level=[80, 95])
    mine = table[table["metric"] == "mae"].set_index(["unique_id", "cutoff"])["deskcast"].sort_index()
    right = (folds["y"] - folds["deskcast"]).abs().groupby([folds["unique_id"], folds["cutoff"]]).mean()
    np.testing.assert_allclose(mine, right.sort_index())
    assert set(table.columns) >= {"deskcast", "same_slot", "seasonal_naive"}
    assert isinstance(losses.mae(folds, models=["deskcast"]), pd.DataFrame)
