"""Shifts that cover a need: against all schedules of a small case, by properties, and in what they tell."""

import ast
import re
from pathlib import Path

import deskcast.forecasting
import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting.scheduling.schedule import add_shrinkage, shift_schedule
from deskcast.forecasting.scheduling.set_cover import solve_set_cover
from deskcast.forecasting.scheduling.shift_patterns import ShiftPattern, coverage_matrix, shift_patterns
from deskcast.forecasting.staffing.shrinkage import scheduled_agents
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_twins import cheapest_cover
from scipy import sparse

H = 3600.0
FORECASTING = Path(deskcast.forecasting.__file__).parent
DAY = pd.date_range("2024-03-04 08:00", periods=8, freq="h")  # a Monday


def need(values, start="2024-03-04 08:00", freq="h"):
    ds = pd.date_range(start, periods=len(values), freq=freq)
    return pd.DataFrame({"ds": ds, "required": np.asarray(values, float)})


def short_shifts(length=4, **more):
    options = {"lengths_s": [length * H], "first_start_s": 8 * H, "last_end_s": 16 * H, "step_s": H} | more
    return shift_patterns("part-time", days_per_week=1, workdays=[0], **options)


# --- patterns ------------------------------------------------------------------------------------------------------


def test_patterns_follow_their_rules():
    found = shift_patterns(lengths_s=[8.5 * H], first_start_s=7 * H, last_end_s=20 * H, step_s=H, break_choices=3)
    assert len(found) == 5 * 3 * 7  # begins, breaks, runs of five days round the week
    assert len(set(found)) == len(found)
    for p in found:
        assert len(p.days) == 5
        assert p.start_s >= 7 * H
        assert p.start_s + p.length_s <= 20 * H
        assert p.paid_h == 40
        assert 2.5 * H <= p.breaks[0][0] <= 5.5 * H
    assert {len(p.days) for p in shift_patterns(days_per_week=3, days_off_together=False)} == {3}
    assert len({p.days for p in shift_patterns(days_per_week=3, days_off_together=False)}) == 35


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(0, 95),
    length=st.integers(2, 60),
    rest=st.tuples(st.integers(0, 40), st.integers(1, 8)),
    days=st.sets(st.integers(0, 6), min_size=1),
    slot=st.sampled_from([15, 30, 60]),
)
def test_coverage_counts_every_paid_minute_once(start, length, rest, days, slot):
    breaks = ((rest[0] * 900.0, rest[1] * 900.0),) if sum(rest) <= length else ()
    pattern = ShiftPattern("any", tuple(sorted(days)), start * 900.0, length * 900.0, breaks)
    ds = pd.date_range("2024-03-04", periods=8 * 1440 // slot, freq=f"{slot}min")
    cover_ = coverage_matrix([pattern], ds, slot * 60.0).toarray().ravel()
    monday_again = 0 in days  # the eighth day
    paid = pattern.paid_h * (1 + monday_again / len(days))
    beyond = max(start + length - 96, 0) * 0.25 if monday_again else 0.0
    inside = sum(min(max(start + a + n - 96, 0), n) * 0.25 for a, n in [(rest[0], rest[1])]) if breaks else 0.0
    lost = beyond - (inside if monday_again else 0.0)
    assert cover_.sum() * slot / 60 == pytest.approx(paid - lost)
    assert cover_.min() >= 0
    assert cover_.max() <= 1


# --- the best cover ------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    columns=st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=4, max_size=4), min_size=1, max_size=4),
    wanted=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    price=st.lists(st.sampled_from([0.5, 2.0, 20.0]), min_size=4, max_size=4),
    most=st.one_of(st.none(), st.integers(0, 4)),
)
def test_the_cover_is_the_best_of_all(columns, wanted, price, most):
    cost = [1.0 + sum(c) for c in columns]
    best = cheapest_cover(columns, wanted, cost, price, 6, lambda x: most is None or sum(x) <= most)
    rules = {}
    if most is not None:
        rules = {
            "limits": sparse.csr_array(np.ones((1, len(columns)))),
            "low": np.zeros(1),
            "high": np.array([float(most)]),
        }
    matrix = sparse.csc_array(np.array(columns).T)
    found = solve_set_cover(matrix, np.array(wanted, float), np.array(cost), np.array(price), gap=0.0, **rules)
    assert found.cost == pytest.approx(best)
    assert found.bound <= best + 1e-6
    assert found.gap < 1e-6
    assert most is None or found.agents.sum() <= most


