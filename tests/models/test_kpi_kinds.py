"""What a KPI is stands in the catalogue, and models take it from there."""

import pandas as pd
import pytest
from deskcast.features.kpis.catalogue import KPI_ENTRIES
from deskcast.models import goal_outlook
from deskcast.models.series.kpi_kinds import infer_kpi_kind


def test_a_kpi_has_its_kind_from_the_catalogue():
    nothing = pd.DataFrame({"ds": [], "value": []})
    assert {k.name: infer_kpi_kind(k.name, nothing) for k in KPI_ENTRIES} == {k.name: k.kind for k in KPI_ENTRIES}
    assert [k.name for k in KPI_ENTRIES if k.measure == "stock"] == ["backlog"]
    assert {k.unit for k in KPI_ENTRIES if k.measure} == {"count", "money"}


@pytest.mark.parametrize(
    ("kpi", "better"),
    [
        ("mtbf", "higher"),
        ("survey_response_rate", "higher"),
        ("handle_time", "lower"),
        ("agents_per_case", "lower"),
        ("reopen_rate", "lower"),
        ("of_our_own", "higher"),
    ],
)
def test_a_goal_takes_its_direction_from_the_catalogue(kpi, better):
    days = pd.date_range("2024-01-01", "2024-05-20")
    history = pd.DataFrame({"kpi": kpi, "ds": days, "value": 0.5, "n": 10.0})
    assert goal_outlook(history, kpi, 0.4).better == better
