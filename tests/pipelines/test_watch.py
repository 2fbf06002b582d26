"""The stage that watches: what drove a shift is a table of numbers, also where nothing drove it."""

import pandas as pd
from deskcast.pipelines.history import _why
from deskcast.pipelines.opening import open_project

TOML = """[source.cases]
path = "cases.csv"
[history]
by = ["channel"]
"""


def test_a_shift_that_no_segment_drove_leaves_the_numbers_of_the_others(tmp_path):
    rows = []
    for day in pd.date_range("2024-03-01", periods=60):
        late = day >= pd.Timestamp("2024-04-25")
        for channel, count in (("phone", 12 if late else 3), ("mail", 3)):
            rows += [f"{day:%Y-%m-%d} {9 + i % 8:02d}:00,{channel}" for i in range(count)]
    lines = "".join(f"{i},{row}\n" for i, row in enumerate(rows))
    (tmp_path / "cases.csv").write_text("case_id,created_at,channel\n" + lines)
    (tmp_path / "deskcast.toml").write_text(TOML)
    span = {"started_at": pd.Timestamp("2024-04-25"), "last_at": pd.Timestamp("2024-04-28")}
    calm = {"started_at": pd.Timestamp("2024-04-10"), "last_at": pd.Timestamp("2024-04-12")}
    news = pd.DataFrame([{"kpi": "cases_opened", "series": "all", **when} for when in (calm, span)])
    found, words = _why(open_project(tmp_path / "deskcast.toml"), news)
    assert found["value"].tolist()[0] == "phone"
    assert found["contribution"].dtype == found["before"].dtype == "float64"
    assert len(words) == 2