def test_a_day_solved_by_hand():
    """Two people all day and one more from ten to two: five shifts of four hours, 20 hours; nothing can be less."""
    found = shift_schedule(need([2, 2, 3, 3, 3, 3, 2, 2]), short_shifts(), gap=0.0)
    assert found.hours == 20
    assert found.bound_hours == pytest.approx(20)
    assert found.table[["start", "end", "scheduled_agents"]].values.tolist() == [
        ["08:00", "12:00", 2],
        ["10:00", "14:00", 1],
        ["12:00", "16:00", 2],
    ]
    assert found.coverage["overstaffed"].sum() == 0
    assert found.sentences()[-1] == "Every interval is covered."


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), limited=st.booleans())
def test_coverage_adds_up_and_the_bound_holds(seed, limited):
    rng = np.random.default_rng(seed)
    week = need(
        rng.integers(0, 6, 7 * 24) * np.tile((np.arange(24) >= 7) & (np.arange(24) < 20), 7), "2024-03-04 00:00"
    )
    patterns = shift_patterns(lengths_s=[8 * H], step_s=2 * H) + shift_patterns(
        "part-time", lengths_s=[4 * H], step_s=2 * H, days_per_week=3
    )
    found = shift_schedule(week, patterns, limits={"full-time": 2} if limited else None, gap=0.02)
    seen = found.coverage
    assert np.allclose(seen["scheduled"] + seen["understaffed"] - seen["overstaffed"], seen["required"])
    assert (seen["understaffed"] * seen["overstaffed"] < 1e-9).all()
    assert found.bound_hours <= found.hours + 1e-6
    assert 0 <= found.gap < 1
    assert found.table["hours"].sum() == pytest.approx(found.hours)
    assert ((seen["reason"] == "") == (seen["understaffed"] == 0)).all()
    if limited:
        assert found.table.loc[found.table["kind"] == "full-time", "scheduled_agents"].sum() <= 2
    again = shift_schedule(week, patterns, limits={"full-time": 2} if limited else None, gap=0.02)
    pd.testing.assert_frame_equal(found.table, again.table)


def test_days_apart_and_days_together_are_proven():
    """A week of quarter hours with single days is seven small problems; the proven gap is within the one asked for."""
    ds = pd.date_range("2024-03-04", periods=672, freq="15min")
    hour = ds.hour + ds.minute / 60
    level = np.where((hour >= 7) & (hour < 22), np.ceil(30 * np.exp(-(((hour - 13) / 4) ** 2)) + 4), 0)
    single = [
        p
        for day in range(7)
        for p in shift_patterns("day", lengths_s=[4 * H, 6 * H, 8 * H], days_per_week=1, workdays=[day])
    ]
    found = shift_schedule(pd.DataFrame({"ds": ds, "required": level}), single, gap=0.01)
    assert found.gap <= 0.01
    assert found.coverage["understaffed"].sum() == 0
    assert found.hours * (1 - found.gap) <= found.bound_hours + 1e-6


# --- where and why it falls short ------------------------------------------------------------------------------------


def test_every_reason_for_a_shortfall_is_told():
    bare = shift_schedule(need([1] * 9), short_shifts())
    assert bare.coverage["reason"].tolist() == [""] * 8 + ["no shift covers this time"]
    limited = shift_schedule(need([3] * 8), short_shifts(), limits={"part-time": 4})
    assert limited.coverage["understaffed"].sum() == 8
    assert set(limited.coverage.loc[limited.coverage["understaffed"] > 0, "reason"]) == {
        "the limit on part-time is reached"
    }
    capped = shift_schedule(need([3] * 8), short_shifts(), max_agents=4)
    assert set(capped.coverage["reason"]) <= {"", "all people that may be scheduled are"}
    dear = shift_schedule(need([1, 1, 1, 1, 2, 1, 1, 1]), short_shifts(), short_price=2.0)
    assert dear.coverage["reason"].tolist() == [""] * 4 + ["a further shift costs more than the shortfall"] + [""] * 3
    assert "1 of 8 intervals fall short, most on Mon 04 Mar 12:00 by 1.0 of 2.0." in dear.sentences()


