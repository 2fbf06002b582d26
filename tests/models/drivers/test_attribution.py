"""Why a KPI changed: splits that add up exactly, Simpson's example, and drivers of an incident."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.models.drivers.attribution import CHANGE_COLUMNS, DRIVER_COLUMNS, explain_change, rank_drivers
from deskcast.models.drivers.mix_rate import format_change, split_change, split_count
from hypothesis import given
from hypothesis import strategies as st

segment = st.tuples(st.integers(0, 500), st.floats(-50, 50), st.integers(0, 500), st.floats(-50, 50))


def side(names, n, rates):
    n = np.asarray(n, dtype=float)
    return pd.DataFrame({"value": names, "n": n, "numerator": n * np.asarray(rates)})


SIMPSON = side(["easy", "hard"], [90, 10], [0.9, 0.3]), side(["easy", "hard"], [10, 90], [1.0, 0.4])


@given(st.lists(segment, min_size=1, max_size=8), st.booleans())
def test_mix_and_rate_add_up_to_the_change(segments, drop):
    n0, r0, n1, r1 = (list(x) for x in zip(*segments, strict=True))
    names = [f"s{i}" for i in range(len(segments))]
    before, after = side(names, n0, r0), side(names, n1, r1)
    if drop:  # a segment without cases may as well be absent
        before, after = before[before["n"] > 0], after[after["n"] > 0]
    if not (sum(n0) and sum(n1)):
        with pytest.raises(InputError, match="no cases to compare"):
            split_change(before, after)
        return
    table = split_change(before, after)
    change = after["numerator"].sum() / after["n"].sum() - before["numerator"].sum() / before["n"].sum()
    assert table["contribution"].sum() == pytest.approx(change, abs=1e-10)
    assert (table["mix"] + table["rate"]).sum() == pytest.approx(change, abs=1e-10)
    absent = table[(table["n_before"] == 0) | (table["n_after"] == 0)]
    assert (absent["rate"] == 0).all()


@given(st.lists(segment, min_size=2, max_size=8))
def test_without_a_change_of_mix_there_is_no_mix_effect(segments):
    n0, r0, _, r1 = (list(x) for x in zip(*segments, strict=True))
    names = [f"s{i}" for i in range(len(segments))]
    if not sum(n0):
        return
    table = split_change(side(names, n0, r0), side(names, 3 * np.array(n0), r1))
    assert table["mix"].abs().max() < 1e-9


def test_simpson_every_segment_improved_and_the_total_fell():
    table = split_change(*SIMPSON)
    assert (table["after"] > table["before"]).all()
    assert table["rate"].min() > 0
    assert table["contribution"].sum() == pytest.approx(0.46 - 0.84)
    assert table["mix"].sum() < -0.4
    assert format_change(table).startswith("The total fell by 0.38 although every segment rose: the mix moved")


def test_a_plain_change_names_the_segment():
    table = split_change(side(["a", "b"], [50, 50], [0.5, 0.5]), side(["a", "b"], [50, 50], [0.5, 0.9]))
    assert "most of it is b (100% of the change" in format_change(table)
    assert "did not change" in format_change(split_change(SIMPSON[0], SIMPSON[0]))


def test_counts_add_up_with_new_and_lost_segments():
    table = split_count(side(["a", "b"], [5, 7], [0, 0]), side(["b", "c"], [4, 9], [0, 0]))
    assert dict(zip(table["value"], table["contribution"], strict=True)) == {"a": -5, "b": -3, "c": 9}


def test_bad_sides_are_named():
    good = SIMPSON[0]
    with pytest.raises(InputError, match=r"argument 'after'.*'n'"):
        split_change(good, good.drop(columns="n"))
    with pytest.raises(InputError, match="duplicate segment"):
        split_change(pd.concat([good, good]), good)
    with pytest.raises(InputError, match="finite"):
        split_change(good.assign(n=[np.nan, 1]), good)


def desk(extra=()):
    """Sixty days: ten web and five chat cases a day at even hours; from day 50 a fault in the north gives more."""
    rows = []
    start = pd.Timestamp("2024-01-01T08:00Z")
    for day in range(60):
        at = start + pd.Timedelta(days=day)
        rows += [(at + pd.Timedelta(minutes=10 * i), "web", "north" if i % 2 else "south") for i in range(10)]
        rows += [(at + pd.Timedelta(minutes=7 * i), "chat", "north" if i % 2 else "south") for i in range(5)]
        if day >= 50:
            rows += [(at + pd.Timedelta(minutes=5 * i), "web" if i % 3 else "chat", "north") for i in range(12)]
    cases = pd.DataFrame(rows, columns=["created_at", "channel", "region"])
    cases.insert(0, "case_id", [f"c{i}" for i in range(len(cases))])
    return CaseLog.from_frames(cases=cases, until=start + pd.Timedelta(days=60, hours=16))


def test_counts_of_a_log_are_explained_per_day():
    why = explain_change(desk(), "cases_opened", ("2024-01-29", "2024-02-18"), ("2024-02-20", "2024-02-29"), ["region"])
    assert why.columns.tolist() == list(CHANGE_COLUMNS)
    assert why.iloc[0][["column", "value"]].tolist() == ["region", "north"]
    assert why["contribution"].tolist() == pytest.approx([12, 0])
    assert why.attrs["change"] == pytest.approx(12)
    both = explain_change(
        desk(), "cases_opened", ("2024-01-29", "2024-02-18"), ("2024-02-20", "2024-02-29"), ["region", "channel"]
    )
    assert both.groupby("column")["contribution"].sum().tolist() == pytest.approx([12, 12])


def test_drivers_name_the_segment_that_changed():
    incident = {"kpi": "cases_opened", "series": "all", "started_at": "2024-02-20", "last_at": "2024-02-25"}
    found = rank_drivers(desk(), incident, ["channel", "region"])
    assert found.columns.tolist() == list(DRIVER_COLUMNS)
    assert found.iloc[0][["column", "value"]].tolist() == ["region", "north"]
    assert found.attrs["summary"].startswith("region north (100% of the change)")


def test_drivers_within_a_segment():
    incident = {"kpi": "cases_opened", "series": "north", "started_at": "2024-02-20", "last_at": "2024-02-25"}
    found = rank_drivers(desk(), incident, ["channel", "region"], segments=["region"])
    assert set(found["column"]) <= {"channel"}


def test_an_even_change_has_no_driver():
    incident = {"kpi": "cases_opened", "series": "all", "started_at": "2024-02-10", "last_at": "2024-02-12"}
    found = rank_drivers(desk(), incident, ["channel", "region"])
    assert len(found) == 0
    assert found.attrs["summary"] == "spread evenly over the segments"


def heap(until="2024-03-01T00:00Z"):
    """Ten web and ten mail cases a day, closed after three hours; on 13 February the mail ones stay, for two days.

    A week before, on 6 February, the web ones stayed for a day: the same weekday of the week before tells nothing.
    """
    rows = []
    for day in range(59):
        at = pd.Timestamp("2024-01-01T16:00Z") + pd.Timedelta(days=day)
        for i in range(20):
            hours = 55 if day == 43 and i % 2 else 31 if day == 36 and not i % 2 else 3
            rows.append((f"c{day}-{i}", at, "mail" if i % 2 else "web", at + pd.Timedelta(hours=hours)))
    cases = pd.DataFrame(rows, columns=["case_id", "created_at", "channel", "end"])
    events = cases[["case_id"]].assign(at=cases.pop("end"), kind="resolved")
    return CaseLog.from_frames(cases=cases, events=events, until=until)


def test_drivers_of_a_stock_go_the_way_that_it_went():
    incident = {"kpi": "backlog", "series": "all", "started_at": "2024-02-13"}
    for last, direction in (("2024-02-13", "up"), ("2024-02-15", "up"), ("2024-02-14", None)):
        found = rank_drivers(heap(), incident | {"last_at": last, "direction": direction}, ["channel"])
        assert found[["value", "before", "after", "contribution"]].values.tolist() == [["mail", 0, 10, 10]]
    assert len(rank_drivers(heap(), incident | {"last_at": "2024-02-15", "direction": "down"}, ["channel"])) == 0


def test_what_went_the_other_way_is_no_driver():
    incident = {"kpi": "cases_opened", "series": "all", "started_at": "2024-02-20", "last_at": "2024-02-25"}
    assert len(rank_drivers(desk(), incident | {"direction": "up"}, ["region"])) == 1
    other = rank_drivers(desk(), incident | {"direction": "down"}, ["region"])
    assert (len(other), other.attrs["summary"]) == (0, "")


def test_shares_and_durations_of_a_log_add_up():
    rng = np.random.default_rng(0)
    created = pd.Timestamp("2024-01-01T00:00Z") + pd.to_timedelta(np.sort(rng.uniform(0, 40 * 24, 900)), unit="h")
    cases = pd.DataFrame({"case_id": [f"c{i}" for i in range(900)], "created_at": created})
    cases["channel"] = rng.choice(["web", "chat"], 900)
    took = pd.to_timedelta(rng.exponential(np.where(cases["channel"] == "web", 30.0, 4.0)), unit="h")
    opened = cases[["case_id"]].assign(at=created, kind="created")
    closed = cases[["case_id"]].assign(at=created + took, kind="resolved")
    log = CaseLog.from_frames(cases=cases, events=pd.concat([opened, closed]), until="2024-04-01T00:00Z")
    spans = ("2024-01-01", "2024-01-20"), ("2024-01-21", "2024-02-08")
    for kpi in ("resolved_within_2d", "resolution_time"):
        why = explain_change(log, kpi, *spans, by="channel")
        assert why["contribution"].sum() == pytest.approx(why.attrs["change"], abs=1e-9 * abs(why.attrs["before"]))
        assert np.isfinite(why["contribution"]).all()


def test_a_median_does_not_stand_in_for_a_mean_that_is_not_known_yet():
    born = pd.to_datetime(["2024-03-01T08:00Z"] * 4 + ["2024-03-02T08:00Z"] * 4 + ["2024-03-03T08:00Z"] * 4)
    cases = pd.DataFrame({"case_id": [f"c{i:02d}" for i in range(12)], "created_at": born, "channel": "web"})
    hours = [1, 2, 3, 10] * 2 + [1, 1, 1, None]  # of the third day one is open: a median, and no mean
    ended = [b + pd.Timedelta(hours=h) if h else pd.NaT for b, h in zip(born, hours, strict=True)]
    events = cases[["case_id"]].assign(at=ended, kind="resolved").dropna()
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-05T00:00Z")
    why = explain_change(log, "resolution_time", ("2024-03-01", "2024-03-01"), ("2024-03-02", "2024-03-03"))
    assert why[["before", "after", "n_after"]].values.ravel() == pytest.approx([4 * 3600, 4 * 3600, 4])
    with pytest.raises(InputError, match="no cases to compare"):
        explain_change(log, "resolution_time", ("2024-03-01", "2024-03-02"), ("2024-03-03", "2024-03-03"))


def test_bad_spans_and_columns_are_named():
    log, good = desk(), ("2024-01-02", "2024-01-09")
    with pytest.raises(InputError, match="reversed"):
        explain_change(log, "cases_opened", ("2024-01-09", "2024-01-02"), good)
    with pytest.raises(InputError, match=r"'after'.*two days"):
        explain_change(log, "cases_opened", good, "soon")
    with pytest.raises(InputError, match="floor"):
        explain_change(log, "cases_opened", good, good, by="floor")
    with pytest.raises(InputError, match="'by'"):
        explain_change(log, "cases_opened", good, good, by=[])
