"""Sentences of the review: what is left over is chance only where it may be."""

import pandas as pd
import pytest
from deskcast.pipelines.words import review
from deskcast.pipelines.words.columns import format_cell


@pytest.mark.parametrize(("low", "high", "said"), [(-0.16, -0.10, "formulas leave out"), (-0.02, 0.01, "chance -13")])
def test_what_is_left_over_is_called_chance_only_within_chance(low, high, said):
    rows = [("chance", -0.13, low, high), ("volume", -0.01, -0.012, -0.008)]
    causes = pd.DataFrame(rows, columns=["cause", "part", "part-lo", "part-hi"])
    (finding,) = review._causes("chat", {"review_causes": causes}, {"observed": 0.82, "planned": 0.96})
    assert said in finding
    assert "-13 points" in finding
    assert "more contacts -1 point" in finding


def test_a_cause_that_helps_has_a_plus_in_the_sentence_and_in_the_table():
    causes = pd.DataFrame([("schedule", 0.094, -0.002, 0.12)], columns=["cause", "part", "part-lo", "part-hi"])
    (finding,) = review._causes("phone", {"review_causes": causes}, {"observed": 0.9, "planned": 0.806})
    assert "+9.4 points against the plan" in finding
    assert "more scheduled than required +9.4 points (likely -0.2 points to +12 points)" in finding
    assert format_cell("review_causes", "part", 0.094) == "+9.4 points"
    assert format_cell("review_work_causes", "part", 3.0) == "+3"
    assert format_cell("review_work_causes", "part", 0.01) == "0"
