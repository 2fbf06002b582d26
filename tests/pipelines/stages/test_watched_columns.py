"""What is watched of a history does not depend on further columns that it has."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import PassedOverWarning
from deskcast.pipelines.stages.watch import _watched


@pytest.mark.parametrize("more", [{"denominator": np.arange(40)}, {"share": 0.5, "seen": pd.Timestamp("2024-03-01")}])
def test_a_filled_number_column_leaves_all_rows_to_be_watched(more):
    days = pd.date_range("2024-01-01", periods=20)
    rows = [pd.DataFrame({"kpi": "cases_opened", "channel": name, "ds": days, "value": 5.0}) for name in ("web", None)]
    history = pd.concat(rows, ignore_index=True).assign(cut=False)
    project = SimpleNamespace(config=SimpleNamespace(watch=SimpleNamespace(kpis=("cases_opened",))))
    plain = _watched(project, history, ("channel",))
    assert set(plain["segment"]) == {"channel web", "all"}
    with pytest.warns(PassedOverWarning, match="'denominator'" if "denominator" in more else "'share', 'seen'"):
        found = _watched(project, history.assign(**more), ("channel",))
    pd.testing.assert_frame_equal(found, plain)
