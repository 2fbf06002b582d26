"""A stray time years off everything else moves neither the end of a log nor the begin of its periods."""

import ibis
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.case_log.log_end import describe_stray_times, find_first_instant, find_first_time
from deskcast.features.cases.history import case_history
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.pipelines.project.project import open_project
from hypothesis import given, settings
from hypothesis import strategies as st


def frames_of(n: int = 40, stray: str | None = "2062-03-01T09:00Z", kind: str = "closed") -> dict[str, pd.DataFrame]:
    """Return a case a day, each resolved an hour later but the last five, and one that is closed in another age."""
    at = pd.date_range("2024-03-01T09:00Z", periods=n, freq="D")
    cases = pd.DataFrame({"case_id": [f"{i:03d}" for i in range(n)], "created_at": at})
    done = cases.iloc[: n - 5]
    events = pd.DataFrame(
        {"case_id": done["case_id"], "at": done["created_at"] + pd.Timedelta("1h"), "kind": "resolved"}
    )
    if stray is not None:
        odd = {"case_id": [f"{n - 3:03d}"], "at": [pd.Timestamp(stray)], "kind": [kind]}
        events = pd.concat([events, pd.DataFrame(odd)], ignore_index=True)
    return {"cases": cases, "events": events}


def test_one_stray_end_is_named_and_does_not_move_the_end():
    frames = frames_of()
    log = CaseLog.from_frames(**frames)
    assert log.until == pd.Timestamp("2024-04-09T09:00Z")
    ages = case_history(log).set_index("case_id")
    assert ages["age_s"].max() <= 5 * 86400
    assert ages.loc["037", "is_open"]
    assert describe_stray_times(frames) == [
        "1 time lies long after everything else and is left out, so the log ends on 09 Apr 2024: at of case 037 is "
        "01 Mar 2062"
    ]


@settings(max_examples=15, deadline=None)
@given(n=st.integers(25, 80), days=st.integers(366, 20_000), kind=st.sampled_from(["closed", "resolved", "field"]))
def test_a_stray_of_any_kind_leaves_the_end_where_it_is(n, days, kind):
    plain = CaseLog.from_frames(**frames_of(n, None))
    late = pd.Timestamp("2024-03-01T09:00Z") + pd.Timedelta(days=n + days)
    log = CaseLog.from_frames(**frames_of(n, str(late), kind))
    assert log.until == plain.until
    pd.testing.assert_frame_equal(case_history(log), case_history(plain))


def test_what_follows_soon_or_is_one_of_few_or_of_many_is_no_stray():
    soon = frames_of(stray="2024-12-01T09:00Z")
    assert CaseLog.from_frames(**soon).until == pd.Timestamp("2024-12-01T09:00Z")
    few = {"cases": frames_of(8)["cases"].assign(created_at=pd.date_range("2020", periods=8, freq="2YS", tz="UTC"))}
    assert CaseLog.from_frames(**few).until.year == 2034
    later = frames_of(40)
    again = later["cases"].assign(
        case_id=lambda t: "b" + t["case_id"], created_at=lambda t: t["created_at"] + pd.Timedelta(days=800)
    )
    both = {"cases": pd.concat([later["cases"], again], ignore_index=True)}
    assert CaseLog.from_frames(**both).until.year == 2026  # a desk that closed for two years
    assert describe_stray_times(both) == []


def test_an_end_that_is_asked_for_holds():
    late = pd.Timestamp("2063-01-01T00:00Z")
    assert CaseLog.from_frames(**frames_of(), until=late).until == late


def test_files_and_frames_agree(tmp_path):
    for name, frame in frames_of().items():
        frame.assign(**({"seq": range(len(frame))} if name == "events" else {})).to_parquet(
            tmp_path / f"{name}.parquet"
        )
    assert CaseLog.from_parquet(tmp_path).until == CaseLog.from_frames(**frames_of()).until