def test_people_who_must_be_used_are():
    found = shift_schedule(need([0] * 8), short_shifts(), least={"part-time": 3})
    assert found.table["scheduled_agents"].sum() == 3
    nothing = shift_schedule(need([0] * 8), short_shifts())
    assert (nothing.hours, nothing.gap, len(nothing.table)) == (0.0, 0.0, 0)
    assert nothing.table["scheduled_agents"].dtype == "int64"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"need": need([1, 2]).rename(columns={"required": "requirred"})}, "column 'required': missing column"),
        ({"need": need([1, -2])}, "argument 'required', position 1: the number is out of range; got -2.0"),
        ({"need": need([1, np.nan])}, "argument 'required', position 1: the number is missing"),
        ({"need": need([1, 2, 3]).iloc[[0, 2, 1]]}, "column 'ds', row 3: the intervals are not in ascending order"),
        ({"need": need([1])}, "unknown length of the interval"),
        ({"need": need([])}, "missing rows"),
        ({"patterns": []}, "argument 'patterns': missing shift patterns"),
        ({"limits": {"parttime": 3}}, "argument 'limits': unknown kind of pattern; got 'parttime'"),
        ({"limits": {"part-time": -1}}, "argument 'limits['part-time']': the number is out of range"),
        ({"limits": {"part-time": 1}, "least": {"part-time": 2}}, "minimum must not exceed maximum"),
        ({"least": {"part-time": 2}, "max_agents": 1}, "argument 'max_agents': minimum must not exceed maximum"),
        ({"gap": 1}, "argument 'gap': the number is out of range"),
        ({"effort": "x"}, "argument 'effort': not a valid number"),
        ({"seconds": "x"}, "argument 'seconds': not a valid number"),
        ({"shrinkage": 1}, "argument 'shrinkage': the number is out of range"),
        (
            {"calendar": BusinessCalendar.from_hours("UTC", {"mon": ["20:00-22:00"]})},
            "argument 'patterns': no shift lies within the opening hours",
        ),
        ({"short_price": [1, 2]}, "argument 'short_price': wrong length"),
    ],
)
def test_bad_input_is_named(change, message):
    given_ = {"need": need([1] * 8), "patterns": short_shifts()} | change
    with pytest.raises(InputError) as error:
        shift_schedule(given_.pop("need"), given_.pop("patterns"), **given_)
    assert message in str(error.value)


def test_rules_that_make_no_shift_are_refused():
    with pytest.raises(InputError, match="argument 'first_start_s': the number is missing"):
        shift_patterns(first_start_s=np.nan)
    with pytest.raises(InputError, match="no shift fits"):
        shift_patterns(lengths_s=[8 * H], first_start_s=10 * H, last_end_s=12 * H)
    with pytest.raises(InputError, match="argument 'days_per_week'"):
        shift_patterns(days_per_week=6, workdays=range(5))


@pytest.mark.parametrize(
    "bad",
    [
        {"days": ()},
        {"days": (7,)},
        {"start_s": -1.0},
        {"length_s": 0.0},
        {"breaks": ((3 * H, 2 * H),)},
        {"breaks": ((2 * H, H), (H, H))},
    ],
)
def test_patterns_that_cannot_be_worked_are_refused(bad):
    fine = {"kind": "any", "days": (0,), "start_s": 8 * H, "length_s": 4 * H, "breaks": ()}
    with pytest.raises(InputError):
        ShiftPattern(**(fine | bad))


def test_limits_do_not_spoil_the_proof():
    """Limits that hardly bind cost hardly anything, and the gap is proven with them too."""
    ds = pd.date_range("2024-03-04", periods=7 * 24, freq="h")
    level = np.where((ds.hour >= 7) & (ds.hour < 22), 12 + 8 * np.sin((ds.hour - 7) / 15 * np.pi), 0)
    patterns = shift_patterns(lengths_s=[8.5 * H], step_s=H) + [
        p
        for day in range(7)
        for p in shift_patterns("day", lengths_s=[4 * H, 5 * H], step_s=H, days_per_week=1, workdays=[day])
    ]
    week = pd.DataFrame({"ds": ds, "required": np.ceil(level)})
    free = shift_schedule(week, patterns, gap=0.03)
    held = shift_schedule(week, patterns, limits={"day": 250}, max_agents=300, gap=0.03)
    assert held.gap <= 0.04
    assert free.gap <= 0.04
    assert held.hours <= free.hours * 1.06
    assert held.table.loc[held.table["kind"] == "day", "scheduled_agents"].sum() <= 250


# --- limits of work, opening hours, shrinkage -----------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(FORECASTING.rglob("*.py")), ids=lambda f: f.relative_to(FORECASTING).as_posix())
def test_no_search_looks_at_the_clock(file):
    """Clocks measure (folds, schedule), they decide nothing: no comparison, no limit, no option of a solver."""
    text = file.read_text()
    assert "time_limit" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Compare, ast.While, ast.If)):
            inside = ast.unparse(node.test if isinstance(node, (ast.While, ast.If)) else node)
            assert not re.search(r"perf_counter|process_time|monotonic|time\.time\(", inside), inside


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), limit=st.one_of(st.none(), st.floats(1e-3, 1e3)))
def test_a_limit_of_time_changes_nothing(seed, limit):
    level = np.random.default_rng(seed).integers(0, 6, 3 * 24).astype(float)
    week, patterns = (
        need(level, "2024-03-04 00:00"),
        shift_patterns(lengths_s=[8 * H, 5 * H], step_s=H, days_per_week=2),
    )
    free, held = shift_schedule(week, patterns), shift_schedule(week, patterns, seconds=limit)
    pd.testing.assert_frame_equal(free.table, held.table)
    pd.testing.assert_frame_equal(free.coverage, held.coverage)
    assert (free.hours, free.gap, free.bound_hours) == (held.hours, held.gap, held.bound_hours)


