"""The system's own figures: recognised by name in six languages, read in any unit, outcomes and never features."""

import pandas as pd
import pytest
from deskcast.features.recognise.collection import recognise
from deskcast.features.recognise.own_figures import name_figure
from deskcast.features.sources.figures import FIGURES, read_figure
from deskcast.features.sources.load import load_source


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("First reply time in minutes", "first_response_s"),
        ("First reply time in minutes within business hours", "first_response_business_s"),
        ("Full resolution time in minutes", "resolution_s"),
        ("Full resolution time in minutes within business hours", "resolution_business_s"),
        ("First resolution time in minutes", "first_resolution_s"),
        ("On hold time in minutes", "on_hold_s"),
        ("First response time (in hrs)", "first_response_s"),
        ("Resolution time (in hrs)", "resolution_s"),
        ("calendar_duration", "resolution_s"),
        ("business_duration", "resolution_business_s"),
        ("Time Elapsed", "resolution_s"),
        ("Time to first reply", "first_response_s"),
        *[(n, "reopens") for n in ("reopen_count", "Reopens", "Wiedereröffnungen", "Réouvertures", "Reaperturas")],
        *[(n, "transfers") for n in ("reassignment_count", "No_of_Reassignments", "Neuzuweisungen", "Riassegnazioni")],
        *[
            (n, "sla_met")
            for n in ("made_sla", "Resolution status", "SLA eingehalten", "SLA respecté", "Overdue Status")
        ],
        *[(n, "first_response_s") for n in ("Erste Antwortzeit (Minuten)", "Temps de première réponse")],
        *[(n, "first_response_s") for n in ("Tiempo de primera respuesta", "Tempo da primeira resposta")],
        *[(n, "resolution_s") for n in ("Lösungszeit (Stunden)", "Tiempo de resolución", "Tempo di risoluzione")],
        *[
            (n, "")
            for n in ("Created", "Due date", "Resolution date", "SLA target", "First response due by", "Priority")
        ],
    ],
)
def test_a_name_says_which_figure_it_is(name, figure):
    assert name_figure(name) == figure


@pytest.mark.parametrize(
    ("values", "column", "unit", "seconds"),
    [
        (["90", "1.5"], "First reply time in minutes", "", [5400.0, 90.0]),
        (["1:30:00", "26:00:00"], "Resolution time (in hrs)", "", [5400.0, 93600.0]),
        (["1970-01-26 06:33:00", "1970-01-01 00:01:00"], "calendar_duration", "", [2183580.0, 60.0]),
        (["25 Days 6 Hours 33 Minutes", "1 Minute"], "calendar_duration", "", [2183580.0, 60.0]),
        (["-2", "x"], "Resolution time", "h", [None, None]),
    ],
)
def test_durations_are_read_in_every_form(values, column, unit, seconds):
    read = read_figure(pd.Series(values, dtype="str"), "resolution_s", column, unit)
    assert [None if pd.isna(s) else s for s in read] == seconds


def export(tmp_path, **more):
    opened = pd.date_range("2024-03-04 09:00", periods=30, freq="9h")
    closed = opened + pd.to_timedelta([3 + i % 5 for i in range(30)], unit="h")
    rows = {"Ticket ID": range(500, 530), "Created": opened, "Closed": closed, "Priority": ["Low", "High"] * 15}
    path = tmp_path / "tickets.csv"
    pd.DataFrame(rows | more).to_csv(path, index=False)
    return path


def test_a_unit_that_no_name_tells_is_that_of_the_time_between_opening_and_end(tmp_path):
    took = [(3 + i % 5) * 60 for i in range(30)]
    found = recognise(export(tmp_path, **{"Resolution time": took, "Reopens": [0, 1, 2] * 10}))
    assert found.figures == {"resolution_s": "Resolution time", "reopens": "Reopens"}
    assert found.units == {"Resolution time": "min"}
    loaded = load_source(found.spec())
    cases = loaded.tables["cases"]
    assert cases["their_resolution_s"].tolist() == [60.0 * t for t in took]
    assert loaded.attributes["their_reopens"] == loaded.attributes["their_resolution_s"] == "outcome"


def test_an_end_that_was_reckoned_from_a_duration_has_no_second_witness_in_it(tmp_path):
    opened = pd.date_range("2024-03-04 09:00", periods=30, freq="9h")
    frame = pd.DataFrame({"Ticket ID": range(30), "Created": opened, "Resolution time (hours)": [1.5, 2.0, 30.0] * 10})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = recognise(tmp_path / "t.csv")
    assert "resolved_at" in found.columns
    assert not found.figures


def test_every_figure_has_words():
    assert all(figure.words and figure.kind in ("duration", "count", "flag") for figure in FIGURES.values())
