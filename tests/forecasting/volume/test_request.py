"""One request behind every forecast: the same names and defaults, checked once."""

import inspect
from dataclasses import fields

import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest, forecast, forecast_hierarchy, forecast_over_time, sample_paths
from deskcast.forecasting.volume.issued import issue, issue_request
from deskcast.forecasting.volume.request import ForecastRequest
from volumes import panel

ASKED = {field.name: field.default for field in fields(ForecastRequest)}


@pytest.mark.parametrize("function", [forecast, backtest, sample_paths, forecast_hierarchy, forecast_over_time])
def test_public_functions_ask_for_the_same_things_by_the_same_names_and_defaults(function):
    given = inspect.signature(function).parameters
    shared = [name for name in ASKED if name in given and name not in ("horizon", "freq")]
    assert len(shared) >= 4
    assert {name: given[name].default for name in shared} == {name: ASKED[name] for name in shared}


@pytest.mark.parametrize(
    ("asked", "column"),
    [({"levels": [120]}, "levels"), ({"windows": 0}, "windows"), ({"models": "fish"}, "models")],
)
def test_what_cannot_be_asked_is_named_before_a_history_is_read(asked, column):
    with pytest.raises(InputError) as error:
        ForecastRequest(7, "D", **asked)
    assert error.value.column == column


def test_a_request_and_its_arguments_forecast_alike():
    volume = panel(days=70)
    one = issue(volume, 7, "D", (50,), windows=4)
    other = issue_request(volume, ForecastRequest(7, "D", (50,), windows=4))
    assert (one.point == other.point).all()
    assert one.request == other.request