@settings(max_examples=15, deadline=None)
@given(
    opens=st.integers(0, 12), length=st.integers(5, 12), saturday=st.integers(0, 8), holiday=st.integers(4, 10),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_no_paid_hour_lies_outside_the_opening_hours(opens, length, saturday, holiday, seed):
    hours = {"mon-fri": [f"{opens:02d}:00-{opens + length:02d}:00"]}
    hours |= {"sat": [f"{opens:02d}:00-{opens + saturday:02d}:00"]} if saturday else {}
    calendar = BusinessCalendar.from_hours("UTC", hours, holidays=[f"2024-03-{holiday:02d}"])
    ds = pd.date_range("2024-03-04", periods=168, freq="h")
    share = calendar.open_share(ds.tz_localize("UTC"), 3600)
    level = np.random.default_rng(seed).integers(0, 4, 168) * (share > 0)
    patterns = shift_patterns(lengths_s=[4 * H, 5 * H], step_s=H, first_start_s=0, last_end_s=24 * H, break_choices=0)
    patterns += shift_patterns(
        "days", lengths_s=[3 * H], step_s=H, first_start_s=0, last_end_s=24 * H, break_choices=0, days_per_week=1
    )
    found = shift_schedule(pd.DataFrame({"ds": ds, "required": level.astype(float)}), patterns, calendar=calendar)
    assert found.coverage.loc[share == 0, "scheduled"].sum() == 0
    assert found.coverage["scheduled"].sum() == pytest.approx(found.hours)
    idle = found.coverage.loc[(level == 0), "scheduled"].sum()
    assert found.idle_hours == pytest.approx(idle)
    assert any("nobody is required" in s for s in found.sentences()) == (idle > 0)
    covered = (found.coverage["required"] - found.coverage["understaffed"]).sum()
    assert found.surplus_hours == pytest.approx(found.hours - covered)
    assert found.rounding_hours == pytest.approx(0)
    assert any("more than is to schedule" in s for s in found.sentences()) == (found.surplus_hours > 1e-6)


def test_paid_hours_beyond_those_to_schedule_have_two_causes():
    """One agent for five hours a day, on shifts of four: 15 hours too many on contacts, and whole agents."""
    ds = pd.date_range("2024-03-04", periods=120, freq="h")
    need = pd.DataFrame({"ds": ds, "required": ((ds.hour >= 8) & (ds.hour < 13)).astype(float)})
    patterns = shift_patterns(lengths_s=[4 * H], step_s=H, first_start_s=8 * H, last_end_s=16 * H, workdays=range(5))
    found = shift_schedule(need, patterns, shrinkage=0.2)
    assert (found.hours, found.coverage["scheduled"].sum()) == (60, 40)  # two agents, three to schedule
    assert found.surplus_hours == pytest.approx(60 - 25 / 0.8)
    assert found.rounding_hours == pytest.approx(60 - 40 / 0.8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.floats(0, 0.7))
def test_shrinkage_is_rounded_up_once_over_all_shifts(agents, share):
    people = add_shrinkage(np.array(agents), share)
    assert people.sum() == scheduled_agents(sum(agents), share)
    assert (people >= np.array(agents)).all()


def test_a_small_queue_with_shrinkage_is_not_doubled():
    """One agent all day on eight shifts of four hours takes ten people at 15% and not sixteen."""
    week = need([1.0] * 32, "2024-03-04 00:00")
    single = [p for s in range(0, 24, 4) for p in [ShiftPattern("any", (0,), s * H, 4 * H)]]
    single += [ShiftPattern("any", (1,), s * H, 4 * H) for s in range(0, 8, 4)]
    found = shift_schedule(week, single, shrinkage=0.15)
    assert found.table["agents"].sum() == 8
    assert found.table["scheduled_agents"].sum() == 10
    assert found.hours == 40
    assert found.bound_hours <= 40
    limited = shift_schedule(week, single, shrinkage=0.15, limits={"any": 8})
    assert limited.table["scheduled_agents"].sum() <= 8
    assert limited.table["agents"].sum() == 6
