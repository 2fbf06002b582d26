"""A goal says of how few answers its value to date is, and never of how many cases there are of a count."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.goals import goal_outlook
from deskcast.pipelines.words.incidents import goal_sentences

DAYS = pd.date_range("2024-01-01", "2024-05-02", unit="us")


def told(kpi: str, n: float) -> str:
    values = np.where(np.arange(len(DAYS)) % 5 == 0, 0.6, 0.8)
    history = pd.DataFrame({"kpi": kpi, "ds": DAYS, "value": values, "n": n, "numerator": values * n})
    outlook = goal_outlook(history, kpi, 0.75)
    table = pd.DataFrame([{"name": "goal", **vars(outlook)}])
    return str(goal_sentences(table)[0])


@pytest.mark.parametrize(("n", "words"), [(2.0, "after 2 of 31 days, sample size 4)"), (80.0, "after 2 of 31 days)")])
def test_a_share_of_few_states_its_sample_size(n, words):
    assert words in told("csat", n)
    assert "sample size" not in told("cases_resolved", n)


def test_a_period_of_which_no_day_is_known_has_no_value_so_far():
    history = pd.DataFrame({"kpi": "cases_opened", "ds": DAYS[:-2], "value": 5.0, "n": np.nan, "numerator": np.nan})
    outlook = goal_outlook(history, "cases_opened", 150.0, better="lower")
    said = str(goal_sentences(pd.DataFrame([{"name": "goal", **vars(outlook)}]))[0])
    assert said.startswith("Cases opened goal for May (at most 150): ")
    assert said.endswith("(no day of 31 known yet).")


def test_a_goal_with_a_chance_states_it_though_no_value_is_known_yet():
    """The tile of the report shows the same chance."""
    row = {"name": "goal", "kpi": "csat", "start": DAYS[-2], "end": DAYS[-1], "target": 0.8, "better": "higher"}
    row |= {"so_far": np.nan, "days_known": 0, "days": 31, "forecast": 0.75, "low": 0.7, "high": 0.79, "n_so_far": 0.0}
    said = str(goal_sentences(pd.DataFrame([row | {"probability": 0.32}]))[0])
    assert said.endswith("(80%): 32% chance; expected 75%, likely 70% to 79% (no value yet).")
    assert str(goal_sentences(pd.DataFrame([row | {"probability": np.nan}]))[0]).endswith("(80%): no value yet.")
