"""How interval reports name their measures: what a column counts or how long it lasted, and if it is an average."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .vocabulary import normalise_column_name

_WHAT = (
    r"(contacts?|calls?|interactions?|chats?|emails?|messages?|tickets?|cases?|acd|inbound|voice|queue|anrufe|appels|"
    r"llamadas|chamadas|chiamate|kontakte)"
)
_COUNTED = (
    r"(contacts?|calls?|interactions?|chats?|emails?|messages?|tickets?|cases?|anrufe|appels|llamadas|chamadas|"
    r"chiamate|"
    r"kontakte|vorgange|requests?|orders?|visits?)"
)
#: One of them: such a name is as likely that of an id.
_ONE = r"(contact|call|interaction|chat|email|message|ticket|case|request|order|visit)"
_SHARE = re.compile(
    r"%|\b(percent|percentage|pct|rate|share|ratio|anteil|quote|taux|tasa|taxa|tasso|porcentaje|pca)\b", re.IGNORECASE
)
_MEAN = (
    r"\b(avg|average|mean|durchschn\w*|durchschnittliche?r?|mittlere?r?|moyen(ne)?|moy|medio|media|promedio|"
    r"med|asa|aht|att|awt|aat|tmo|tma|dmt|speed of|speed ans)\b"
)
_TOTAL = r"\b(total|sum|gesamt\w*|totale?s?|cumule)\b"
#: Items that Avaya stores: seconds of the interval in all.
_STORED = r"(ans|acd|acw|holdacd|ring|othert|aban|i_?acd)time"
_EXTREME = r"\b(max|maximum|longest|minimum|shortest|median|p90|langste)\b|^min\b"

#: Counts, the plainest words first: role -> patterns on the name in lower case.
COUNT_WORDS: tuple[tuple[str, str], ...] = (
    ("short_abandons", rf"({_WHAT} )*(short|phantom) ?(abandon\w*|abn|calls?)( {_WHAT})?"),
    ("answered_in_target", rf"({_WHAT} )*(answered|answ|ans|handled|angenommen)( {_WHAT})? (with?in|w in|w|in) .*"),
    ("answered_in_target", r"(acceptable|(calls? |contacts? )?(in|within) (sl|service level|target|sla|threshold))"),
    (
        "abandoned",
        rf"({_WHAT} )*(abandon(ed|s|ment)?|aban|abn|abnd|abncalls|dropped|lost|hung up|hangups?|aufgelegt|abgebrochene?"
        rf"|verlorene?|verpasste?|abandonne?e?s|perdus?|abandonad[ao]s|perdid[ao]s|abbandonate)( {_WHAT})*",
    ),
    ("transferred_out", rf"({_WHAT} )*(flow ?outs?|transferred out|dequeued|rolled|overflow(ed)?( out)?|"
                        rf"outflow)( {_WHAT})?"),
    (
        "answered",
        rf"({_WHAT} )*(answer(ed|s)?|answ|handled?|acdcalls|acd calls|served|accepted|angenommene?|beantwortete?|"
        rf"bearbeitet|"
        rf"repondus|traites|decroches|atendid[ao]s|contestad[ao]s|risposte)( {_WHAT})*( incoming)?",
    ),
    (
        "y",
        rf"({_WHAT} )*(offer(ed|s)?|presented|queued|incoming|inbound|received|arriv(ed|als)|entered|offert[ei]?|"
        rf"angeboten\w*|"
        rf"eingehende?|eingegangene?|entrant(e?s)?|recus|recibid[ao]s|recebid[ao]s|entranti|callsoffered)( {_WHAT})*",
    ),
    ("y", rf"(total |number of |n |num |anzahl |nombre d |nombre de |numero de )?{_COUNTED}( volumes?| count| total)?"),
    ("y", r"(actual|total|call|contact|case|ticket)? ?(volumes?|count|demand|workload|arrivals|anzahl|nombre|cantidad|"
          r"quantidade|quantita|volumen)"),
    ("y", r"(y|n|value|number of .*|actual (contacts|calls))"),
)  # fmt: skip
#: Times, role -> patterns.
TIME_WORDS: tuple[tuple[str, str], ...] = (
    ("wrap_s", r"\b(acw|after (call|contact) work|after call|wrap( ?up)?|nachbearbeitung\w*|post call|"
               r"post traitement|acwtime)\b"),
    ("hold_s", r"\b(hold(ing)?|holdacdtime|halten|haltezeit|mise en attente)\b"),
    ("wait_s", r"\b(asa|speed (of )?ans\w*|answer speed|(queue )?answer time|wait(ing)?|queue time|in queue|"
               r"anstime|wartezeit|"
               r"attente|espera|attesa|time to answer)\b"),
    ("talk_s", r"\b(talk|acd time|acdtime|conversation|gesprach\w*|speaking|att|conversacion|conversa|"
               r"conversazione)\b"),
    ("handle_s", r"\b(handle|handling|aht|bearbeitung\w*|tmo|tma|dmt|traitement|service time|gestion|manejo|"
                 r"gestione)\b"),
)  # fmt: skip
_TIME_SIGN = re.compile(
    r"\b(time|duration|sec|secs|seconds?|s|ms|min|minutes?|zeit|dauer|temps|duree|tiempo|tempo|durata|avg|average|mean|"
    r"total|aht|asa|acw|att|awt|tmo|tma|dmt|acdtime|acwtime|anstime|holdacdtime|speed|moyen|medio|mittlere|wartezeit|"
    r"durchschn\w*|nachbearbeitung\w*|gesprachszeit|bearbeitungszeit|haltezeit)\b"
)
#: Shares that have a word of their own.
_SHARE_NAMES = (
    (r"\b(erreichbarkeit|annahmequote|answer rate|pca)\b", "answered_share"),
    (r"\b(abbruchquote|aufgeberquote|verlustquote|lost call rate)\b", "abandoned_share"),
)
_LEVEL = (
    r"\b(service level|svc level|svl|sl|within service level|sl percent|servicelevel|service grade|"
    r"niveau de service|sla)\b"
)


@dataclass(frozen=True)
class Measure:
    """What a column of a report measures: its role, and how sure the name is (0 to 1).

    ``mean`` is True for an average, False for a total and ``None`` where the name does not tell; ``target_s`` is the
    limit that a service level names.
    """

    role: str
    sure: float
    mean: bool | None = None
    target_s: float | None = None


def find_measure(name: str) -> Measure | None:
    """Return what the name of a column says that it measures, or ``None``.

    >>> [m and (m.role, m.mean) for m in map(find_measure, ["Contacts queued", "AHT (sec)", "Total Handle", "Queue"])]
    [('y', None), ('handle_s', True), ('handle_s', False), None]
    >>> find_measure("Service level 60 seconds").target_s, find_measure("Abandon %").role
    (60.0, 'abandoned_share')
    """
    words = _words(name)
    if re.search(_EXTREME, words):
        return None
    limit = re.search(r"(\d+)\s*(s|sec|secs|seconds?)?\b", words)
    if re.search(_LEVEL, words) and not re.match(r"(calls |contacts )?(in|within|ans|answered)\b", words):
        return Measure("service_level", 0.9, target_s=float(limit[1]) if limit else None)
    for pattern, role in _SHARE_NAMES:
        if re.search(pattern, words):
            return Measure(role, 0.9)
    if _SHARE.search(name) or _SHARE.search(words):
        bare = re.sub(r"\s+", " ", re.sub(r"\b(d|de|du|des|of|der)\b", " ", _SHARE.sub(" ", words))).strip()
        found = _count(bare)
        share = {"answered": "answered_share", "abandoned": "abandoned_share", "answered_in_target": "service_level"}
        return (
            Measure(share[found.role], found.sure, target_s=found.target_s) if found and found.role in share else None
        )
    if re.search(r"\b(aban\w*|abn)\b", words) and _TIME_SIGN.search(words):
        return None  # how long those waited who gave up
    if _TIME_SIGN.search(words):
        for role, pattern in TIME_WORDS:
            if re.search(pattern, words):
                total = re.search(_TOTAL, words) or re.fullmatch(_STORED, words)
                mean = True if re.search(_MEAN, words) else False if total else None
                return Measure(role, 0.9 if mean is not None else 0.7, mean)
    return _count(words)


def _count(words: str) -> Measure | None:
    if words in ("y",):
        return Measure("y", 1.0)  # the name that series have everywhere
    for place, (role, pattern) in enumerate(COUNT_WORDS):
        if re.fullmatch(pattern, words):
            limit = re.search(r"(\d+)", words) if role == "answered_in_target" else None
            sure = {7: 0.8, 8: 0.7, 9: 0.4}.get(place, 1.0)
            if place == 7 and re.fullmatch(_ONE, words):
                sure = 0.4  # the number of a ticket as well as a number of tickets
            return Measure(role, sure, target_s=float(limit[1]) if limit else None)
    return None


def _words(name: str) -> str:
    words = normalise_column_name(name.replace("Ø", "avg ").replace("#", "number of "))
    return re.sub(r"\b(?<!\d)(\d{4,})\b", "", words).strip()


#: Names of columns that say which series a row belongs to, the plainest first.
SERIES_WORDS = (
    r"(queue|skill|split|vdn|csq|ct ?queue|warteschlange|file|cola|fila|coda)( (name|id|nr|no|group))?( name)?",
    r"(skill|split|queue|csq|call type|lob|line of business|service)( set| group| name)?",
    r"(campaign|media type|channel|kanal|canal|canale|media|language|department|team|group|site|region|province|"
    r"brand|unique id|"
    r"series|series id|product|abteilung|standort|hotline|country|number|name|bu|business unit)( name)?",
)
#: A person's row: what each agent took is no demand of a queue.
AGENT_WORDS = r"(agent|agents|user|employee|mitarbeiter|operator|advisor)( (name|id|username|login|email))?"
START_WORDS = (
    r".*\b(start|begin|beginn|from|von|debut|inicio|inizio)\b.*|startinterval|starttime|interval|intervall|"
    r"datetime|date time|"
    r"timestamp|ds|date|datum|fecha|data|day|tag|jour|dia|giorno|time|period|half hour|week|month|row date"
)
END_WORDS = r".*\b(end|ende|until|bis|fin|fim|fine|to)\b.*|endinterval|endtime"


def series_rank(name: str) -> int:
    """Return how plainly a name says the series of a row, from 0 on; -1 where it does not.

    >>> [series_rank(n) for n in ("CSQ Name", "Media Type", "Filters")]
    [0, 2, -1]
    """
    words = normalise_column_name(name)
    return next((i for i, pattern in enumerate(SERIES_WORDS) if re.fullmatch(pattern, words)), -1)
