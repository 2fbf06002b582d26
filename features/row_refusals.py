"""What the code of an error means, and the codes of single rows that are left out of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """What a code means: a title, an explanation, and how to mend it."""

    title: str
    explanation: str
    mend: str


#: Code -> what it means, for rows that are rejected while the others are read.
ROW_REFUSALS: Mapping[str, Refusal] = {
    "row.orphan": Refusal(
        "What the row belongs to is not there",
        "An event, message or survey names a case (or an answer its survey) that the export does not have, or whose "
        "own row was rejected. It belongs to no case, and is not a case itself.",
        "Export both tables over the same span; where the row of the case was rejected, mend that first.",
    ),
    "row.deleted": Refusal(
        "It was deleted in the system",
        "The system marks the case, comment or message as deleted or removed, so it is no demand that was served.",
        "Nothing needs to be mended; to count it, give its state another meaning in [source.NAME.kinds].",
    ),
    "row.other": Refusal(
        "The row is of another kind of work",
        "It is not a case of a customer, and not a message: a sub-task, change or task of another "
        "class, an outbound campaign, spam, a draft, a copy that a merge made, an interval that was still running.",
        "Nothing needs to be mended; take the rows that are meant into a source of their own to count them.",
    ),
    "row.replaced": Refusal(
        "A newer row of the case replaced it",
        "The case stands in several rows, as in exports of several months: the row that was changed last, or that is "
        "in the newest file, says how it stands. Earlier rows are counted apart, as they are no errors.",
        "Nothing needs to be mended.",
    ),
    "row.total": Refusal(
        "The row is a total",
        "It is where a time or a series should be, and repeats the sum of the other rows.",
        "Nothing needs to be mended; to be free of the message, export without totals.",
    ),
}
