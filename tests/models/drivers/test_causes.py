"""Why: combinations that do not overlap, Simpson's example on a log, owners who left, new versions."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.models.drivers.attribution import explain_change
from deskcast.models.drivers.causes import CAUSE_COLUMNS, candidate_causes, find_new_values, find_owner_changes
from deskcast.models.drivers.combinations import COMBINATION_COLUMNS, explain_combinations, search_combinations
from deskcast.models.drivers.mix_rate import format_change


def cells(seed=0):
    """Return 3 x 4 x 3 combinations with 200 cases each on either side, by chance."""
    rng = np.random.default_rng(seed)
    parts = [("channel", ["chat", "phone", "web"]), ("product", list("ABCD")), ("region", list("XYZ"))]
    index = pd.MultiIndex.from_product([v for _, v in parts], names=[c for c, _ in parts])
    frame = pd.DataFrame(index=index).reset_index()
    return frame.assign(n_before=rng.poisson(200, len(frame)), n_after=rng.poisson(200, len(frame)))


def test_the_right_combination_is_named_and_drivers_do_not_overlap():
    frame = cells()
    hot = (frame["product"] == "B") & (frame["region"] == "Z")
    frame.loc[hot, "n_after"] *= 3
    frame.loc[frame["channel"] == "web", "n_after"] = (frame.loc[frame["channel"] == "web", "n_after"] * 1.4).astype(
        int
    )
    found = search_combinations(frame, ["channel", "product", "region"], count=True)
    assert found.columns.tolist() == list(COMBINATION_COLUMNS)
    assert set(found["segment"].head(2)) == {"product B, region Z", "channel web"}
    assert found["contribution"].sum() <= found.attrs["change"] + 150
    assert found.attrs["summary"].count("of the change") == len(found)


def test_an_even_change_and_chance_have_no_driver():
    frame = cells(1)
    assert len(search_combinations(frame, ["channel", "product"], count=True)) == 0
    even = search_combinations(frame.assign(n_after=frame["n_before"] * 2), ["channel", "product"], count=True)
    assert (len(even), even.attrs["summary"]) == (0, "spread evenly over the segments")


def test_rates_of_a_combination_and_its_minimum_support():
    rng = np.random.default_rng(2)
    frame = cells(2)
    bad = (frame["channel"] == "chat") & (frame["product"] == "C")
    for side in ("before", "after"):
        p = np.where(bad & (side == "after"), 0.5, 0.1)
        frame[f"numerator_{side}"] = rng.binomial(frame[f"n_{side}"], p)
    found = search_combinations(frame, ["channel", "product", "region"], count=False)
    assert found["segment"].tolist() == ["channel chat, product C"]
    assert found["part"].iloc[0] == pytest.approx(1, abs=0.3)
    assert found[["before", "after"]].iloc[0].tolist() == pytest.approx([0.1, 0.5], abs=0.04)
    few = search_combinations(frame, ["channel", "product", "region"], count=False, min_support=0.2, depth=2)
    assert "product C" not in " ".join(s for s in few["segment"] if "," in s)


def simpson():
    """Return a log on which chat and web get faster while the work moves to the slow web."""
    rows = []
    for month, mix in ((1, (90, 10)), (2, (10, 90))):
        for channel, number, hours in (("chat", mix[0], 4 - month), ("web", mix[1], 44 - 2 * month)):
            for i in range(number):
                at = pd.Timestamp(f"2024-0{month}-10T08:00Z") + pd.Timedelta(minutes=i)
                rows.append((f"{month}{channel}{i:02d}", at, channel, at + pd.Timedelta(hours=hours)))
    cases = pd.DataFrame(rows, columns=["case_id", "created_at", "channel", "end"])
    events = cases[["case_id"]].assign(at=cases.pop("end"), kind="resolved")
    return CaseLog.from_frames(cases=cases, events=events, until="2024-03-15T00:00Z")


def test_columns_of_very_many_values_are_searched_by_what_occurs():
    places = np.arange(4000)
    frame = pd.DataFrame({name: [f"{name}{k}" for k in order] for name, order in
                          (("customer", places), ("asset", places[::-1]), ("order", places * 7 % 4001))})  # fmt: skip
    frame = frame.assign(site=np.where(places < 40, "a", "b"), n_before=1, n_after=np.where(places < 40, 9, 1))
    found = search_combinations(frame, ["customer", "asset", "order", "site"], count=True, depth=3)  # 64e9 combinations
    assert found[["segment", "n_before", "n_after"]].values.tolist() == [["site a", 40, 360]]


def test_simpson_on_a_log():
    spans = ("2024-01-05", "2024-01-15"), ("2024-02-05", "2024-02-15")
    why = explain_change(simpson(), "resolution_time", *spans, by="channel")
    assert (why["after"] < why["before"]).all()
    assert why.attrs["change"] > 0
    assert why["contribution"].sum() == pytest.approx(why.attrs["change"])
    assert "although every segment fell: the mix moved" in format_change(why)


def test_combinations_of_a_log():
    log = simpson()
    spans = ("2024-01-10", "2024-01-10"), ("2024-02-10", "2024-02-10")
    found = explain_combinations(log, "cases_opened", *spans, ["channel"])
    assert set(found["segment"]) <= {"channel web", "channel chat"}
    with pytest.raises(InputError, match="'by'"):
        explain_combinations(log, "cases_opened", *spans, [])
    with pytest.raises(InputError, match="floor"):
        explain_combinations(log, "cases_opened", *spans, ["floor"])


def work(days=56, seed=0):
    """Return work of three agents on two accounts; Ana leaves after day 28, Ben gives up account A1 only."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        for account, owners in (("A1", ("Ana", "Ben")), ("A2", ("Ben", "Cem"))):
            for _ in range(4):
                owner = owners[int(rng.integers(2))]
                if day >= 28:
                    owner = "Cem" if account == "A1" else owner
                rows.append((pd.Timestamp("2024-03-01") + pd.Timedelta(days=day, hours=9), account, owner))
    return pd.DataFrame(rows, columns=["at", "account", "owner"])


