"""Pictures of a call log: they can be drawn and say what they show."""

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.charts.calls import plot_call_fit, plot_patience


@pytest.fixture
def by_time():
    time = [f"{h:02d}:{m:02d}" for h in range(8, 20) for m in (0, 30)]
    seen = np.linspace(20, 60, len(time))
    return pd.DataFrame({"time": time, "observed": seen, "predicted": seen + 5, "low": seen - 8, "high": seen + 9})


@pytest.mark.parametrize(("measure", "scale"), [("mean_wait_s", 1.0), ("abandonment", 0.005)])
def test_observed_and_predicted(by_time, measure, scale):
    columns = ["observed", "predicted", "low", "high"]
    chart = plot_call_fit(by_time.assign(**{c: by_time[c] * scale for c in columns}), measure)
    assert all(f">{name}</text>" in chart.svg for name in ("Observed", "Predicted", "Predicted, most to fewest agents"))
    assert "nan" not in chart.svg
    assert f"{len(by_time)} of {len(by_time)} observed values lie between" in chart.alt


def test_patience():
    curve = pd.DataFrame({"at_s": [10.0, 100.0, 400.0], "surviving": [0.9, 0.6, 0.3]})
    chart = plot_patience(curve, 250.0)
    assert "half have given up after 400 s" in chart.alt
    assert "nan" not in chart.svg
