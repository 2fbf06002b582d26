"""Adjustments in the state: written with name, author, instant and reason, replaced, taken back, read as of then."""

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.scenarios.what_if import Change
from deskcast.pipelines.commands.adjustments import list_adjustments, read_named_changes
from deskcast.pipelines.project.state_place import place_of
from deskcast.pipelines.stages.adjusted import adjusted_rows, judge_adjustments, unreached_sentences
from deskcast.pipelines.stages.assumptions import read_assumptions
from deskcast.pipelines.state.adjustments import Adjustment, add_adjustment, read_adjustments, withdraw_adjustment
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.words.columns import find_column

FIRST, SECOND = pd.Timestamp("2024-03-01T08:00Z"), pd.Timestamp("2024-03-02T08:00Z")


def test_an_adjustment_comes_back_as_it_was_written_and_one_of_its_name_replaces_it(tmp_path):
    place = tmp_path / "results"
    fair = Change("fair", "2024-03-09", "2024-03-13", factor=0.0, series="phone", sd=0.1, hours="09:00-11:00")
    closed, growth = Change("closed", "2024-03-10", "2024-03-10", closed=True), Change("growth", growth=0.0)
    with change_state(place) as state:
        for change in (fair, closed, growth, Change("count", "2024-03-09", "2024-03-09", volume=0.0)):
            add_adjustment(state, change, reason=" mailing ", by="ann", at=FIRST)
        add_adjustment(state, Change("fair", factor=1.2), reason="smaller", by="bob", at=SECOND)
    with read_state(place) as state:
        before, now = read_adjustments(state, FIRST), read_adjustments(state)
    assert [one.change for one in before][:3] == [fair, closed, growth]
    assert (before[0].reason, before[0].by, before[0].at) == ("mailing", "ann", FIRST)
    assert before[3].change.volume == 0.0
    assert [one.change.name for one in now] == ["closed", "growth", "count", "fair"]
    assert (now[-1].change.factor, now[-1].by) == (1.2, "bob")
    stage = list_adjustments(place_of(place))
    assert stage.findings == ("4 adjustments in force.",)
    assert all(find_column("adjustments", c) for c in stage.tables["adjustments"])


def test_one_that_is_taken_back_is_gone_from_then_on(tmp_path):
    place = tmp_path / "results"
    with change_state(place) as state:
        add_adjustment(state, Change("fair", factor=1.2), reason="mailing", by="ann", at=FIRST)
        withdraw_adjustment(state, "fair", reason="cancelled", by="ann", at=SECOND)
        with pytest.raises(InputError, match="no adjustment of this name"):
            withdraw_adjustment(state, "fair", reason="", by="ann")
        assert read_adjustments(state) == []
        assert len(read_adjustments(state, FIRST)) == 1
    assert list_adjustments(place_of(place)).findings == ("No adjustment is in force.",)


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        (Change("fair", factor=1.2), " ", "missing reason"),
        (Change("fair"), "x", "exactly one effect"),
        (Change("fair", "2024-03-09", "2024-03-01", factor=1.2), "x", "ends before it starts"),
    ],
)
def test_what_says_nothing_is_refused_and_nothing_is_written(tmp_path, change, reason, message):
    place = tmp_path / "results"
    with change_state(place) as state:
        with pytest.raises(InputError, match=message):
            add_adjustment(state, change, reason=reason, by="ann")
        assert read_adjustments(state) == []


def test_the_command_line_knows_times_of_day_and_volumes():
    one, two, three = read_assumptions(
        ["rush 2024-03-09 09:00-11:30 +20% ±5% phone", "2024-03-09..2024-03-10 =500 chat", "sale 2024-03-09 -10%"]
    )
    assert (one.hours, one.factor, one.sd, one.series) == ("09:00-11:30", 1.2, 0.05, "phone")
    assert (two.volume, two.factor, two.end, two.series) == (500.0, None, "2024-03-10", "chat")
    assert (three.factor, three.hours) == (0.9, None)
    names = [c.name for c in read_named_changes(["2024-03-09 +5%", "2024-03-10 +5% phone"], [], ["3%"])]
    assert names == ["event 2024-03-09", "event 2024-03-10 phone", "growth"]


@pytest.mark.parametrize(
    ("series", "days", "is_told"),
    [("phone/north", ("2024-03-01", "2024-03-04"), True), ("phone/north", (None, None), True),
     (("phone", "phone/north"), (None, None), False), ("phone", (None, None), False), (None, (None, None), False),
     ("chat/north", (None, None), False), ("phone/north", ("2024-02-01", "2024-02-29"), False),
     ("phone/north", ("2024-03-06", None), False)],
)  # fmt: skip
def test_an_adjustment_of_a_part_of_a_queue_is_said_not_to_reach_its_plan(series, days, is_told):
    one = Adjustment(Change("fair", *days, factor=1.2, series=series), "mailing", "ann", FIRST)
    said = unreached_sentences([one], ["phone"], pd.Series(pd.date_range("2024-03-04 08:00", periods=40, freq="h")))
    assert ["phone/north" in text for text in said] == [True] * is_told


def test_whether_it_helped_is_told_by_what_came():
    rows = pd.DataFrame(
        {
            "adjustment": ["fair", "fair; sale", "", "none"],
            "base": [100.0, 50.0, 70.0, 10.0],
            "adjusted": [130.0, 80.0, 70.0, 10.0],
            "actual": [140.0, 40.0, 70.0, 12.0],
        }
    )
    table = judge_adjustments(rows).set_index("adjustment")
    assert table["intervals"].to_dict() == {"fair": 2, "none": 1, "sale": 1}
    assert table.loc["fair", ["base", "adjusted", "actual"]].tolist() == [150, 210, 180]
    assert pd.isna(table.loc["fair", "helped"])  # 30 off either way
    assert not table.loc["sale", "helped"]
    assert judge_adjustments(rows.head(0)).empty
    kept = adjusted_rows(rows.assign(baseline=rows["base"], ds=FIRST), ["ds"], "adjusted")
    assert [row[1:] for row in kept] == [[100.0, 130.0, "fair"], [50.0, 80.0, "fair; sale"], [10.0, 10.0, "none"]]