@pytest.mark.parametrize("clock", [" 09:00", ""])
def test_a_project_says_so(tmp_path, clock):
    days = pd.date_range("2024-03-01", periods=40)
    rows = [f"{i},{d:%Y-%m-%d}{clock},{d + pd.Timedelta(days=1):%Y-%m-%d}{clock}" for i, d in enumerate(days)]
    rows[20] = rows[20][: -len("2024-03-22" + clock)] + "2062-03-22" + clock
    (tmp_path / "cases.csv").write_text("case_id,created_at,closed_at\n" + "\n".join(rows) + "\n")
    (tmp_path / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n')
    project = open_project(tmp_path / "deskcast.toml")
    assert project.log.until.year == 2024
    assert any("1 time lies long after everything else" in note and "case 20" in note for note in project.notes)


@settings(max_examples=10, deadline=None)
@given(n=st.integers(25, 80), year=st.integers(1900, 2021), is_open=st.booleans())
def test_a_stray_opening_does_not_begin_the_history_and_is_in_the_backlog_from_its_start(n, year, is_open):
    frames = frames_of(n, None)
    odd = n - 2 if is_open else 3
    frames["cases"].loc[odd, "created_at"] = pd.Timestamp(f"{year}-01-01T00:00Z")
    history = kpi_history(CaseLog.from_frames(**frames), ["cases_opened", "backlog", "resolution_time"], freq="D")
    assert history["ds"].min() == pd.Timestamp("2024-03-01")
    values = {kpi: rows.set_index("ds")["value"] for kpi, rows in history.groupby("kpi")}
    assert values["cases_opened"].sum() == n - 2  # without the stray, and the last day is not over
    backlog = values["backlog"].tolist()
    assert backlog[:3] == [int(is_open or k < 3) * 1.0 for k in range(3)] if is_open else [1.0, 1.0, 1.0]
    assert min(backlog) >= 0
    said = describe_stray_times(frames)
    assert len(said) == 1
    assert said[0].startswith("1 time lies long before everything else and is left out of the periods")
    assert f"created_at of case {odd:03d} is 01 Jan {year}" in said[0]


@settings(max_examples=12, deadline=None)
@given(
    step=st.sampled_from(["30min", "h", "D"]),
    n=st.integers(25, 80),
    years=st.integers(2, 40),
    strays=st.sampled_from([["a"], ["b"], ["a", "b"]]),
)
def test_a_stray_slot_of_a_log_of_counts_leaves_its_end_where_it_is(step, n, years, strays):
    ds = pd.date_range("2024-03-01", periods=n, freq=step, tz="UTC")
    slot = pd.Timedelta(ds[1] - ds[0]).total_seconds()
    counts = pd.concat([pd.DataFrame({"unique_id": u, "ds": ds, "slot_s": slot, "y": 5.0}) for u in ("a", "b")])
    odd = pd.DataFrame({"unique_id": strays, "ds": ds[-1] + pd.DateOffset(years=years), "slot_s": slot, "y": 900.0})
    frames = {"volumes": pd.concat([counts, odd], ignore_index=True)}
    log, plain = CaseLog.from_frames(**frames), CaseLog.from_frames(volumes=counts)
    assert log.until == plain.until == ds[-1] + pd.Timedelta(seconds=slot)
    offered = [kpi_history(one, "contacts_offered", freq="D") for one in (log, plain)]
    pd.testing.assert_frame_equal(*offered)
    (said,) = describe_stray_times(frames)
    assert f"the log ends on {plain.until:%d %b %Y}" in said
    assert f"ds of series {strays[0]} is " in said


def test_a_bound_log_of_counts_ends_where_one_of_frames_does(tmp_path):
    ds = pd.date_range("2024-03-01", periods=40, tz="UTC").append(pd.DatetimeIndex(["2062-01-01T00:00Z"]))
    counts = pd.DataFrame({"unique_id": "a", "ds": ds, "slot_s": 86400.0, "y": 5.0})
    counts.to_parquet(tmp_path / "volumes.parquet")
    assert CaseLog.from_parquet(tmp_path).until == pd.Timestamp("2024-04-10T00:00Z")


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60), st.integers(1, 40))
@settings(max_examples=8, deadline=None)
def test_the_engine_and_frames_find_the_same_first_time(days, times):
    at = pd.Timestamp("2015-01-01T00:00Z") + pd.to_timedelta([d + 1 / 3 for d in days] * times, unit="D")
    frame = pd.DataFrame({"at": pd.Series(at).dt.as_unit("us")})
    assert find_first_instant(ibis.memtable(frame), "at") == find_first_time(frame["at"])
