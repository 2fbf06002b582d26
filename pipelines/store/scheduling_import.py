"""A forecast as the file that a scheduling system imports: the historical data import of Genesys Cloud.

The columns, the quarters of an hour and the times in UTC are those of its help page "Prepare the historical data import
.csv file".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError

GENESYS_COLUMNS = (
    "Interval Start UTC Date", "Queue", "Media Type", "Skill Set", "Language", "Offered", "Interactions Handled",
    "Total Handle Time (Seconds)",
)  # fmt: skip
#: Media types of the import, by the words of a channel or series.
MEDIA_TYPES: Mapping[str, str] = {
    r"callback": "callback", r"chat|webchat": "chat", r"e-?mail": "email", r"message|sms|whatsapp|messaging": "message",
}  # fmt: skip
QUARTER_S = 900.0


def genesys_import(
    ahead: pd.DataFrame, handle_time_s: float | Floats, *, slot_s: float, timezone: str, answered_share: float = 1.0
) -> pd.DataFrame:
    """Return a forecast in the form that Genesys Cloud imports, a row a queue and quarter of an hour.

    Parameters
    ----------
    ahead
        ``unique_id``, ``ds`` (start of the slot, local clock) and ``deskcast``; slots of nothing are left out, as only
        positive numbers are imported.
    handle_time_s
        Seconds a contact takes: one number, or one for each row.
    slot_s
        Length of a slot; longer ones than a quarter of an hour are cut into equal quarters.
    timezone
        Zone of ``ds``.
    answered_share
        Share of the offered that is handled.

    Raises
    ------
    InputError
        If slots cannot be cut into quarters of an hour, or the AHT is missing.

    Examples
    --------
    >>> ahead = pd.DataFrame({"unique_id": "Sales", "ds": pd.to_datetime(["2024-07-01 09:00"]), "deskcast": [12.0]})
    >>> rows = genesys_import(ahead, 240.0, slot_s=1800, timezone="Europe/Berlin")
    >>> rows[["Interval Start UTC Date", "Offered", "Total Handle Time (Seconds)"]].values.tolist()
    [['2024-07-01T07:00:00Z', 6.0, 1440.0], ['2024-07-01T07:15:00Z', 6.0, 1440.0]]
    """
    parts = slot_s / QUARTER_S
    if parts != round(parts) or parts < 1 or slot_s > 3600:
        raise InputError(
            "the import takes quarters of an hour", column="freq", got=f"{slot_s / 60:g}min",
            wanted="15min, 30min or h", hint="deskcast forecast --freq 15min",
            code="frequency.invalid",
        )  # fmt: skip
    each = np.broadcast_to(np.asarray(handle_time_s, dtype=float), len(ahead))
    count = int(parts)
    rows = ahead[["unique_id", "ds", "deskcast"]].assign(aht=each)
    rows = rows.loc[rows.index.repeat(count)].reset_index(drop=True)
    quarter = np.tile(np.arange(count), len(ahead))
    rows["deskcast"] = rows["deskcast"] / count
    local = rows["ds"] + pd.to_timedelta(quarter * QUARTER_S, unit="s")
    at = local.dt.tz_localize(timezone, ambiguous=np.ones(len(local), dtype=bool), nonexistent="NaT")
    rows["at"] = at.dt.tz_convert("UTC")
    rows = rows[rows["at"].notna() & (rows["deskcast"] >= 0.005)]
    if rows["aht"].isna().any():
        raise InputError("missing AHT", column="aht", hint="set aht in the [staffing.NAME] section", code="queue.empty")
    names = rows["unique_id"].astype("str")
    handled = rows["deskcast"] * answered_share
    out = pd.DataFrame(
        {
            "Interval Start UTC Date": rows["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Queue": names,
            "Media Type": names.map(_media_type),
            "Skill Set": "",
            "Language": "",
            "Offered": rows["deskcast"].round(2),
            "Interactions Handled": handled.round(2),
            "Total Handle Time (Seconds)": (handled * rows["aht"]).round(1),
        }
    )
    return out[list(GENESYS_COLUMNS)].reset_index(drop=True)


def _media_type(name: Any) -> str:
    return next((kind for words, kind in MEDIA_TYPES.items() if re.search(words, str(name), re.IGNORECASE)), "Voice")
