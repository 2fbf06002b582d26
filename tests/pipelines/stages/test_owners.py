"""The owner of a case is whom it was last given, in the order of its events."""

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.pipelines.stages.risk import find_owners


@pytest.mark.parametrize("turned", [False, True])
def test_of_events_at_one_time_the_last_in_order_names_the_owner(turned):
    cases = pd.DataFrame({"case_id": ["1", "2", "3"], "created_at": ["2024-03-01T08:00Z"] * 3})
    events = pd.DataFrame(
        {
            "case_id": ["1", "1", "1", "2", "2"], "at": ["2024-03-01T09:00Z"] * 5, "seq": [1, 2, 3, 1, 2],
            "kind": ["assigned", "assigned", "assigned", "message", "message"], "field": ["agent"] * 3 + [None] * 2,
            "new": ["ann", "bob", None, None, None], "actor_role": "agent", "actor_id": ["x", "x", "x", "cid", "dan"],
        }
    )  # fmt: skip
    log = CaseLog.from_frames(cases=cases, events=events[::-1] if turned else events)
    owners = find_owners(log, cases["case_id"])
    assert owners.iloc[:2].tolist() == ["bob", "dan"]
    assert pd.isna(owners.iloc[2])
