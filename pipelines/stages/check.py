"""Check the data: what was read, which rows were rejected and why, data-quality warnings, available KPIs."""

from __future__ import annotations

import pandas as pd

from ...features.case_log.contents import inspect_table
from ...features.case_log.log import CaseLog
from ...features.case_log.schema import TABLES
from ..init.guesses import Arrivals, find_arrivals
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding, join_findings
from ..words.figures import figure, figures_table
from ..words.words import (
    format_date,
    format_date_range,
    format_instant,
    format_kpi,
    format_list,
    format_number,
)
from .check_calendars import describe_calendars, find_calendar_warnings
from .check_rows import (
    count_rejected_rows,
    count_replaced_rows,
    describe_rejected_rows,
    split_rejected_rows,
)
from .check_sums import FIGURES, sum_sentences
from .flags_against_targets import compare_flags
from .ours_and_theirs import compare_with_system, describe_comparison, sentences_of_comparison
from .understood import understood_rows

#: A day with this many times the closings of a usual busy day is a clean-up.
BULK_CLOSURE_FACTOR = 8.0
#: Tables whose rows are counted first, and how many names a sentence shows.
_MAIN_TABLES, MAX_SHOWN = ("cases", "events", "contacts", "volumes", "surveys"), 3
_TIME_COLUMNS = {name: str(table.instant) for name, table in TABLES.items() if table.instant}


def check_stage(project: Project) -> Stage:
    """Check an opened project: what it holds, and what looks wrong in it.

    Returns
    -------
    Stage
        Tables ``checks`` (check, result), ``rejected_rows`` (source, table, row, column, value, reason, code; the file
        where there are several), ``availability`` (kpi, available, computed, missing_data), ``check_figures`` (what the
        sentences state beyond these), where cases come again ``replaced_rows`` (their earlier rows, as
        ``rejected_rows``), and where the system exports figures of its own ``ours_against_theirs`` (figure, compared,
        agree, likely_reason, examples, ...); findings are the answers that a reader should know.
    """
    from ...features.kpis.availability import availability
    from ...features.sla.due_times import find_due_warnings
    from ...features.sla.policies import find_policy_warnings

    log = project.log
    rejected, replaced = split_rejected_rows(project.rejected)
    counts = {name: inspect_table(log, name).rows for name in log.tables}
    arrivals = find_arrivals(_fetch_arrival_times(log), log.timezone)
    oddities: list[str] = [
        *find_impossible_times(log),
        *find_future_times(log),
        *find_gaps(arrivals),
        *find_bulk_closures(log),
        *find_placeholder_customer(log),
        *[Finding(said, audience="analyst", names=[said]) for said in find_policy_warnings(log)],
        *[Finding(said, audience="analyst", names=[said]) for said in find_due_warnings(log)],
        *compare_flags(log),
        *find_calendar_warnings(project),
    ]
    beside = compare_with_system(log)
    can = availability(log, project.config.history.calendar)
    top, losses = understood_rows(project, counts)
    rows = [
        *top,
        ("Files read", _sources(project)),
        ("Rows loaded", "; ".join(f"{n}: {format_number(c)}" for n, c in counts.items())),
        ("Period covered", f"{_span(log, counts)} All times: {log.timezone}."),
        (
            "Detected settings",
            " ".join(_with_full_stop(n) for n in project.notes) or "None.",
        ),
        ("Opening hours", describe_calendars(project)),
        *describe_rejected_rows(rejected, replaced, counts),
        ("Data-quality warnings", " ".join(oddities) or "None."),
        ("Our figures and the system's", describe_comparison(beside)),
        ("Available KPIs", _kpis(can)),
        ("Data missing for other KPIs", _lacking(can)),
    ]
    findings: list[str] = [join_findings([_counted(counts), _span(log, counts)]), *losses]
    findings += [*count_rejected_rows(rejected, losses), *count_replaced_rows(rejected, replaced, counts)]
    findings += [*oddities, _kpi_count(can), *sentences_of_comparison(beside), *sum_sentences(log)]
    metrics = {f"rows_{n}": float(c) for n, c in counts.items()} | {"rejected_rows": float(len(rejected))}
    metrics |= {"replaced_rows": float(len(replaced))} if len(replaced) else {}
    metrics["kpis_available"] = float(can["available"].sum())
    checks = pd.DataFrame(rows, columns=["check", "result"])
    tables = {"checks": checks, "rejected_rows": rejected, "availability": can}
    tables |= {"replaced_rows": replaced} if len(replaced) else {}
    tables |= {"ours_against_theirs": beside} if len(beside) else {}
    tables |= figures_table(FIGURES, findings)
    return Stage("check", tables, tuple(findings), {"fingerprint": project.fingerprint}, metrics)


