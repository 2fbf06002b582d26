"""Every column of every result table has a label, a format and an audience; cells read the same everywhere."""

import re

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.words.column_registry import COLUMNS, SHARED
from deskcast.pipelines.words.columns import column_audience, column_label, find_column, format_cell, table_audience
from deskcast.pipelines.words.table_registry import TABLES
from deskcast.pipelines.words.tables import format_table, sort_latest_first
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def tables(demo_home):
    return read_results(demo_home / "desk" / "results").tables


def test_every_column_of_the_demo_has_an_entry(tables):
    missing = [(name, c) for name, frame in tables.items() for c in frame if find_column(name, str(c)) is None]
    assert missing == []
    assert sum(len(frame.columns) for frame in tables.values()) > 250
    assert {name for name in tables if not name.endswith("_figures")} <= set(TABLES)


def test_a_column_without_an_entry_is_noticed():
    assert find_column("risk", "shoe_size") is None
    assert find_column("forecast", "deskcast-lo-90").label == "90% low"


def test_no_label_is_a_machine_name_and_each_table_has_it_once():
    for table, own in COLUMNS.items():
        labels = [column_label(table, c) for c in own]
        assert not [label for label in labels if "_" in label or (not label[:1].isupper() and label[:1].isalpha())]
        assert len(set(labels)) == len(labels), table
    assert {entry.count(" | ") for own in (SHARED, *COLUMNS.values()) for entry in own.values()} == {1}


def test_no_cell_of_the_demo_shows_a_machine_name_or_a_long_number(tables):
    for name, frame in tables.items():
        if table_audience(name) != "everyone":
            continue
        shown = format_table(name, frame.head(40), 40, "Europe/Berlin", 2026)
        ids = {c for c, _ in shown.columns if c in ("Case", "Alert", "Owner", "Segment", "Drivers", "Possible causes")}
        for (label, _), *cells in zip(shown.columns, *shown.rows, strict=True):
            if label not in ids:
                assert not [cell for cell in cells if "_" in cell or re.search(r"\de-", cell)], (name, label)


def test_cells_read_as_their_columns_say():
    frame = pd.DataFrame(
        {
            "due_at": pd.to_datetime(["2024-03-31T00:30Z", None], utc=True),
            "paused": [True, False],
            "probability": [0.123, np.nan],
            "left_wall_s": [-3600.0, 90061.0],
            "expected_benefit": [1234.6, np.inf],
            "team": ["a", ""],
            "left_s": [1.0, 2.0],
        }
    )
    shown = format_table("risk", frame, timezone="Europe/Lisbon")
    assert shown.rows[0] == ["Sun 31 Mar 2024 00:30", "yes", "12%", "-1 h", "1,235", "a"]
    assert shown.rows[1] == ["–", "no", "–", "1 d 1 h", "∞", "–"]
    assert [label for label, _ in shown.columns][:3] == ["Due", "SLA paused", "Breach risk"]
    assert [number for _, number in shown.columns] == [False, False, True, True, True, False]
    assert format_table("risk", frame, timezone="Asia/Tokyo", year=2024).rows[0][0] == "Sun 31 Mar 09:30"
    assert (len(format_table("risk", frame, 1).rows), format_table("risk", frame, 1).total) == (1, 2)
    assert format_table("risk", frame.iloc[:0]).rows == []
    assert sort_latest_first(frame.assign(ds=[1, 2]))["ds"].is_monotonic_decreasing


def test_each_kpi_is_in_its_own_unit():
    kpis = ["sla_attainment", "resolution_time", "cases_opened", "sla_attainment", "nps_of_my_own"]
    frame = pd.DataFrame({"kpi": kpis, "value": [0.824, 5400.0, 1234.0, -0.1, np.nan], "mean": [3.9, 7200.0, 1, 2, 3]})
    shown = format_table("history", frame)
    assert [row[1] for row in shown.rows] == ["82%", "1 h 30 min", "1,234", "-10%", "–"]
    assert shown.rows[0][2] == "3.9"  # the mean beside a share is a score
    assert format_cell("drivers", "contribution", -0.034, kpi="csat") == "-3.4 points"


def test_an_audience_is_that_of_the_table_unless_the_column_has_its_own():
    assert column_audience("risk", "expected_benefit") == "planner"
    assert column_audience("dissatisfaction", "response_probability") == "analyst"
    assert column_audience("risk", "team") == "everyone"


@settings(max_examples=25)
@given(st.floats(allow_nan=False, min_value=-1e12, max_value=1e12), st.sampled_from(sorted(COLUMNS)), st.data())
def test_any_number_in_any_column_is_written(value, table, data):
    column = data.draw(st.sampled_from(sorted(COLUMNS[table]) or ["case_id"]))
    text = format_cell(table, column, value, kpi="csat")
    assert text
    assert not re.search(r"\de[+-]", text)
    assert not re.match(r"-0($|[^.\d])", text)
