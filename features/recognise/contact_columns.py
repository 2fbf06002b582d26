"""How records of calls and chats name their columns, system by system: role -> patterns, the plainest first."""

from __future__ import annotations

import re

from .vocabulary import normalise_column_name

_THING = r"(call|contact|interaction|conversation|chat|cdr|communication|anruf|appel|llamada)"
_AT = r"( ?(at|on|date|time|datetime|timestamp|ts|utc))*"
_TIME = r"( (time|duration|dauer|zeit))?"
_UNIT = r"( (s|sec|secs|seconds?|ms|min|minutes?|in seconds?|in s|in sec))?"
#: Role -> patterns on the name in lower case words.
CONTACT_COLUMNS: dict[str, tuple[str, ...]] = {
    "queued_at": (
        rf"(.*\b)?(enqueued?|queued|queue (start|entry|enter(ed)?)|entered queue|time in queue start){_AT}",
        rf"(.*\b)?({_THING} )?(start(ed)?|begin|beginn|initiation|initiated|arrival|offered|received|request(ed)?|"
        rf"calldate|inicio|debut)"
        rf"{_AT}|time start|(start)(date ?time|timestamp)|startdatetime|start date time",
        rf"{_THING} ?(date|time|datetime|timestamp)|calldate|timestamp|date time|datetime|date|datum|fecha|time|"
        rf"created{_AT}",
    ),
    "answered_at": (rf"(.*\b)?(answer(ed)?|connected( to agent)?|connect|picked up|pickup|accepted|"
                    rf"agent join(ed)?){_AT}|time answered|answer",),
    "ended_at": (rf"(.*\b)?(end(ed)?|disconnect(ed)?|hang ?up|finish(ed)?|completed|closed|fin|ende){_AT}|"
                 rf"time end(ed)?|enddatetime|end date time|end",),
    "wait_s": (
        rf"({_THING} )?(queue )?(wait(ing)?|hold in queue|inqueue|in queue|queue|speed of answer|asa|wartezeit|"
        rf"time to answer|answer speed|"
        rf"queue wait|attente|espera|attesa)( (of|to) answer)?{_TIME}{_UNIT}|wartezeit|time in queue{_UNIT}|"
        rf"answer delay|queue duration|"
        rf"(temps|duree|tiempo|tempo|durata)( (d|de|di|da))? (attente|espera|attesa){_UNIT}",
    ),
    "ring_s": (rf"(total )?ring(ing)?{_TIME}{_UNIT}",),
    "talk_s": (
        rf"(avg |average )?({_THING} )?(talk|talking|conversation|billsec|bill|billable|speaking|gesprach\w*|"
        rf"agent interaction|agent|in call|"
        rf"conversacion|conversa){_TIME}{_UNIT}|gesprachs(zeit|dauer)|avgtalk ?duration|talk ?duration|"
        rf"bill ?sec(onds)?|(avg )?talk duration|"
        rf"(temps|duree|tiempo|duracion|tempo|duracao|durata)( (de|da|di|della))?( la)? "
        rf"(conversation|conversacion|conversa(cao)?|"
        rf"conversazione|charla|parole){_UNIT}",
    ),
    "hold_s": (rf"({_THING} |customer )?(hold(ing)?|on hold|halte\w*){_TIME}{_UNIT}|.*\bcustomer hold duration",),
    "wrap_s": (
        rf"(.*\b)?(acw|after (call|contact) work|wrap( ?up)?|nachbearbeitung\w*|post call|postqueue){_TIME}{_UNIT}|"
        rf"acw seconds|"
        r".*after contact work duration|work time",
    ),
    "handle_s": (rf"({_THING} )?(handle|handling|aht|bearbeitung\w*|service){_TIME}{_UNIT}|bearbeitungszeit",),
    "total_s": (rf"(total )?({_THING} )?(total )?(duration|dauer|length|total time|duree|duracion|durata|"
                rf"call time){_UNIT}|duration total|total{_TIME}{_UNIT}|elapsed{_TIME}{_UNIT}",),
    "abandon_s": (r"abandon(ed|ment)? (time|duration|wait|seconds?|secs?|s)( \w+)?",),
    "outcome": (
        rf"({_THING} )?(outcome|result|disposition|status|completion|ended by reason|end reason|answered status|"
        rf"resultat|resultado|risultato|esito|ergebnis|estado|statut|stato)",
        rf"({_THING} )?type|{_THING} ?type|reason|reason terminated|last ?call ?result|event|hangup cause",
    ),
    "answered": (r"answered( y n)?|is answered|was answered|beantwortet|angenommen|picked up",),
    "abandoned": (r"(is )?abandon(ed)?( y n| flag)?|aufgelegt",),
    "direction": (rf"({_THING} )?(direction|richtung|sens|direccion)|initiation method|direction type|"
                  rf"{_THING} type|type|{_THING} direction",),
    "group_id": (r"linked ?id|master contact id|master ?id",),
    "parent_id": (r"parent (call )?(sid|id)|parent call",),
    "updated_at": (r"last update ?timestamp|last updated( at)?|lastupdatetimestamp|updated( at)?",),
    "contact_id": (
        rf"({_THING}) ?(id|uuid|sid|key|number|nr|no|reference)|unique ?id|history ?id|interaction id",
        r"(id|n|no|numero|ref|referencia)( (de|d|do|da|del|di))?( (la|l))? (appel|llamada|chamada|chiamata|ligacao)|"
        r"session ?(id|key)|telephony session id|sid|uuid|id|number|nr|no|key|seq|sessionid",
    ),
    "agent_id": (
        r"(agent|users?|resource|operator|answered by|server|mitarbeiter|representative|advisor|employee)( (name|"
        r"id|username|login|email|extension))?"
        r"|dstchannel|bearbeiter",
    ),
    "team": (
        r"(queue|skill|csq|split|line|warteschlange|queue ?name|cola|file|hotline)( (name|id))?|dst queue",
        r"(team|department|group|campaign|ring group|service|topic|line of business)( name)?",
    ),
    "channel": (r"channel|media( type)?|medium|channel type|kanal|canal|interaction type|conversation type",),
}  # fmt: skip


def contact_role_score(name: str, role: str) -> float:
    """Return how surely a column name means a role of a contact record, from 1 down to 0.

    >>> [contact_role_score(n, r) for n, r in (("Wait Time (s)", "wait_s"), ("billsec", "talk_s"), ("Topic", "wait_s"))]
    [1.0, 1.0, 0.0]
    """
    words = re.sub(r"[^a-z0-9]+", " ", normalise_column_name(name).lower()).strip()
    last = re.sub(r"^(queue|agent|customer|call|contact) (?=\w+ )|^(total|avg|average) (?!time|duration)", "", words)
    patterns = CONTACT_COLUMNS[role]
    for place, pattern in enumerate(patterns):
        if re.fullmatch(pattern, words):
            return 1.0 - 0.25 * place
        if re.fullmatch(pattern, last):
            return 0.9 - 0.25 * place
    return 0.0