def test_owners_who_left_and_who_handed_over():
    found = find_owner_changes(work(), "2024-03-30", group="account")
    assert found.columns.tolist() == list(CAUSE_COLUMNS)
    told = dict(zip(found["owner"], found["cause"], strict=True))
    assert told == {"Ana": "stopped", "Ben": "hand-over"}
    assert (found["value"] == "A1").all()
    assert found["summary"].iloc[0].startswith("Ana has not worked since Thu 28 Mar 2024")
    assert "most now by Cem" in found["summary"].iloc[0]
    assert not found["summary"].str.contains("left").any()


def test_who_worked_a_few_days_ago_has_not_stopped():
    rows = work(days=32)
    ahead = pd.Timestamp("2024-03-30")
    assert find_owner_changes(rows, ahead, group="account").empty
    later = find_owner_changes(work(days=38), ahead, group="account")
    assert "Ana" in set(later["owner"])
    assert len(find_owner_changes(work(), "2024-04-20", group="account")) == 0


def test_new_versions_are_found_near_the_start_only():
    days = pd.date_range("2024-03-01", periods=80, freq="6h", unit="us")
    cases = pd.DataFrame({"created_at": days, "form": np.where(days < "2024-03-16", "v1", "v2")})
    assert find_new_values(cases, "2024-03-17", ["form"])["value"].tolist() == ["v2"]
    assert len(find_new_values(cases, "2024-03-05", ["form"])) == 0
    with pytest.raises(InputError, match="fern"):
        find_new_values(cases, "2024-03-17", ["fern"])


def test_causes_of_a_log():
    rows = work().assign(case_id=lambda f: [f"c{i:04d}" for i in range(len(f))])
    rows["at"] = rows["at"].dt.tz_localize("UTC")
    cases = rows.rename(columns={"at": "created_at"})[["case_id", "created_at", "account"]]
    events = pd.DataFrame({"case_id": rows["case_id"], "at": rows["at"] + pd.Timedelta(hours=1), "kind": "message"})
    events = events.assign(public=True, actor_role="agent", actor_id=rows["owner"])
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-05-01T00:00Z")
    found = candidate_causes(log, "2024-03-29", groups=["account"])
    told = set(zip(found["owner"], found["cause"], found["value"], strict=True))
    assert {("Ana", "stopped", "A1"), ("Ben", "hand-over", "A1")} <= told
    assert candidate_causes(log, "2024-03-29")["owner"].tolist() == ["Ana"]
    with pytest.raises(InputError, match="acount"):
        candidate_causes(log, "2024-03-29", groups=["acount"])


@pytest.mark.parametrize("gap", [0, 5, 12])
def test_what_an_owner_did_is_counted_up_to_the_last_piece_of_it(gap):
    start = pd.Timestamp("2024-03-29") + pd.Timedelta(days=gap)  # Ana stops on 28 March, whenever the trouble is found
    found = find_owner_changes(work(), start, group="account", near="21D").set_index("owner")
    whole = find_owner_changes(work(), "2024-03-29", group="account").set_index("owner")
    assert found.loc["Ana", "before"] == pytest.approx(whole.loc["Ana", "before"], abs=0.08)
    assert found.loc["Ana", "at"] == whole.loc["Ana", "at"]
