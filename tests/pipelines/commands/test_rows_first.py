"""Which rows of a long table a screen begins with."""

import pandas as pd
from deskcast.pipelines.commands.terminal import choose_rows


def test_a_history_by_segment_begins_with_the_latest_total_and_then_the_largest_segments():
    rows = [(kpi, team, ds, n) for kpi in ("csat", "backlog") for ds in (1, 2)
            for team, n in ((None, 60), ("empty", 0), ("small", 10), ("large", 50))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["kpi", "team", "ds", "n"])
    frame["ds"] = pd.to_datetime("2024-03-01") + pd.to_timedelta(frame["ds"], unit="D")
    columns = dict.fromkeys(("value", "lo", "hi"), 1.0)
    found = choose_rows(frame.assign(**columns), "history")
    assert found["ds"].is_monotonic_decreasing
    assert found["team"].isna().tolist()[:8] == [True, True, *[False] * 6]
    assert found["team"].tolist()[2:8] == ["large", "small", "empty"] * 2
    assert set(found.columns) == {*frame.columns, *columns}