def find_impossible_times(log: CaseLog) -> list[Finding]:
    """Report times in an impossible order, such as events before their case or a resolution before the first reply.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-02T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T09:00Z"], "kind": ["resolved"]})
    >>> find_impossible_times(CaseLog.from_frames(cases=cases, events=events))
    ['1 of 1 cases (100%) have events before their creation.']
    """
    said: list[Finding] = []
    if log.has("events") and log.has("cases"):
        said += _case_orders(log)
    if log.has("contacts", "answered_at", "ended_at"):
        contacts = log.table("contacts")
        wrong = (contacts.answered_at < contacts.queued_at) | (contacts.ended_at < contacts.answered_at)
        bad, size = int(contacts.filter(wrong).count().execute()), inspect_table(log, "contacts").rows
        if bad:
            said.append(
                _share_of(bad, size, "contacts", "are answered before they were queued or end before the answer")
            )
    return said


def find_future_times(log: CaseLog, now: pd.Timestamp | None = None) -> list[Finding]:
    """Report if the log ends after today: what is open then ages until the end of the log.

    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2124-03-02T09:00Z"]})
    >>> find_future_times(CaseLog.from_frames(cases=cases), pd.Timestamp("2026-01-01T00:00Z"))[0].split(".")[0]
    'The log ends in the future, on Thu 2 Mar 2124: 1 row of cases'
    """
    today = pd.Timestamp.now("UTC") if now is None else now
    if log.until <= today + pd.Timedelta("1D"):
        return []
    found = []
    for name, column in _TIME_COLUMNS.items():
        if log.has(name, column):
            table = log.table(name)
            late = int(table.filter(table[column] > today.to_pydatetime()).count().execute())
            found += [figure(FIGURES, "rows still to come", name, late)] if late else []
    end = format_date(log.until.tz_convert(log.timezone))
    rows = f": {format_list([f'{late:row} of {_in_words(late.subject)}' for late in found])}" if found else ""
    said = f"The log ends in the future, on {end}{rows}"
    advice = "Open cases age until then: set 'until' of the source, or correct these times."
    return [Finding(f"{said}. {advice}", *found, audience="planner")]


def _case_orders(log: CaseLog) -> list[Finding]:
    events, cases = log.table("events"), log.table("cases")
    said: list[Finding] = []
    ends = events.filter(events.kind.isin(["resolved", "closed"])).group_by("case_id").agg(end=lambda t: t["at"].min())
    size = inspect_table(log, "cases").rows
    first = events.group_by("case_id").agg(first=lambda t: t["at"].min()).join(cases, "case_id")
    early = int(first.filter(first["first"] < first["created_at"]).count().execute())
    if early:
        said.append(_share_of(early, size, "cases", "have events before their creation"))
    lost = events.select("case_id").distinct().anti_join(cases, "case_id")
    if (n := int(lost.count().execute())) > 0:
        count = figure(FIGURES, "cases of events without a row", "cases", n)
        said.append(
            Finding(f"{count:case} with events {'has' if n == 1 else 'have'} no row in the table of cases.", count)
        )
    if log.has("events", "public", "actor_role"):
        replies = events.filter((events.kind == "message") & (events.actor_role == "agent") & events.public)
        reply = replies.group_by("case_id").agg(reply=lambda t: t["at"].min()).join(ends, "case_id")
        both, late = int(reply.count().execute()), int(reply.filter(reply["end"] < reply["reply"]).count().execute())
        if both and late > 0.005 * both:
            what = "are resolved before their first response"
            said.append(_share_of(late, both, "answered and resolved cases", what))
    return said


