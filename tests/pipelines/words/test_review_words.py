"""Sentences of the review: what is left over is chance only where it may be."""

import pandas as pd
import pytest
from deskcast.pipelines.words import review


@pytest.mark.parametrize(("low", "high", "said"), [(-0.16, -0.10, "formulas leave out"), (-0.02, 0.01, "chance -13")])
def test_what_is_left_over_is_called_chance_only_within_chance(low, high, said):
    rows = [("chance", -0.13, low, high), ("volume", -0.01, -0.012, -0.008)]
    causes = pd.DataFrame(rows, columns=["cause", "part", "part-lo", "part-hi"])
    (finding,) = review._causes("chat", {"review_causes": causes}, {"observed": 0.82, "planned": 0.96})
    assert said in finding
    assert "-13 points" in finding
    assert "more contacts -1 point" in finding
