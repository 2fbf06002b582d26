"""The words by which exports name their columns and activities, and what each means here.

Patterns are tried on the name in lower case, with every run of other characters turned into one space; the earlier a
pattern stands, the surer it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_CASE = r"(case|ticket|incident|complaint|request|issue|service request|sr|enquiry|inquiry|problem|task)"
_WHEN = r"( ?(at|on|date|time|datetime|timestamp|ts|dt))*"
_OPEN = r"(opened|open|created|create|creation|opening|submitted|submission|received|reported|registered|logged|raised)"
_DONE = r"(closed|close|closing|closure|completed|completion|finished)"
_SOLVED = r"(resolved|resolution|solved|fixed)"
_REPLY = r"(first (response|reply|answer|contact)|responded|answered|replied|frt)"

#: Canonical name -> patterns of column names.
COLUMN_NAME_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "case_id": (
        rf"{_CASE} ?(id|number|no|nr|key|ref|reference|num)",
        r"(case concept name|unique key|unique id|number|key|id|reference)",
        _CASE,
    ),
    "created_at": (
        rf"({_CASE} )?{_OPEN}{_WHEN}",
        rf"(date|time|datetime|date time)( of)? {_OPEN}",
        r"(start|arrival|arrived|queued|entry|begin)( ?(at|on|date|time|datetime))*",
        r"(date|datetime|timestamp|time|day|ds)",
        r"(call|contact|chat|order) ?(date|time|datetime|start)",
        r".*\b(date|datetime|timestamp)\b.*",
    ),
    "closed_at": (
        rf"({_CASE} )?{_DONE}{_WHEN}",
        rf"(date|time|datetime|date time)( of)? {_DONE}",
        r"end ?(date|time|at)?",
    ),
    "resolved_at": (rf"({_CASE} )?{_SOLVED}{_WHEN}", rf"(date|time|datetime|date time)( of| to)? {_SOLVED}"),
    "first_response_at": (rf"({_CASE} )?{_REPLY}{_WHEN}", rf"(date|time|datetime)( of| to)? {_REPLY}"),
    "at": (
        r"(event|activity|complete|time) ?(timestamp|time|date|at)",
        r"(timestamp|time timestamp|at|occurred at|changed at|updated at|sys updated (at|on))",
        r"(datetime|date|time|start timestamp)",
    ),
    "activity": (
        r"(activity|event|action|concept name|event (type|name)|activity name|transition|step)",
        r"(status|state|new (status|state)|stage|to status|incident state|ticket status|case status)",
    ),
    "channel": (
        rf"({_CASE} )?(contact )?channel",
        r"(contact type|submitted via|via|medium|contact method|contact mode|media|reported source)",
        rf"({_CASE} )?(source|origin)",
    ),
    "product": (
        r"(product|product (name|line|family|purchased|group))",
        r"(service|service (name|component)|application|system|asset)",
        r"(category|ci cat|cat|product category)",
    ),
    "region": (
        r"(region|borough|country|territory|province)",
        r"(state|location|site|city|county|district|area|office location)",
    ),
    "case_type": (
        rf"{_CASE} (type|category|class)",
        r"(type|record type|request type|issue type|reason)",
        r"(issue|subject type|classification)",
    ),
    "priority": (rf"({_CASE} )?priority", r"(severity|urgency|prio|impact)"),
    "customer_id": (
        r"(customer|client|caller|requester|reporter|account|user|contact|member|organi[sz]ation) ?(id|no|number|key)",
        r"(customer|client|caller|requester|account)",
    ),
    "team": (
        r"(team|assignment group|assigned (group|team)|support group|group|queue|department|unit)",
        r"(office|account|branch|agency)",
    ),
    "actor_id": (r"(resource|org resource|actor|agent|agent (id|name)|performed by|updated by|user|operator|worker)",),
    "y": (r"(y|calls|count|volume|volumes|contacts|cases|tickets|arrivals|offered|n|total|value|number of .*)",),
    "unique_id": (r"(unique id|series|series id|queue|skill|channel|group|name)",),
}

#: Names in German, French, Spanish and Portuguese exports, without accents, and the English for them.
TRANSLATED_NAMES: tuple[tuple[str, str], ...] = (
    (r"(ticket|vorgangs?|fall|auftrags|storungs|incident) ?(nummer|nr)", "ticket id"),
    (r"(numero|num|no|n)( de| do| du)? (ticket|caso|incident|dossier|chamado)", "ticket id"),
    (r"erstellt|eroffnet|geoffnet|angelegt|eingegangen|gemeldet|aufgegeben", "created"),
    (r"cree|ouvert|recu|creado|abierto|criado|aberto", "created"),
    (r"(erstell|erstellungs|eroffnungs|eingangs|melde|anlage)(datum|zeit|zeitpunkt)", "created date"),
    (r"date (de |d )?(creation|ouverture)|(fecha|data) de (creacion|apertura|criacao|abertura)", "created date"),
    (r"geschlossen|abgeschlossen|beendet|ferme|cloture|clos|cerrado|fechado|encerrado", "closed"),
    (r"(abschluss|schluss|ende|end)(datum|zeit|zeitpunkt)", "closed date"),
    (r"date (de )?(cloture|fermeture|fin)|(fecha|data) de (cierre|fin|fechamento|encerramento|fim)", "closed date"),
    (r"gelost|erledigt|behoben|resolu|resuelto|resolvido", "resolved"),
    (r"(losungs|erledigungs)(datum|zeit|zeitpunkt)|(date|fecha|data) de resolu(tion|cion|cao)", "resolved date"),
    (r"prioritat|dringlichkeit|priorite|prioridad|prioridade", "priority"),
    (r"kanal|eingangskanal|canal", "channel"),
    (r"produkt|produit|producto|produto", "product"),
    (r"kategorie|categorie|categoria", "category"),
    (r"kunde|kunden ?(nummer|nr|id)|client|cliente", "customer"),
    (r"gruppe|abteilung|equipe|equipo|groupe|grupo", "team"),
    (r"bearbeiter|agente", "agent"),
    (r"zeitstempel|zeitpunkt|horodatage", "timestamp"),
    (r"datum|fecha|data", "date"),
    (r"aktivitat|activite|actividad|atividade", "activity"),
    (r"anrufe|appels|llamadas|chamadas", "calls"),
    (r"anzahl|nombre|cantidad|quantidade", "count"),
)
_TIME_PREPOSITION = r"( (am|um|le|el|em|a))?"
#: Names of columns that only make sense at the end of a case.
OUTCOME_PATTERN = re.compile(
    r"\b(clos\w*|resol\w*|solved|fixed|outcome|variant|satisf\w*|csat|rating|nps|score|survey|disputed|timely|sla|"
    r"status|state|response|responded|duration|elapsed|time to|handle time|wip|reopen\w*|reassign\w*|escalat\w*|"
    r"no of|number of|count|related|total|feedback|breach\w*|agent|assigned to|server|sent)\b"
)
#: Names of columns that describe a case from the start.
DESCRIPTION_PATTERN = re.compile(
    r"\b(sub ?product|sub ?issue|sub ?category|subcategory|descriptor|issue|symptom|item|company|brand|segment|"
    r"ci (name|cat|subcat)|category|impact|urgency|language|plan|tier|model|version|gender|"
    r"age|tags?|subject|zip|zip ?code|city|county|dist|district|street)\b"
)

_MAIL = r"mail|email|reply|message"
_ACTIVITIES: tuple[tuple[str, str], ...] = (
    ("reopened", r"\b(re-?open\w*)\b"),
    ("resumed", r"\b(resum\w+|un-?paus\w+|off hold|continued?)\b"),
    ("merged", r"\b(merged?|duplicate)\b"),
    ("escalated", r"\b(escalat\w+)\b"),
    ("customer_message", rf"\b((update|call|answer|comment|{_MAIL}) from (customer|client|user|requester))\b"),
    ("customer_message", r"\bcustomer (reply|replied|response|update|message|comment)\b"),
    ("reply", rf"\b((replied|communication|answer|call|{_MAIL}) (to|with) (the )?(customer|client|user))\b"),
    ("reply", r"^(first )?(reply|response|public comment|agent reply)( sent)?$"),
    ("note", r"^(internal note|work ?note|private comment|note)( added)?$"),
    ("paused", r"^((a?wait\w*|pending|on hold|paused?|suspend\w*|hold)\b.*)$"),
    ("resolved", r"^(resolved?|solved?|resolve (ticket|case|incident|request)|(ticket|case|incident) resolved|fixed)$"),
    ("closed", r"^(closed?|close (ticket|case|incident)|(ticket|case|incident|problem) closed|archived|cancell?ed)$"),
    ("created", r"^(open(ed)?|create[d]?|creation|new|register(ed)?|submitted|received)$"),
    ("created", r"^(insert|create|open|register|submit) (ticket|case|incident|request)$"),
    ("priority", r"\b(priority|severity|urgency|impact) (change\w*|update\w*|set)\b"),
    ("assigned", r"^(re-?)?assign(ed|ment)?( to .*| group| team| agent)?$"),
    ("assigned", r"^transfer(red)?\b.*|^(take|took|taken) (in|into|over)? ?(in )?charge\b.*"),
)  # fmt: skip


def normalise_column_name(name: str) -> str:
    """Return a column name in lower case English words, without a one-letter prefix.

    >>> [normalise_column_name(name) for name in ("t_ReopenFlag", "Date of Purchase", "case:concept:name")]
    ['reopen flag', 'date of purchase', 'case concept name']
    >>> [normalise_column_name(name) for name in ("Erstellt am", "Priorität", "Date de clôture", "Nº do chamado")]
    ['created', 'priority', 'closed date', 'ticket id']
    """
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare)
    words = re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()
    short = re.sub(r"^[a-z] (?=\w)", "", words)
    english = next((e for word, e in TRANSLATED_NAMES if re.fullmatch(f"({word}){_TIME_PREPOSITION}", short)), short)
    return re.sub(r"^(open|close|create|start|end)(date|time)$", r"\1 \2", english)


def score_role_match(name: str, role: str) -> float:
    """Return how surely a column name means a role, from 1 (the plainest word) down to 0.

    >>> names = ["colour", "Date received", "timestamp"]
    >>> sorted(names, key=lambda name: score_role_match(name, "created_at"))
    ['colour', 'timestamp', 'Date received']
    """
    patterns = COLUMN_NAME_PATTERNS[role]
    for i, pattern in enumerate(patterns):
        if re.fullmatch(pattern, normalise_column_name(name)):
            return 1 - i / (len(patterns) + 1)
    return 0.0


def classify_activity(activity: str) -> str:
    """Return the kind of event that an activity or state means, or nothing where its name does not tell.

    >>> [classify_activity(a) for a in ("Resolve ticket", "Pending vendor", "Reopen", "Mail to Customer", "Caused by")]
    ['resolved', 'paused', 'reopened', 'reply', '']
    """
    text = re.sub(r"[_\s]+", " ", activity.strip().lower())
    return next((kind for kind, pattern in _ACTIVITIES if re.search(pattern, text)), "")
