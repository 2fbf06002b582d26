"""One target and one road for calls and chats."""

import pandas as pd
from deskcast.forecasting import chat_performance, required_agents, required_chat_agents
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
