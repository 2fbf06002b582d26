"""Random desks with promises of every kind, for tests."""

import pandas as pd
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from logs import random_log

OFFICE = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-18:00"]}, holidays=["2024-03-29"])
NIGHT = BusinessCalendar.from_hours("America/New_York", {"mon-sun": ["22:00-06:00"], "sat": ["08:00-12:00"]})
CALENDARS = {"office": OFFICE, "night": NIGHT}
H = 3600.0


def policies() -> pd.DataFrame:
    """Return policies of all clocks: by priority, in versions, with pauses by status and by event."""
    columns = ["policy", "metric", "priority", "target_s", "clock", "calendar", "pause_on", "valid_from"]
    rows = [
        ("gold", "resolution", "1", 20 * H, "business", "office", "pending", None),
        ("gold", "resolution", "1", 9 * H, "business", "office", "pending,new", "2024-03-25T00:00Z"),
        ("rest", "resolution", "2", 30 * H, "calendar", None, None, None),
        ("night", "resolution", "3", 16 * H, "business", "night", None, "2024-03-20T00:00Z"),
        ("all", "first_response", None, 8 * H, "business", "office", None, None),
        ("second", "first_response", None, 1 * H, "calendar", None, None, None),
        ("two", "closing", "2", 50 * H, "calendar", None, "pending", None),
        ("any", "closing", None, 40 * H, "business", "office", None, None),
        ("theirs", "made_sla", None, None, "source", None, None, None),
    ]
    frame = pd.DataFrame(rows, columns=columns)
    frame["valid_from"] = pd.to_datetime(frame["valid_from"], utc=True).astype("datetime64[us, UTC]")
    frame["target_s"] = frame["target_s"].astype(float)
    return frame


def promised_log(seed: int, n_cases: int = 40, *, recorded: bool = False, until: object = None) -> CaseLog:
    """Return a random desk with these policies; with ``recorded`` some events come to be known late."""
    frames = random_log(seed, n_cases)
    events = frames["events"]
    flag = events["kind"] == "field"
    events["field"] = pd.Series("made_sla", index=events.index).where(flag)
    events.loc[flag, "new"] = ["false" if i % 3 else "true" for i in range(int(flag.sum()))]
    # unsaid means not public here; the log says so from its first event on
    events["public"] = events["public"].astype("boolean").fillna(False)
    if recorded:
        late = pd.to_timedelta([(i % 5 == 0) * i * 317 for i in range(len(events))], unit="s").as_unit("us")
        events["recorded_at"] = (events["at"] + late).where(pd.Series(range(len(events))) % 2 == 0)
    return CaseLog.from_frames(
        cases=frames["cases"],
        events=events,
        sla_policies=policies(),
        calendars=CALENDARS,
        timezone="Europe/Lisbon",
        until=until,
    )
