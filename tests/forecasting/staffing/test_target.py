"""One target and one road for calls and chats."""

import pandas as pd
from deskcast.forecasting import chat_performance, required_agents, required_chat_agents
from deskcast.forecasting.staffing.staffing_plan import plan_for_target
from deskcast.forecasting.staffing.target import QueueTarget
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=15, deadline=None)
@given(st.floats(1, 300), st.floats(30, 900), st.floats(0.5, 0.95), st.sampled_from([None, 120.0]))
def test_the_public_functions_and_the_target_agree(items, aht, level, patience):
    calls = QueueTarget(service_level=level, patience=patience).require(items, aht)
    pd.testing.assert_frame_equal(calls, required_agents(items, aht, service_level=level, patience=patience))
    held = QueueTarget(service_level=level, patience=patience, max_occupancy=None, concurrency=3, slowdown=0.1)
    chats = required_chat_agents(items, aht, 3, 0.1, service_level=level, patience=patience)
    pd.testing.assert_frame_equal(held.require(items, aht), chats)
    enough = int(chats["agents"].iloc[0])
    met = chat_performance(items, aht, [enough, max(enough - 1, 0)], 3, 0.1, patience=patience)["service_level"]
    assert met[0] >= level - 1e-9
    assert enough == 1 or met[1] < level


@settings(max_examples=10, deadline=None)
@given(st.floats(5, 80), st.floats(0, 2), st.floats(0, 0.4))
def test_chats_too_have_a_service_level_to_expect(mean, width, slowdown):
    """Sure of the forecast it is that of the formula; one chat at a time it is that of calls."""
    spread = 1.2816 * mean**0.5 * (1 + width)
    ahead = pd.DataFrame({"unique_id": "q", "ds": pd.date_range("2024-03-01 09:00", periods=3, freq="30min")})
    ahead = ahead.assign(deskcast=mean)
    ahead["deskcast-lo-80"], ahead["deskcast-hi-80"] = max(mean - spread, 0), mean + spread
    chats = QueueTarget(max_occupancy=None, concurrency=3, slowdown=slowdown)
    plan = plan_for_target(ahead, 300, chats, {"shrinkage": 0.0}, levels=(80,))
    assert (plan["expected_service_level"] <= plan["service_level"] + 1e-3).all()
    assert plan[["miss_probability", "day_miss_probability"]].notna().all(axis=None)
    single = QueueTarget(max_occupancy=None, concurrency=1, slowdown=slowdown)
    one, calls = (
        plan_for_target(ahead, 300, target, {"shrinkage": 0.0}, levels=(80,))
        for target in (single, QueueTarget(max_occupancy=None))
    )
    columns = ["agents", "expected_service_level", "day_miss_probability"]
    pd.testing.assert_frame_equal(one[columns], calls[columns])
