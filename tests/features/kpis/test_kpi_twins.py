"""Every KPI of the catalogue against slow loops: each measure of each segment and period."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.kpis.availability import KPI_CATALOGUE, describe_missing_data
from deskcast.features.kpis.case_flow import compute_case_flow
from deskcast.features.kpis.catalogue import find_kpi
from deskcast.features.kpis.formulas import KPI_FORMULAS
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.pipelines.simulated_desk.desk import simulate_desk
from full_logs import OFFICE, full_log, slow_milestones
from kpi_loops import slow_kpis
from kpi_twin import MEASURES, SlowDesk

#: Rows of these may be of fewer segments than there are cases: a segment without a turn has no history of turns.
OWN_SEGMENTS = ("response_time", "requests_per_agent", "team_time", "status_time")


def compare(frames, log, freq, by, milestones=None):
    """Compare all KPIs that the log can give, and return their names."""
    twins = slow_kpis(SlowDesk(frames, log.until, log.timezone, freq, by, dict(log.calendars)), milestones)
    twins = {kpi: twin for kpi, twin in twins.items() if not describe_missing_data(log, kpi) and splits(kpi, by)}
    history = kpi_history(log, list(twins), by=by or (), freq=freq)
    for kpi, twin in twins.items():
        expected = twin()
        mine = history[history["kpi"] == kpi]
        keys = list(zip(mine[by] if by else ["all"] * len(mine), mine["ds"], strict=True))
        assert set(keys) == set(expected) or kpi in OWN_SEGMENTS, kpi
        assert set(keys) >= set(expected), kpi
        for name in MEASURES:
            told = [expected[key][name] if key in expected else np.nan for key in keys]
            found = mine[name].where([key in expected for key in keys])
            np.testing.assert_allclose(found, told, rtol=1e-9, atol=1e-6, err_msg=f"{kpi} {name}")
    return set(twins)


def splits(kpi, by):
    table = KPI_FORMULAS[find_kpi(kpi).name][1]
    own = {"agent_time": ("team",), "sessions": ("article_id",), "searches": ("article_id",)}
    own |= {"costs": ("cost_category",), "denominators": ("product",)}
    if by == "article_id":
        return table in ("article_views", "sessions", "searches", "contacts")
    if by == "cost_category":  # the cost of a success has its categories in test_waiting_kpis.py
        return table == "costs" and kpi != "cost_per_success"
    if kpi == "agent_satisfaction":  # agents are asked about no single case, so no column of one splits the answers
        return by is None
    if kpi in ("cases_per_agent_hour", "effort_per_case"):  # by team they have values by hand in test_segments.py
        return by is None
    return by is None or (table != "" and by in own.get(table, (by,)))


@pytest.mark.parametrize(
    ("seed", "freq", "by", "timezone"),
    [
        (1, "D", None, "Europe/Lisbon"),
        (2, "W", "channel", "America/New_York"),
        pytest.param(3, "MS", "team", "Asia/Kolkata", marks=pytest.mark.slow),
        (4, "QS", "priority", "Australia/Lord_Howe"),
        pytest.param(5, "6MS", None, "UTC", marks=pytest.mark.slow),
        pytest.param(6, "360min", None, "Europe/Lisbon", marks=pytest.mark.slow),
        (7, "MS", "article_id", "Europe/Lisbon"),
        pytest.param(8, "MS", "cost_category", "UTC", marks=pytest.mark.slow),
        pytest.param(9, "MS", "product", "UTC", marks=pytest.mark.slow),
        pytest.param(10, "W", "status", "Europe/Lisbon", marks=pytest.mark.slow),
    ],
)
def test_every_kpi_agrees_with_loops_on_the_small_desk(seed, freq, by, timezone):
    frames = full_log(seed, 30, 40 if freq not in ("QS", "6MS") else 400)
    log = CaseLog.from_frames(**frames, timezone=timezone, calendars={"office": OFFICE})
    done = compare(frames, log, freq, by, slow_milestones(frames, log.until, {}))
    wanted = {kpi for kpi in KPI_CATALOGUE if splits(kpi, by)}
    assert wanted <= done


@pytest.fixture(scope="module")
def desk():
    """A slice of the simulated desk: its last eight weeks, and 60 of the cases that were opened in them."""
    tables = simulate_desk(300, seed=11).tables  # repairs fall in its last weeks
    until = tables["events"]["at"].max().floor("D")
    return slice_of(tables, until - pd.Timedelta(days=56), until, 60)


def slice_of(tables, since, until, most):
    """Keep the cases that were opened in a span and what hangs on them, and other rows of the span."""
    cases = tables["cases"]
    cases = cases[(cases["created_at"] >= since) & (cases["created_at"] < until)].head(most)
    out = {"cases": cases.reset_index(drop=True)}
    for name, table in tables.items():
        if name in ("cases", "sla_policies"):
            continue
        at = {"contacts": "queued_at", "searches": "searched_at", "surveys": "offered_at",
              "article_views": "viewed_at", "tasks": "started_at", "schedules": "start",
              "agent_time": "start", "costs": "start", "repairs": "failed_at", "events": "at"}[name]  # fmt: skip
        kept = table[(table[at] >= since) & (table[at] < until)]
        kept = kept[kept["case_id"].isin(cases["case_id"])] if name == "events" else kept.head(150)
        out[name] = kept.reset_index(drop=True)
    return out


@pytest.mark.parametrize(("freq", "by"), [("W", None), ("W", "region"), ("MS", "channel")])
def test_every_kpi_agrees_with_loops_on_the_simulated_desk(desk, freq, by):
    log = CaseLog.from_frames(**desk, timezone="Europe/Lisbon", calendars={"office": OFFICE})
    frames = {name: log.frame(name) for name in log.tables}
    done = compare(frames, log, freq, by)
    assert {"contacts_offered", "csat", "resolution_time_business"} <= done
    assert by is not None or {"occupancy", "cost_per_case", "mttr", "clicks_per_task", "deflection_rate"} <= done


@pytest.fixture(scope="module")
def helpdesk(shared_data):
    rows = pd.read_csv(shared_data("helpdesk_italy/helpdesk.csv.gz"), dtype=str)
    rows["at"] = local_instants(rows["timestamp"].str[:19], None, "Europe/Rome")
    kinds = {"Resolve ticket": "resolved", "Closed": "closed", "Wait": "paused", "Take in charge ticket": "resumed"}
    rows["kind"] = rows["activity"].map(kinds | {"Insert ticket": "created"}).fillna("status")
    first = rows.groupby("case_id")["at"].transform("min")
    rows = rows[(first >= pd.Timestamp("2012-09-20T00:00Z")) & (first < pd.Timestamp("2012-11-20T00:00Z"))]
    rows = rows[rows["case_id"].isin(rows["case_id"].drop_duplicates().head(70))]
    cases = rows.groupby("case_id", as_index=False).agg(created_at=("at", "min"), case_type=("variant", "first"))
    events = rows[["case_id", "at", "kind"]].assign(new=rows["activity"], actor_id=rows["resource"], actor_role="agent")
    return CaseLog.from_frames(cases=cases, events=events, timezone="Europe/Rome")


@pytest.fixture(scope="module")
def servicenow(shared_data):
    path = shared_data("servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz")
    wanted = ["number", "incident_state", "sys_updated_at", "opened_at", "assignment_group", "priority", "caller_id",
              "sys_updated_by", "category"]  # fmt: skip
    rows = pd.read_csv(path, dtype=str, na_values="?", usecols=wanted)
    for column in ("sys_updated_at", "opened_at"):
        rows[column] = local_instants(rows[column], "%d/%m/%Y %H:%M", "UTC")
    rows = rows[rows["opened_at"] < pd.Timestamp("2016-03-20T00:00Z")]
    rows = rows.sort_values(["number", "sys_updated_at"], kind="stable", ignore_index=True)
    done = rows["incident_state"].isin(["Resolved", "Closed"])
    before = done.groupby(rows["number"]).shift(fill_value=False).astype(bool)
    again = rows.loc[~done & before, "number"].drop_duplicates().head(12)
    many = [*rows["number"].drop_duplicates().iloc[::80].head(60), *again]
    rows, done, before = (table[rows["number"].isin(many)] for table in (rows, done, before))
    waits = rows["incident_state"].str.startswith("Awaiting")
    rows["kind"] = np.select(
        [done & ~before, ~done & before, rows["incident_state"] == "Closed", waits, rows["assignment_group"].notna()],
        ["resolved", "reopened", "closed", "paused", "assigned"], "status",
    )  # fmt: skip
    names = {"number": "case_id", "sys_updated_at": "at", "assignment_group": "team", "sys_updated_by": "actor_id"}
    events = rows.rename(columns=names)[["case_id", "at", "kind", "team", "actor_id"]].assign(actor_role="agent")
    rows = rows.rename(columns={"number": "case_id", "opened_at": "created_at", "caller_id": "customer_id"})
    cases = rows.drop_duplicates("case_id")[["case_id", "created_at", "priority", "customer_id"]]
    cases["case_type"] = rows.drop_duplicates("case_id")["category"]
    return CaseLog.from_frames(cases=cases, events=events)


def local_instants(text, form, timezone):
    times = pd.to_datetime(text, format=form)
    there = times.dt.tz_localize(timezone, ambiguous=False, nonexistent="shift_forward")
    return there.dt.tz_convert("UTC").dt.as_unit("us")


@pytest.mark.parametrize(
    ("name", "freq", "by"),
    [
        ("helpdesk", "MS", "case_type"),
        ("servicenow", "D", None),
        ("servicenow", "W", "priority"),
    ],
)
def test_every_kpi_agrees_with_loops_on_real_logs(request, name, freq, by):
    log = request.getfixturevalue(name)
    done = compare({table: log.frame(table) for table in log.tables}, log, freq, by)
    assert {"resolution_time", "backlog", "backlog_age", "active_resolution_time", "agents_per_case"} <= done
    assert name != "servicenow" or {"reopen_rate", "transfer_rate", "repeat_contact_rate"} <= done


@pytest.mark.parametrize(("name", "by"), [("helpdesk", "case_type"), ("servicenow", "priority")])
def test_segments_sum_to_totals_and_the_backlog_follows_from_the_day_before(request, name, by):
    log = request.getfixturevalue(name)
    parts, whole = kpi_history(log, by=by, freq="W"), kpi_history(log, freq="W")
    whole = whole[whole["kpi"].isin(parts["kpi"])].set_index(["kpi", "ds"])
    for column in ("n", "numerator"):
        sums = parts.groupby(["kpi", "ds"])[column].sum().reindex(whole.index)
        adds_up = whole.index.get_level_values("kpi") != "requests_per_agent" if column == "n" else slice(None)
        np.testing.assert_allclose(sums[adds_up], whole.loc[adds_up, column], atol=1e-6, err_msg=column)  # an agent
        # works in several segments
    for split in ((), (by,)):
        daily = compute_case_flow(log, by=split)
        lines = daily.assign(**({} if split else {"all": "all"})).groupby(list(split) or "all")["backlog"]
        before = lines.shift(fill_value=0)
        came, went = daily["opened"] + daily["reopened"], daily["resolved"] + daily["merged"]
        assert (daily["backlog"] == before + came - went).all()
        stock = kpi_history(log, "backlog", by=split)
        assert (stock["value"].to_numpy() == daily["backlog"].to_numpy()).all()
        assert daily["backlog"].max() > 0


def test_the_case_history_holds_what_the_kpis_of_cases_are_made_of():
    frames = full_log(8, 60)
    log = CaseLog.from_frames(**frames, calendars={"office": OFFICE})
    cases = case_history(log)
    done = cases[cases["resolved_at"].notna()]
    end = kpi_history(log, "cases_resolved", freq="15min")["ds"].max() + pd.Timedelta("15min")
    done = done[done["resolved_at"].dt.tz_localize(None) < end]
    means = {"interactions_per_case": "interactions", "contacts_to_resolution": "contacts_to_resolution"}
    means |= {"automation_rate": "automated", "agents_per_case": "agents"}
    for kpi, column in means.items():
        rows = kpi_history(log, kpi, freq="15min")
        assert rows["numerator"].sum() == done[column].sum(), kpi
        assert rows["n"].sum() == done[column].notna().sum() > 0, kpi
    spent = {"active_resolution_time": "active_resolution_s", "first_resolution_time": "first_resolution_s"}
    spent |= {"resolution_time_business": "resolution_business_s"}
    spent |= {"first_response_time_business": "first_response_business_s"}
    for kpi, column in spent.items():
        rows = kpi_history(log, kpi, freq="h")
        assert rows["numerator"].sum() == cases[column].notna().sum() > 0, kpi
    again = kpi_history(log, "repeat_contact_rate", freq="h")["numerator"].sum()
    ripe = cases["created_at"] <= log.until - pd.Timedelta(days=7)
    assert again == (ripe & (cases["next_case_s"] <= 7 * 86400)).sum() > 0
