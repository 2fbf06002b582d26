"""Adjustments on the command line: a series that nothing has is refused when it is written, with the nearest name."""

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.adjustments import check_adjusted_series, read_named_changes
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import replace_folder, write_stages

CONFIG = """
[source.cases]
path = "cases.csv"
[forecast]
by = ["channel", "region"]
[staffing.hotline]
where = { channel = "phone" }
"""


@pytest.fixture
def folder(tmp_path):
    days = pd.date_range("2024-01-01 09:00", periods=60, freq="12h")
    cases = pd.DataFrame({"case_id": range(60), "created_at": days})
    cases["channel"], cases["region"] = ["phone", "chat"] * 30, ["north", "north", "south"] * 20
    cases.to_csv(tmp_path / "cases.csv", index=False)
    (tmp_path / "deskcast.toml").write_text(CONFIG)
    return tmp_path


def adjust(folder, text):
    check_adjusted_series(folder / "deskcast.toml", read_named_changes([text], [], []))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("phnoe", "did you mean 'phone'"),
        ("chat/nroth", "did you mean 'chat/north'"),
        ("phone/nroth", "did you mean 'phone/north'"),  # a queue is of the whole segment: its parts are looked up too
        ("hotlin", "'hotline'"),
    ],
)
def test_an_unknown_series_is_refused_with_the_nearest_name_of_the_log(folder, name, hint):
    with pytest.raises(InputError, match="no series, segment or queue has this name") as refused:
        adjust(folder, f"fair 2024-03-09 +30% {name}")
    assert refused.value.got == name
    assert hint in str(refused.value)


@pytest.mark.parametrize("name", ["phone", "hotline", "chat/south", "south", "phone/north/gold", ""])
def test_series_segments_queues_and_their_parts_are_taken(folder, name):
    adjust(folder, f"fair 2024-03-09 +30% {name}")


def test_the_last_forecast_is_asked_and_the_log_where_it_is_newer(folder):
    ahead = pd.DataFrame({"unique_id": ["fax/west"], "ds": pd.Timestamp("2024-02-01"), "deskcast": 1.0})
    with replace_folder(folder / "results") as staging:
        write_stages([Stage("forecast", {"forecast": ahead})], staging, version="1")
    adjust(folder, "fair 2024-03-09 +30% fax/west")
    adjust(folder, "fair 2024-03-09 +30% chat/south")
    (folder / "cases.csv").unlink()
    with pytest.raises(InputError, match="did you mean 'fax"):
        adjust(folder, "fair 2024-03-09 +30% fax/wset")


def test_where_nothing_can_be_looked_up_nothing_is_refused(folder):
    (folder / "cases.csv").unlink()
    adjust(folder, "fair 2024-03-09 +30% phnoe")
