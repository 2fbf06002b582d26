"""The rates that a model has to beat know the type of a case, and a poor half counts little in the mean."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.candidates.baselines import CalibratedModel, fit_age_rule, fit_segment_rate
from deskcast.models.candidates.blend import SHARES, fit_blend
from scipy.special import expit


def probability(model, rows):
    return CalibratedModel(model, 1.0, 0.0).probability(rows)


@pytest.fixture
def cases():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"team": rng.choice(["roads", "water"], 4000), "case_type": rng.choice(list("abcdefgh"), 4000)}
    )
    rate = frame["case_type"].map(dict(zip("abcdefgh", np.linspace(0.05, 0.9, 8), strict=True)))
    return frame, (rng.uniform(size=4000) < rate).astype(float), rate.to_numpy()


def test_the_rates_know_the_type_of_a_case(cases):
    frame, late, rate = cases
    assert probability(fit_segment_rate(frame, late), frame) == pytest.approx(rate, abs=0.08)


def test_a_rare_type_gets_nearly_the_rate_of_its_team_and_a_new_one_exactly(cases):
    frame, late, _ = cases
    rates = fit_segment_rate(frame, late)
    water = pd.DataFrame({"team": ["water"], "case_type": ["never seen"]})
    expected = late[frame["team"] == "water"].mean()
    assert probability(rates, water)[0] == pytest.approx(expected, abs=0.01)
    one_more = pd.concat([frame, water], ignore_index=True)
    rare = fit_segment_rate(one_more, np.append(late, 1.0))
    assert expected < probability(rare, water)[0] < expected + 0.05


def test_what_each_segment_adds_sums_to_the_rate(cases):
    frame, late, _ = cases
    rates = fit_segment_rate(frame, late)
    base, parts = rates.parts(frame[:50])
    assert list(parts) == ["priority", "team", "case_type"]
    assert expit(base + parts.sum(axis=1)).to_numpy() == pytest.approx(probability(rates, frame[:50]))
    assert parts["priority"].to_numpy() == pytest.approx(0, abs=0.001), "no case has a priority here"


def test_two_good_scores_are_met_in_the_middle_and_a_poor_one_is_left_out():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age_s": rng.uniform(0, 4e5, 3000), "case_id": np.arange(3000).astype(str)})
    late = (rng.uniform(size=3000) < expit(frame["age_s"] / 5e4 - 4)).astype(float)
    one, two = (frame[part].reset_index(drop=True) for part in (slice(0, 1000), slice(1000, 2000)))
    good, also = fit_age_rule(one, late[:1000].to_numpy()), fit_age_rule(two, late[1000:2000].to_numpy())
    # bins that rise and fall: whatever slope it gets, it only adds noise
    poor = fit_age_rule(one, ((one["age_s"] // 4e4) % 2).to_numpy(float))
    later, outcome = frame[2000:].reset_index(drop=True), late[2000:].to_numpy()
    assert fit_blend(good, also, later, outcome).share == 0.5
    assert fit_blend(poor, good, later, outcome).share == min(SHARES)
    assert fit_blend(good, poor, later, outcome).share == max(SHARES)


def test_a_hundred_mornings_of_one_case_are_one_lesson():
    rows = pd.DataFrame({"age_s": np.linspace(0, 1e5, 400), "case_id": "only"})
    late = np.r_[np.zeros(200), np.ones(200)]
    good, poor = fit_age_rule(rows, late), fit_age_rule(rows, late[::-1])
    assert fit_blend(poor, good, rows, late).share == 0.5
