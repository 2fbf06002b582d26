"""The stage that watches: what drove a shift is a table of numbers, also where nothing drove it."""

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.goals import daily_kpi_history
from deskcast.pipelines.stages.history import history_limits
from deskcast.pipelines.stages.watch import _explain_detections, _watched, watch_stage, watched_history
from deskcast.pipelines.stages.watch_drivers import Explainer, drivers_table, parse_segment

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
    span = {"started_at": pd.Timestamp("2024-04-25"), "last_at": pd.Timestamp("2024-04-28"), "z": 5.0}
    calm = {"started_at": pd.Timestamp("2024-04-10"), "last_at": pd.Timestamp("2024-04-12"), "z": 4.0}
    news = pd.DataFrame([{"kpi": "cases_opened", "series": "all", "direction": "up", **when} for when in (calm, span)])
    moved, _ = _explain_detections(
        open_project(tmp_path / "deskcast.toml"), news, ("channel",), pd.Timestamp("2024-04-29")
    )
    found = drivers_table(moved)
    assert found["value"].tolist() == ["phone"]
    assert found["contribution"].dtype == found["before"].dtype == "float64"
    assert [bool(why.words) for why in moved.values()] == [True, False]


def test_a_series_is_known_by_its_column_though_that_holds_spaces():
    by = ["Case", "Case Type", "channel"]
    assert parse_segment("Case Type new order", by) == {"Case Type": "new order"}
    assert parse_segment("channel (missing)", by) == {"channel": "(missing)"}
    assert parse_segment("all", by) == {}


def quiet_desk(folder, more):
    """Ten cases a day for eighty days, but on the first of May none."""
    days = [d for d in pd.date_range("2024-03-01", periods=80) if d != pd.Timestamp("2024-05-01")]
    rows = [f"{day:%Y-%m-%d} {9 + i % 8:02d}:{(7 * i + day.day) % 60:02d}" for day in days for i in range(10)]
    (folder / "cases.csv").write_text("case_id,created_at\n" + "".join(f"{i},{r}\n" for i, r in enumerate(rows)))
    (folder / "deskcast.toml").write_text(f'[source.cases]\npath = "cases.csv"\n{more}')
    project = open_project(folder / "deskcast.toml")
    return watch_stage(project, watched_history(project)).tables["detections"]


def test_what_is_known_of_a_day_raises_no_alarm(tmp_path):
    assert "2024-05-01" in quiet_desk(tmp_path, "")["started_at"].astype(str).tolist()
    for more in (
        '[forecast]\nholidays = ["PT", "2024-04-02"]\n',
        '[calendar.desk]\nopen = { mon-fri = ["09:00-18:00"] }\nholidays = ["2024-05-01"]\n',
        '[[event]]\nname = "strike"\nstart = 2024-05-01\nend = 2024-05-01\n',
    ):
        assert "2024-05-01" not in quiet_desk(tmp_path, more)["started_at"].astype(str).tolist()


def test_an_event_on_no_day_is_named(tmp_path):
    with pytest.raises(InputError, match="not a valid day"):
        quiet_desk(tmp_path, '[[event]]\nname = "strike"\nstart = "some day"\nend = "2024-05-01"\n')


def test_the_limits_of_the_history_hold_wherever_it_is_split_anew(tmp_path):
    lines = [f"{i},2024-03-{1 + i % 28:02d} 09:{i % 60:02d},c{i % 28 // 3},phone,net\n" for i in range(200)]
    (tmp_path / "cases.csv").write_text("case_id,created_at,customer_id,channel,product\n" + "".join(lines))
    found = []
    for repeat in ("1d", "6d"):
        more = f'[history]\nby = ["channel"]\nrepeat = "{repeat}"\nkpis = ["repeat_contact_rate"]\n'
        more += '[watch]\nby = ["product"]\n'
        (tmp_path / "deskcast.toml").write_text(f'[source.cases]\npath = "cases.csv"\n{more}')
        project = open_project(tmp_path / "deskcast.toml")
        history = watched_history(project)
        split = _watched(project, history, ("product",))
        limits = history_limits(project.config.history)
        why = Explainer(project.log, ("product",), pd.Timestamp("2024-01-01"), limits)
        cells = why._history("repeat_contact_rate")
        split = split[split["kpi"] == "repeat_contact_rate"]
        told = [split[split["segment"] == name] for name in ("all", "product net")]
        goal = daily_kpi_history(project, history.head(0), "repeat_contact_rate")
        found.append([frame["numerator"].sum() for frame in (*told, cells, goal)])
        assert len(set(found[-1])) == 1
    assert found[0] != found[1]


def test_a_hand_over_of_little_work_is_no_cause():
    # of 300 pieces of work a day Ana did one of twenty in product TV, and all of product Net, until she left
    rows = []
    for day in pd.date_range("2024-03-01", periods=56, tz="UTC"):
        ana = "Ana" if day < pd.Timestamp("2024-03-29", tz="UTC") else "Ben"
        rows += [(day, ana, "TV")] + [(day, f"c{i % 8}", "TV") for i in range(19)] + [(day, ana, "Net")] * 5
        rows += [(day, f"c{i % 8}", "Web") for i in range(275)]
    work = pd.DataFrame(rows, columns=["at", "owner", "product"])
    ask = Explainer(
        CaseLog({}, pd.Timestamp("2024-05-01", tz="UTC")), ("product",), pd.Timestamp("2024-01-01"), _work=work
    )
    begin = pd.Timestamp("2024-03-29", tz="UTC")
    words, last = ask._owners({"product": "Net"}, begin)[0]
    assert words.startswith("Ana has not worked since Thu 28 Mar 2024 (100% of product Net")
    assert last == begin.tz_localize(None) - pd.Timedelta(days=1)
    assert ask._owners({"product": "TV"}, begin) == []
    causes = ask.causes({"product": "Net"}, begin.tz_localize(None), "cases_opened")
    assert causes.words == ""  # no agent makes cases come


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-05-01T00:00:00Z", "2024-05-01T23:00:00Z"),
        ("2024-05-01T08:30:00+02:00", "2024-05-01"),
        ("2024-05-01", "2024-05-01T12:00:00Z"),
        ("2024-05-01T08:00:00", "2024-05-01"),
        ('"2024-05-01T08:00:00+01:00"', '"2024-05-01"'),
        ("2024-04-30T23:30:00-05:00", "2024-05-01"),  # is the first of May on the desk's clock
    ],
)
def test_an_event_may_be_given_by_days_or_instants_of_any_zone(tmp_path, start, end):
    event = f'[[event]]\nname = "strike"\nstart = {start}\nend = {end}\n'
    assert "2024-05-01" not in quiet_desk(tmp_path, event)["started_at"].astype(str).tolist()
