"""What telephone systems call the end of a contact and its direction, and what each means here."""

from __future__ import annotations

import re
import unicodedata

#: What an outcome may mean: the canonical words, and contacts that are left out as no demand of a queue.
OUTBOUND, FAILED = "outbound", "failed"
CONTACT_OUTCOMES = ("answered", "abandoned", "callback", OUTBOUND, FAILED)
_OUTCOMES: tuple[tuple[str, str], ...] = (
    (OUTBOUND, r"out(bound|going)?( .*)?|manual|internal|ausgehend\w*|sortant\w*|saliente|intern|dial(er)?|"
               r"transfer out"),
    ("callback", r"callback.*|call back.*|voice ?mail.*|rueckruf|ruckruf|rappel"),
    (
        "abandoned",
        r"(short |queue |ivr |caller |customer )?(abandon\w*)( .*)?|missed.*|no ?answer(ed)?|not answered|"
        r"unanswered|hang( ?up)?|hung up|"
        r"lost|cancell?ed|dropped|exit ?with ?timeout|exit ?empty|exit ?with ?key|aufgelegt|verloren|nicht angenommen|"
        r"perdue?s?|abandonn\w*|abandonad[ao]s?|abbandonat[ao]|perdid[ao]|pers[ao]|n(a)?o (atendid|contestad)[ao]|"
        r"non (repondue?|risposta)|sans reponse|timeout|no agent|verpasst\w*|abgebrochen|entgangen\w*|left queue",
    ),
    (FAILED, r"busy|failed|congestion|chanunavail|invalid|blocked|rejected|declined|wrong number"),
    (
        "answered",
        r"(call )?(answered|handled|completed?|connected|served|accepted|talked|success(ful)?|resolved)( .*)?|"
        r"agent|inbound|"
        r"complete ?(agent|caller)|angenommen|beantwortet|bearbeitet|repondue?|traitee?|decrochee?|"
        r"atendid[ao]|contestad[ao]|rispost[ao]|evas[ao]|"
        r"hangup by agent|transferred|blind ?transfer|attended ?transfer",
    ),
)  # fmt: skip
_DIRECTIONS: tuple[tuple[str, str], ...] = (
    ("outbound", r"out(bound|going)?( .*)?|manual|internal|ausgehend\w*|sortant\w*|salientes?|intern|local|"
                 r"click to call|o|preview|"
                 r"progressive|predictive|api|external outbound|uscita"),
    ("inbound", r"in(bound|coming)?( .*)?|queue transfer|transfer|callback|eingehend\w*|entrant\w*|entrada|entrata|"
                r"i|disconnect|"
                r"third party.*|queue callback|monitor|webrtc api"),
)  # fmt: skip


def classify_outcome(value: str) -> str:
    """Return what an outcome means, one of :data:`CONTACT_OUTCOMES`, or nothing where its word does not tell.

    >>> [classify_outcome(v) for v in ("ANSWERED", "no-answer", "short_abandoned", "BUSY", "outbound", "Billing")]
    ['answered', 'abandoned', 'abandoned', 'failed', 'outbound', '']
    """
    return _first(_OUTCOMES, value)


def classify_direction(value: str) -> str:
    """Return ``inbound`` or ``outbound``, or nothing.

    >>> classify_direction("Inbound"), classify_direction("outbound-api"), classify_direction("QUEUE_TRANSFER")
    ('inbound', 'outbound', 'inbound')
    """
    return _first(_DIRECTIONS, value)


def _first(words: tuple[tuple[str, str], ...], value: str) -> str:
    bare = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    text = re.sub(r"[^a-z0-9]+", " ", bare.lower()).strip()
    return next((kind for kind, pattern in words if re.fullmatch(pattern, text)), "")