def find_gaps(arrivals: Arrivals | None) -> list[Finding]:
    """Report gaps in the data: open weekdays without arrivals."""
    if arrivals is None or arrivals.local.empty:
        return []
    days = arrivals.local[arrivals.weight > 0].dt.normalize()
    if arrivals.is_sampled:
        on, of = (
            figure(FIGURES, kind, "arrivals", n) for kind, n in (("days", days.nunique()), ("span", arrivals.days))
        )
        said = f"Only {on} of {of:day} have arrivals, many on each"
        text = f"{said}. If the export omits days, forecasts and KPI alerts are not reliable."
        return [Finding(text, on, of, audience="planner")]
    seen = days.value_counts()
    every = pd.date_range(days.min(), days.max())
    typical = days.value_counts().reindex(every, fill_value=0).groupby(every.day_of_week).median()
    slots = 86400 / (arrivals.slot_s or 86400)
    # a day of which chance alone would leave 1 in 3,000 empty; a series counts slots, most of which are there
    usual = [d for d in range(7) if typical.get(d, 0.0) >= (8 if arrivals.slot_s is None else min(1.0, slots / 4))]
    empty = every[every.day_of_week.isin(usual) & ~every.isin(seen.index)]
    if len(empty) == 0:
        return []
    runs = _runs(empty, usual)
    longest = max(runs, key=len)
    count = figure(FIGURES, "days without arrivals", "arrivals", len(empty))
    text = f"Gap in the data: no arrivals on {count:day} that usually have some"
    if len(longest) > 3:
        return [Finding(f"{text}; longest {format_date_range(longest[0], longest[-1])}.", count, audience="planner")]
    shown = format_list([*[format_date(d) for d in empty[:MAX_SHOWN]], *["others"] * (len(empty) > MAX_SHOWN)])
    return [Finding(f"{text}: {shown}.", count, audience="planner")]


def _runs(empty: pd.DatetimeIndex, usual: list[int]) -> list[list[pd.Timestamp]]:
    """Join empty days with nothing but unusual weekdays between them."""
    runs: list[list[pd.Timestamp]] = [[empty[0]]]
    for day in empty[1:]:
        between = pd.date_range(runs[-1][-1], day)[1:-1]
        if any(d in usual for d in between.day_of_week):
            runs.append([day])
        else:
            runs[-1].append(day)
    return runs


def find_bulk_closures(log: CaseLog) -> list[Finding]:
    """Report bulk closures: days with so many ends of cases that their resolution times mean little."""
    if not log.has("events"):
        return []
    events = log.table("events")
    ends = log.frame(events.filter(events.kind.isin(["resolved", "closed"])).select("at"))["at"]
    if len(ends) < 200:
        return []
    daily = ends.dt.tz_convert(log.timezone).dt.date.value_counts()
    usual = float(daily.quantile(0.75))
    mass = daily[daily > max(BULK_CLOSURE_FACTOR * usual, 50)]
    if mass.empty:
        return []
    top = [figure(FIGURES, "closings", format_date(pd.Timestamp(str(d))), n) for d, n in mass.head(2).items()]
    days, busy = (
        figure(FIGURES, "days of mass closings", "cases", len(mass)),
        figure(FIGURES, "busy day", "cases", usual),
    )
    shown = format_list([f"{n} on {n.subject}" for n in top])
    text = f"Bulk closures on {days:day}: {shown}, where a busy day has {busy:~}. "
    text += "Resolution times of these cases show the clean-up, not the work."
    return [Finding(text, days, *top, busy, audience="planner")]


def find_placeholder_customer(log: CaseLog) -> list[Finding]:
    """Report a customer id with so many cases that it likely stands for an unknown customer."""
    if not log.has("cases", "customer_id"):
        return []
    cases = log.table("cases")
    counts = cases.filter(cases.customer_id.notnull()).group_by("customer_id").agg(n=lambda t: t.count())
    frame = log.frame(counts.order_by(lambda t: t["n"].desc()).limit(1))
    size = inspect_table(log, "cases").rows
    if frame.empty or size < 100 or int(frame["n"].iloc[0]) < 0.1 * size:
        return []
    value, n = frame["customer_id"].iloc[0], int(frame["n"].iloc[0])
    return [_share_of(n, size, "cases", f"have customer {value!r}. If that means unknown, add it to 'missing'")]


