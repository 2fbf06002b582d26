"""Weeks round the clock: nights over both ends, breaks in place, days off apart, and every rule of a contract."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.scheduling.breaks import BreakRule, place_breaks
from deskcast.forecasting.scheduling.free_days import deal_days
from deskcast.forecasting.scheduling.roster_rules import (
    ContractRules,
    agents_beyond_the_limits,
    breaks_out_of_place,
    days_beyond_the_week,
    days_off_apart,
    find_broken_rules,
    hours_of_rest_missing,
    hours_outside_the_contract,
)
from deskcast.forecasting.scheduling.schedule import shift_schedule
from deskcast.forecasting.scheduling.shift_patterns import ShiftPattern, coverage_matrix, shift_patterns
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_twins import cheapest_cover

H = 3600.0
WEEK = pd.date_range("2024-03-04", periods=168, freq="h")  # from a Monday
ROUND_THE_CLOCK = {"lengths_s": [8 * H], "starts_s": [6 * H, 14 * H, 22 * H], "break_choices": 0}


def need(level, ds=WEEK):
    return pd.DataFrame({"ds": ds, "required": np.broadcast_to(np.asarray(level, float), len(ds))})


def there_by_hour(table, hours, first=0):
    """Who is there, hour by hour: the slow twin of the coverage, with the night before the first hour."""
    out = np.zeros(hours)
    for row in table.to_dict("records"):
        begin, end = (int(row[k][:2]) for k in ("start", "end"))
        days = [d for d in range(7) if d in _days(row["days"])]
        for day in range(-1, hours // 24 + 1):
            if (first + day) % 7 in days:
                for hour in range(begin, end if end > begin else end + 24):
                    if 0 <= day * 24 + hour < hours:
                        out[day * 24 + hour] += row["agents"]
    return out


def _days(text):
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    ends = [part.split("-") for part in text.split(",")]
    return {d for e in ends for d in range(names.index(e[0]), names.index(e[-1]) + 1)}


# --- nights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(7))
def test_a_week_round_the_clock_is_covered_on_both_ends_wherever_it_begins(first):
    """21 shifts of 8 hours for one agent at any time: five days each, so the 15 of 3 crews, 120 hours at the least."""
    ds = WEEK + pd.Timedelta(days=first)
    found = shift_schedule(need(1, ds), shift_patterns(days_per_week=7, **ROUND_THE_CLOCK), gap=0.0)
    assert found.coverage["understaffed"].sum() == 0
    assert (found.hours, found.bound_hours) == (168, pytest.approx(168))
    assert found.carried_hours == 6  # of the night before, whose other two hours lie before the first
    assert found.coverage["scheduled"].tolist() == there_by_hour(found.table, 168, first).tolist()


def test_who_is_still_on_is_counted_and_nobody_else_is():
    patterns = shift_patterns(days_per_week=7, **ROUND_THE_CLOCK)
    on = np.where(np.arange(168) < 6, 1.0, 0.0)
    found = shift_schedule(need(1), patterns, still_on=on)
    assert (found.coverage["understaffed"].sum(), found.hours, found.carried_hours) == (0, 168, 6)
    nobody = shift_schedule(need(1), patterns, still_on=0)
    assert nobody.coverage["understaffed"].tolist() == [1.0] * 6 + [0.0] * 162
    assert set(nobody.coverage["reason"][:6]) == {"no shift covers this time"}
    with pytest.raises(InputError, match="argument 'still_on': wrong length"):
        shift_schedule(need(1), patterns, still_on=[1.0, 2.0])
    with pytest.raises(InputError, match="argument 'still_on', position 1"):
        shift_schedule(need(1), patterns, still_on=np.where(np.arange(168) == 1, -1.0, 0.0))


def test_a_shift_that_began_before_now_is_that_of_who_is_still_on():
    ds = pd.date_range("2024-03-04 16:00", periods=6, freq="h")
    patterns = shift_patterns(lengths_s=[8 * 3600], starts_s=[14 * 3600, 18 * 3600], break_choices=0, days_per_week=7)
    on = np.array([1.0] * 6)
    found = shift_schedule(need(2, ds), patterns, still_on=on)
    assert found.coverage["scheduled"].tolist() == [1.0] * 2 + [2.0] * 4
    assert (found.table["start"].tolist(), found.hours, found.carried_hours) == (["18:00"], 8, 6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), first=st.integers(0, 6), weeks=st.sampled_from([1, 2]), apart=st.booleans())
def test_coverage_is_that_of_the_people_hour_by_hour(seed, first, weeks, apart):
    ds = pd.date_range(WEEK[first * 24], periods=168 * weeks, freq="h")
    level = np.random.default_rng(seed).integers(0, 3, 168 * weeks)
    patterns = shift_patterns(free_days=apart, **ROUND_THE_CLOCK)
    found = shift_schedule(need(level, ds), patterns, gap=0.05)
    twin = there_by_hour(found.table, 168 * weeks, first)
    assert found.coverage["scheduled"].tolist() == twin.tolist()
    assert twin.sum() == pytest.approx(found.hours)  # the week repeats: what ends after it came in before it
    assert find_broken_rules(found.table, ContractRules(5, not apart)) == {}


# --- days off apart --------------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(wanted=st.lists(st.integers(0, 2), min_size=6, max_size=6), price=st.sampled_from([0.3, 3.0, 50.0]))
def test_days_off_apart_are_the_best_of_all_choices(wanted, price):
    """Three days of two hours, shifts of one hour on two of the days: six patterns, all numbers of people tried."""
    ds = pd.DatetimeIndex([WEEK[24 * day + 8 + hour] for day in range(3) for hour in range(2)])
    options = {"lengths_s": [H], "starts_s": [8 * H, 9 * H], "days_per_week": 2, "workdays": range(3)}
    every = shift_patterns(days_off_together=False, **options)
    columns = coverage_matrix(every, ds, H).toarray().T.tolist()
    best = cheapest_cover(columns, wanted, [2.0] * len(every), [price] * 6, 2)
    found = shift_schedule(
        need(wanted, ds), shift_patterns(free_days=True, **options), gap=0.0, slot_s=H, short_price=price
    )
    cost = found.hours + price * found.coverage["understaffed"].sum()
    assert cost == pytest.approx(best)
    assert found.gap < 1e-6


def test_days_off_apart_are_proven_within_one_per_cent():
    ds, hour = WEEK, WEEK.hour
    day = np.array([1.15, 1.05, 1.0, 0.97, 0.9, 0.5, 0.35])[ds.day_of_week]
    level = np.ceil(np.where((hour >= 7) & (hour < 22), 20 * np.exp(-(((hour - 12) / 4) ** 2)) + 3, 0) * day)
    patterns = shift_patterns(lengths_s=[8 * H], step_s=H, break_choices=0, free_days=True)
    found = shift_schedule(need(level, ds), patterns, gap=0.01)
    short = 50 * found.coverage["understaffed"].sum()  # the price of a person missing for an hour
    assert found.gap <= 0.01
    assert found.hours + short <= (found.bound_hours + short) / (1 - 0.01) + 1e-6
    assert short < 0.05 * found.hours
    again = shift_schedule(need(level, ds), patterns, gap=0.01)
    pd.testing.assert_frame_equal(found.table, again.table)


@given(st.lists(st.integers(0, 6), min_size=7, max_size=7), st.integers(1, 7))
def test_every_person_has_as_many_days(on, days):
    people = max(max(on), -(-sum(on) // days))
    wanted = dict(enumerate(on))
    spare = people * days - sum(on)
    for day in range(7):  # fill up to whole weeks
        more = min(people - wanted[day], spare)
        wanted[day] += more
        spare -= more
    if spare or not people:
        return
    dealt = deal_days(wanted, people)
    assert dealt.total() == people
    assert {len(own) for own in dealt} == {days}
    assert all(len(set(own)) == len(own) for own in dealt)
    assert {d: sum(n for own, n in dealt.items() if d in own) for d in range(7)} == wanted


# --- breaks ----------------------------------------------------------------------------------------------------------

LUNCH, COFFEE = BreakRule(1800, 3 * H, 4 * H), BreakRule(900, 1 * H, 2 * H, paid=True)


def test_breaks_lie_between_their_times_and_paid_ones_are_paid():
    found = shift_patterns(lengths_s=[8 * H], starts_s=[22 * H], breaks=[COFFEE, LUNCH], break_step_s=1800)
    assert len(found) == 3 * 3 * 7
    assert {p.paid_h for p in found} == {5 * 7.5}
    monday = next(p for p in found if p.days == (0, 1, 2, 3, 4))
    on = coverage_matrix([monday], pd.date_range("2024-03-04", periods=7 * 96, freq="15min"), 900).sum() / 4
    assert on == pytest.approx(5 * (7.5 - 0.25))
    assert found[0].break_times == ("23:00-23:15", "01:00-01:30")


def test_breaks_are_placed_where_fewest_are_needed():
    """Two agents all day, none from noon to one: a break of an hour costs nothing then, and an agent else."""
    ds = pd.date_range("2024-03-04 08:00", periods=8, freq="h")
    level = [2, 2, 2, 2, 0, 2, 2, 2]
    rule = BreakRule(H, 2 * H, 6 * H)
    patterns = shift_patterns(
        lengths_s=[8 * H], starts_s=[8 * H], breaks=[rule], break_step_s=H, days_per_week=1, workdays=[0]
    )
    found = shift_schedule(need(level, ds), patterns)
    assert found.table[["breaks", "agents"]].values.tolist() == [["12:00-13:00", 2]]
    assert found.hours == 14


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([BreakRule(1800, 8 * H, 9 * H)], "does not fit into the shift; got '30min from 8h to 9h'"),
        ([LUNCH, BreakRule(1800, 3 * H, 3 * H)], "the breaks overlap however they are placed"),
        ([BreakRule(300, 0, 7 * H)], "too many ways to place the breaks"),
    ],
)
def test_breaks_that_contradict_each_other_are_refused(rules, message):
    with pytest.raises(InputError, match=message):
        place_breaks(rules, 8 * H, 300)


# --- each rule of a contract: kept, broken, price ---------------------------------------------------------------------


OFFICE_HOURS = {"first_start_s": 8 * H, "last_end_s": 16 * H}


def row(**more):
    usual = {"days": "mon-fri", "start": "08:00", "end": "16:00", "breaks": "11:00-11:30", "scheduled_agents": 2}
    return pd.DataFrame([usual | more])


@pytest.mark.parametrize(
    ("rule", "rules", "kept", "broken", "amount"),
    [
        (days_beyond_the_week, ContractRules(5), {}, {"days": "mon-thu"}, 2),
        (days_off_apart, ContractRules(5), {"days": "mon,thu-sun"}, {"days": "mon,wed,fri-sun"}, 2),
        (days_off_apart, ContractRules(5, False), {"days": "mon,wed,fri-sun"}, None, 0),
        (hours_outside_the_contract, ContractRules(5, **OFFICE_HOURS), {}, {"end": "17:30"}, 3),
        (
            hours_outside_the_contract,
            ContractRules(5, **OFFICE_HOURS),
            {},
            {"start": "07:00"},
            2,
        ),
        (hours_outside_the_contract, ContractRules(5, last_end_s=30 * H), {"start": "22:00", "end": "06:00"}, None, 0),
        (hours_of_rest_missing, ContractRules(5, min_rest_s=11 * H), {"end": "21:00"}, {"end": "22:00"}, 2 * 4),
        (hours_of_rest_missing, ContractRules(7, min_rest_s=17 * H), {"days": "mon,wed"}, {"days": "mon-sun"}, 2 * 7),
        (breaks_out_of_place, ContractRules(5, breaks=(LUNCH,)), {}, {"breaks": "10:30-11:00"}, 2),
        (breaks_out_of_place, ContractRules(5, breaks=(LUNCH,)), {}, {"breaks": ""}, 2),
        (breaks_out_of_place, ContractRules(5, breaks=(LUNCH,)), {}, {"breaks": "11:00-12:00"}, 2),
        (agents_beyond_the_limits, ContractRules(5, max_agents=2), {}, {"scheduled_agents": 5}, 3),
        (agents_beyond_the_limits, ContractRules(5, min_agents=2), {}, {"scheduled_agents": 0}, 2),
    ],
)
def test_each_rule_is_kept_or_broken_by_an_amount(rule, rules, kept, broken, amount):
    assert rule(row(**kept), rules) == 0
    if broken is not None:
        assert rule(row(**broken), rules) == amount


def _price(level, with_rule, without, **more):
    """Paid hours that a rule costs: with it and without it, both at lowest cost and with everything covered."""
    rules = ((with_rule, more), (without, {}))
    found = [shift_schedule(need(level), shift_patterns(**o), gap=0.0, **m) for o, m in rules]
    assert all(one.coverage["understaffed"].sum() == 0 for one in found)
    return found[0].hours - found[1].hours


DAYS_OF_8 = {"lengths_s": [8 * H], "starts_s": [8 * H], "break_choices": 0}
NINE_HOURS = {"days_per_week": 7, "lengths_s": [9 * H]}
OFFICE = (WEEK.hour >= 8) & (WEEK.hour < 16)


@pytest.mark.parametrize(
    ("level", "with_rule", "without", "more", "price"),
    [
        # one agent on four days: five days a week cost a fifth day
        (OFFICE & (WEEK.day_of_week < 4), {"days_per_week": 5}, {"days_per_week": 4}, {}, 8),
        # one on Monday, Wednesday and Friday: days off together take two people of three days
        (OFFICE & np.isin(WEEK.day_of_week, [0, 2, 4]), {"days_per_week": 3},
         {"days_per_week": 3, "free_days": True}, {}, 24),
        # an hour off takes a second person for it, and so 16 paid hours a day where 9 were enough
        ((WEEK.hour >= 8) & (WEEK.hour < 17), NINE_HOURS | {"breaks": [BreakRule(H, 3 * H, 4 * H)], "break_step_s": H},
         NINE_HOURS, {}, 7 * (16 - 9)),
        # three people at the least, where one is enough
        (OFFICE, {"days_per_week": 7}, {"days_per_week": 7}, {"least": {"full-time": 3}}, 112),
    ],
    ids=["days a week", "days off together", "breaks", "number of agents"],
)  # fmt: skip
def test_the_price_of_a_rule(level, with_rule, without, more, price):
    assert _price(level, DAYS_OF_8 | with_rule, DAYS_OF_8 | without, **more) == price


def test_a_pattern_whose_free_days_are_too_few_is_refused():
    with pytest.raises(InputError, match="argument 'days_worked'"):
        ShiftPattern("any", (0, 1), 8 * H, 4 * H, days_worked=3)
