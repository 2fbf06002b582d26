"""The catalogue: complete, and honest about what a log lacks."""

from pathlib import Path

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.case_log.schema import EVENT_KINDS, TABLES
from deskcast.features.kpis.availability import KPI_CATALOGUE, availability, format_catalogue_page
from deskcast.features.kpis.formulas import KPI_FORMULAS
from logs import random_log


def test_the_catalogue_holds_every_kpi_of_the_formulas_and_says_what_is_lacking():
    assert set(KPI_FORMULAS) <= set(KPI_CATALOGUE)
    table = availability(CaseLog.from_frames(**random_log(1, 30))).set_index("kpi")
    assert list(table.index) == list(KPI_CATALOGUE)
    assert table.loc["mttr", "missing_data"] == "needs repairs"
    assert table.loc["ces", "missing_data"] == "needs surveys of the kind ces"
    assert (table["available"] == (table["missing_data"] == "")).all()
    assert table.loc["csat", ["available", "computed"]].all()


@pytest.mark.parametrize("kpi", KPI_CATALOGUE.values(), ids=list(KPI_CATALOGUE))
def test_every_entry_names_tables_columns_and_kinds_that_there_are(kpi):
    assert kpi.definition
    assert not kpi.definition.endswith(".")
    assert all(table in TABLES for need in kpi.needs for table in need.split("|"))
    assert set(kpi.kinds) <= set(EVENT_KINDS)
    for need in (one for several in kpi.columns for one in several.split("|")):
        table, _, column = need.partition("=")[0].partition(".")
        assert table in TABLES
        assert TABLES[table].column(column) is not None or kpi.name == "value_settled"


def test_a_log_of_arrivals_lacks_all_but_arrivals():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    table = availability(CaseLog.from_frames(cases=cases)).set_index("kpi")
    assert table.index[table["available"]].tolist() == ["cases_opened"]
    assert table.loc["cost_per_case", "missing_data"] == "needs events and costs"
    assert table.loc["repeat_contact_rate", "missing_data"] == "needs column customer_id of cases"


def test_a_column_without_values_is_lacking():
    frames = random_log(1, 30)
    frames["events"]["actor_role"] = None
    table = availability(CaseLog.from_frames(**frames)).set_index("kpi")
    assert table.loc["first_response_time", "missing_data"] == "needs column actor_role of events"
    assert table.loc["resolution_time", "available"]


def test_the_page_of_the_docs_is_made_from_the_catalogue():
    page = Path(__file__).parents[3] / "docs" / "reference" / "kpis.md"
    module = "deskcast.features.kpis.availability"
    made = f"python -c \"from {module} import format_catalogue_page as page; print(page(), end='')\""
    assert page.read_text(encoding="utf-8") == format_catalogue_page(), (
        f"write it anew: {made} > docs/reference/kpis.md"
    )