def _fetch_arrival_times(log: CaseLog) -> dict[str, pd.DataFrame]:
    """Fetch only the times of arrival."""
    wanted = {"cases": ["created_at"], "contacts": ["queued_at"], "volumes": ["ds", "slot_s", "y"]}
    for name, columns in wanted.items():
        if log.has(name, *columns):
            frame = log.frame(log.table(name).select(*columns))
            if len(frame):
                return {name: frame}
    return {}


def _sources(project: Project) -> Finding:
    files = [f"{s.place} as {s.table if s.kind == 'table' else s.kind}" for s in project.config.sources]
    return Finding(f"Read {format_list(files)}.", names=[s.place for s in project.config.sources])


def _counted(counts: dict[str, int]) -> Finding:
    """Report the rows of the three most important tables, and how many more tables there are."""
    named = sorted(counts, key=lambda name: _MAIN_TABLES.index(name) if name in _MAIN_TABLES else len(_MAIN_TABLES))
    facts = [figure(FIGURES, "rows", name, counts[name], audience="planner") for name in named[:MAX_SHOWN]]
    shown = [f"{fact:row} of {_in_words(fact.subject)}" for fact in facts]
    if len(named) > MAX_SHOWN:
        more = figure(FIGURES, "more tables", "data", len(named) - MAX_SHOWN, audience="planner")
        facts, shown = [*facts, more], [*shown, f"{more:more table}"]
    return Finding(f"Loaded {format_list(shown)}.", *facts, audience="planner")


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _span(log: CaseLog, counts: dict[str, int]) -> Finding:
    first: list[pd.Timestamp] = []
    main = [n for n in ("cases", "contacts", "volumes", "events") if counts.get(n)]
    for name, column in _TIME_COLUMNS.items():
        if counts.get(name) and name in (main or counts):
            first.append(inspect_table(log, name).first[column])
    local = [at.tz_convert(log.timezone) for at in (min(first, default=log.until), log.until)]
    days = figure(FIGURES, "days", "span", max(1, round((local[1] - local[0]) / pd.Timedelta("1D"))))
    span = f"Period {format_instant(local[0])} to {format_instant(local[1])}, {days:day}."
    return Finding(span, days)


def _kpis(can: pd.DataFrame) -> str:
    have = can.loc[can["available"] & can["computed"], "kpi"].tolist()
    later = int((can["available"] & ~can["computed"]).sum())
    extra = f"; {later} more have data but are not computed yet" if later else ""
    verb = "is" if len(have) == 1 else "are"
    return f"{len(have)} of {len(can)} KPIs {verb} available: {format_list([format_kpi(kpi) for kpi in have])}{extra}."


def _kpi_count(can: pd.DataFrame) -> Finding:
    had = Cell("availability", "kpi", {"available": True, "computed": True}, "count")
    cells = (("available KPIs", had), ("KPIs", Cell("availability", "kpi", take="count")))
    have, whole = (Fact.at(cell, {"availability": can}, kind, "availability") for kind, cell in cells)
    verb = "is" if have.value == 1 else "are"
    text = f"{have} of {whole:KPI} {verb} available; 'deskcast history --list' shows what the others need."
    return Finding(text, have, whole, audience="planner")


def _lacking(can: pd.DataFrame) -> str:
    lacks = can[~can["available"]].groupby("missing_data", sort=False)["kpi"].apply(list)
    return " ".join(f"{format_list([format_kpi(k) for k in ks])}: {why}." for why, ks in lacks.items()) or "None."


def _share_of(part: int, whole: int, noun: str, told: str) -> Finding:
    """Report which part of the rows of a kind looks wrong.

    >>> _share_of(3, 12, "cases", "have no end")
    '3 of 12 cases (25%) have no end.'
    """
    few, of = figure(FIGURES, told, noun, part), figure(FIGURES, "all", noun, whole)
    share = figure(FIGURES, f"share that {told}", noun, part / whole, "share")
    return Finding(f"{few} of {of} {noun} ({share}) {told}.", few, of, share, audience="planner", names=[told])


def _with_full_stop(note: str) -> str:
    return note if note.endswith(".") else note + "."
