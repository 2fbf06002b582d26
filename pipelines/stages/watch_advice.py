"""What to try about the alerts of a desk: its own advice first, then what ships with the package."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...features.errors import InputError
from ...models.shifts.advice import DEFAULT_ADVICE, Advice, suggest_advice
from ..project.specs import Config
from ..state.records import NOTE_MARK, join_advice_note


def advice_rules(config: Config) -> list[Advice]:
    """Return the rules of a configuration, in the order in which they are tried."""
    own = [spec.rule for spec in config.advice]
    return [*own, *(DEFAULT_ADVICE if config.watch.default_advice else ())]


def advise(config: Config, alerts: pd.DataFrame, *, everything: bool = False) -> pd.DataFrame:
    """Return the table ``advice`` of alerts; see :func:`~deskcast.models.shifts.advice.suggest_advice`."""
    return suggest_advice(alerts, advice_rules(config), everything=everything)


def note_of_answer(config: Config, ledger: pd.DataFrame, alert_id: str, place: int, note: str) -> str:
    """Return the note of an answer: the piece of advice that it is on, and what somebody wrote.

    Raises
    ------
    InputError
        If the alert has no such piece of advice.
    """
    told = advise(config, ledger[ledger["alert_id"] == alert_id], everything=True)
    texts = told.loc[told["place"] == place, "do"]
    if texts.empty:
        hint = f"it has {len(told)}" if len(told) else "add [[advice]] for such alerts"
        raise InputError("no such piece of advice", where="--advice", got=place, hint=hint, code="value.unknown")
    return join_advice_note(str(texts.iloc[0]), note)


def advice_accuracy(
    config: Config, ledger: pd.DataFrame | None, answers: pd.DataFrame, issued: Sequence[str]
) -> pd.DataFrame:
    """Return what became of alerts whose advice was followed, beside those on which nobody said anything.

    Parameters
    ----------
    config
        Its rules say what was advised where nobody noted it.
    ledger
        The ledger of KPI alerts as it is now.
    answers
        Rows of the state's ``feedback`` on advice: ``subject`` (alert), ``verdict``, ``note`` (what was tried), ``at``;
        of several on one alert the last counts.
    issued
        Alerts that were reported.

    Returns
    -------
    One row a piece of advice and answer (``done``, ``helped``, ``no help``, ``not needed``, ``no answer``): ``alerts``,
    ``came_back`` (back to normal now), ``stayed`` (become usual), ``undecided`` (not over yet), ``share`` (of those
    decided that came back) and ``days`` (median from the answer, or the report, to the last unusual day). A change that
    comes back by itself does so without advice, too: compare with ``no answer``.
    """
    if ledger is None or not issued:
        return pd.DataFrame()
    known = ledger.drop_duplicates("alert_id")
    known = known[known["alert_id"].isin(set(issued)) & ~known["state"].isin(("cancelled", "explained"))]
    told = advise(config, known, everything=True)
    first = told[told["place"] == 1].set_index("alert_id")["do"]
    last = answers.drop_duplicates("subject", keep="last").set_index("subject")
    tried = last["note"].str.partition(NOTE_MARK)[0].replace("", pd.NA) if len(last) else None
    do = pd.Series(pd.NA, index=known.index) if tried is None else known["alert_id"].map(tried)
    begun = pd.to_datetime(known["alert_id"].map(last["at"]), utc=True).dt.tz_localize(None) if len(last) else pd.NaT
    since = pd.Series(begun, index=known.index).fillna(known["reported_at"])
    back, stayed = known["state"] == "back to normal", known["state"] == "become usual"
    rows = pd.DataFrame(
        {
            "advice": do.astype("str").where(do.notna(), known["alert_id"].map(first)),
            "verdict": (known["alert_id"].map(last["verdict"]) if len(last) else pd.Series(pd.NA, index=known.index)),
            "alerts": 1.0,
            "came_back": back.astype(float),
            "stayed": stayed.astype(float),
            "undecided": (~back & ~stayed).astype(float),
            "days": ((known["last_at"] - since).dt.total_seconds() / 86400).clip(lower=0).where(back),
        }
    )
    rows["verdict"] = rows["verdict"].astype("str").where(rows["verdict"].notna(), "no answer")
    rows = rows[rows["advice"].notna()]
    if rows.empty:
        return pd.DataFrame()
    by = rows.groupby(["advice", "verdict"], sort=True)
    out = by[["alerts", "came_back", "stayed", "undecided"]].sum()
    decided = out["alerts"] - out["undecided"]
    out["share"] = out["came_back"] / decided.where(decided > 0)
    return out.assign(days=by["days"].median()).reset_index()
