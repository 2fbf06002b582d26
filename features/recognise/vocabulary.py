"""The words by which exports name their columns and activities, and what each means here.

Patterns are tried on the name in lower case, with every run of other characters turned into one space; the earlier a
pattern stands, the surer it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..readers.elapsed import unit_of_name
from .translations import strip_accents, translate_column_name

_CASE = (
    r"(case|ticket|incident|complaint|service request|request|issue|sr|enquiry|inquiry|query|problem|task|work ?order|"
    r"wo|change request|change|chg|order|claim|job|call|conversation|concern|report|record|srrecord|"
    r"service request num)"
)
_NUMBER = r"(id|number|no|nr|key|ref|reference|num|code)"
_WHEN = r"( ?(at|on|date|time|datetime|timestamp|ts|dt|utc|local))*"
_OPEN = (
    r"(opened|open|created|create|creation|opening|submitted|submission|received|reported|registered|logged|raised|"
    r"requested|entered|lodged|intake|sys created)"
)
_DONE = r"(closed|close|closing|closure|completed|completion|finished|done|ended|actual end)"
_SOLVED = r"(resolved|resolution|resolve|solved|solve|solution|fixed)"
_REPLY = (
    r"(first ((agent|admin|staff|technician|operator|public) )?(e ?mail )?(response|reply|answer|contact)"
    r"( sent| created)?|initial response|responded|answered|replied|frt)"
)
_CLOCKS = r"(date|time|datetime|date time|day|timestamp)"
_WHEN_OF = rf"{_CLOCKS}( of)?"

#: Canonical name -> patterns of column names.
COLUMN_NAME_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "case_id": (
        rf"({_CASE} )?{_CASE} ?{_NUMBER}( {_NUMBER})?",
        r"(case concept name|unique key|unique id|number|key|id|display id|reference|ref|no)",
        rf"(sys id|object ?id|{_CASE})",
    ),
    "created_at": (
        rf"({_CASE} )?{_OPEN}{_WHEN}",
        rf"{_WHEN_OF} {_OPEN}{_WHEN}",
        r"(start|arrival|arrived|queued|entry|begin)( ?(at|on|date|time|datetime))*",
        r"(date|datetime|timestamp|time|day|ds)",
        r"(call|contact|chat|order) ?(date|time|datetime|start)",
        r".*\b(date|datetime|timestamp)\b.*",
    ),
    "closed_at": (
        rf"(({_CASE}|last) )?{_DONE}{_WHEN}",
        rf"{_WHEN_OF} {_DONE}{_WHEN}",
        r"end ?(date|time|at)?",
    ),
    "resolved_at": (rf"(({_CASE}|last|full) )?{_SOLVED}{_WHEN}", rf"{_CLOCKS}( of| to)? {_SOLVED}{_WHEN}"),
    "first_response_at": (rf"({_CASE} )?{_REPLY}{_WHEN}", rf"{_CLOCKS}( of| to)? {_REPLY}{_WHEN}"),
    "updated_at": (
        rf"({_CASE} )?(last )?(sys )?(updated|update|modified|changed|modification){_WHEN}",
        rf"{_WHEN_OF} (last )?(update|modification|change)",
        r"last (activity|touched|changed?|edited)( date| at| time)*",
    ),
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
        rf"({_CASE} )?(contact )?channel( type)?",
        r"(contact type|submitted via|via|medium|contact method|contact mode|media|reported source|via channel|"
        r"method received|received (via|by|through)|open data channel type|mode|intake (method|channel))",
        rf"({_CASE} )?(source|origin)( type)?",
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
        rf"{_CASE} ?(type|category|class|subject type)",
        r"(type|record type|request type|issue type|reason|service name|sys class name|classification)",
        r"(issue|subject type|classification)",
    ),
    "priority": (rf"({_CASE} )?priority", r"(severity|urgency|prio|impact)"),
    "customer_id": (
        r"customer ?(id|no|number|key)",
        r"(client|caller|requester|reporter|account|contact|member|user) ?(id|no|number|key)",
        r"(organi[sz]ation|company) ?(id|no|number|key)",
        r"(customer|client|caller|requester|account)",
    ),
    "team": (
        r"(team|assignment group|assign(ed|ment) ?(to )?(group|team)|support (group|team)|resolver (group|team)|"
        r"group|queue|"
        r"department|unit|owner (group|team)|(responsible|handling|service) (team|group|department)|"
        r"(team|group|queue|department) ?(name|id)|team assigned|squad|(assigned to )?(technician|agent|"
        r"analyst) group)",
        r"(office|account|branch|agency|agency responsible|responsible agency|owner department)",
    ),
    "csat": (
        r"(customer |ticket |conversation |case |survey |user |client )?(satisfaction|csat|happiness|smiley)"
        r"( (score|rating|code|survey|result|response|level|index))?|customersatisfactioncode|"
        r"(kunden)?zufriedenheit(s(wert|bewertung|grad))?|soddisfazione( (del )?cliente)?|satisfaccion( del cliente)?|"
        r"satisfacao( do cliente)?|satisfaction (du )?client",
        r"survey (results?|scores?|ratings?)|(conversation |customer |ticket |agent )?rating|"
        r"conversation rating rating|"
        r"note de satisfaction|evaluation|bewertung|umfrageergebnis|valoracion|calificacion|avaliacao|valutazione|"
        r"satisfaction rating score|feedback( rating| score)?",
    ),
    "actor_id": (r"(resource|org resource|actor|agent|agent (id|name)|performed by|updated by|user|operator|worker)",),
    "y": (r"(y|calls|count|volume|volumes|contacts|cases|tickets|arrivals|offered|n|total|value|number of .*)",),
    "unique_id": (r"(unique id|series|series id|queue|skill|channel|group|name)",),
}

#: Times that no case begins with, whatever they are called otherwise.
NEVER_OPENING_PATTERN = re.compile(
    r"\b(birth\w*|dob|purchas\w*|bought|due|deadline|target|expected|expir\w*|renew\w*|warrant\w*|contract\w*|valid\w*|"
    r"hire[d]?|joined|signup|sign up|updat\w*|modif\w*|changed|last|scheduled|planned|promised|next|estimated|eta|sla|"
    r"subscription|deliver\w*|ship\w*|invoice\w*|billing|payment|follow ?up|export\w*|synced|extracted|loaded|printed|"
    r"end|ended|kauf\w*|geburts\w*|compra|achat|nacimiento|nascimento|naissance|nascita|acquisto|vertrags\w*|"
    r"liefer\w*)\b"
)
#: Durations that may be written like a time of day.
DURATION_PATTERN = re.compile(
    r"\b(duration|lifetime|aht|acw|asa|wait\w*|talk\w*|hold|handle|handling|wrap\w*|elapsed|age|effort|time (to|spent|"
    r"tracked|worked)|"
    r"(resolution|response|reply|answer|service|queue|ring\w*|speed|work\w*|idle|average|avg|mean|total|first reply|"
    r"first response) time|business (duration|stc)|calendar (duration|stc)|dauer|duree|duracion|duracao|durata|"
    r"in (hours?|hrs?|minutes?|mins?|seconds?|secs?|days?)|hours|hrs|minutes|mins|seconds|secs)\b"
)
#: Names of columns that repeat because they name somebody or something else than a case.
OTHER_OWNER_PATTERN = re.compile(
    r"\b(customer|client|caller|requester|reporter|account|contact|member|user|organi[sz]ation|company|agent|actor|"
    r"resource|technician|analyst|operator|admin|staff|worker|teammate|mailbox|inbox|survey|owner|assignee|assigned|author|team|group|queue|department|agency|office|product|asset|ci|item|sku|"
    r"model|"
    r"service|category|type|status|state|priority|zip|postal|postcode|phone|mail|email|region|city|district|ward|"
    r"street|"
    r"latitude|longitude|block|parcel|version|tier|plan|brand|channel|source|language|code|policy|tag|skill|line|vru|"
    r"contract|site|location|address|x|y)\b"
)
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

#: Objects around a field in JSON, and what a field has inside: neither changes what it means.
_AROUND = re.compile(
    r"^(_?embedded|properties|fields|node|statistics|stats|attributes|metrics?|metric_sets?)\.", re.IGNORECASE
)
_INSIDE = re.compile(
    r"(?<=.)\.(value|name|label|iso8601)$|(?<=.)(\.|@.*\.)(display_?name|display_?value|FormattedValue)$", re.IGNORECASE
)
#: A zone that stands behind the name of a time: ``Closed at (America/New_York)``.
_ZONE = re.compile(r"\s*\(((UTC|GMT)[^)]*|[A-Z][a-z]+/[A-Za-z_]+(/[A-Za-z_]+)?)\)$")
#: A value as people read it, beside which the plain value stands.
_SHOWN = re.compile(r"\.(display_?value|FormattedValue)$", re.IGNORECASE)

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
    ("resolved", r"^(resolved?|solved?|resolve (ticket|case|incident|request|conversation|issue|chat)|(ticket|case|"
     "incident|conversation|issue|request|chat) resolved|fixed)$"),
    ("closed", r"^(closed?|close (ticket|case|incident|conversation|issue|request|chat)|(ticket|case|incident|"
     "problem|conversation|issue|request|chat) closed|archived|cancell?ed)$"),
    ("created", r"^(open(ed)?|create[d]?|creation|new|register(ed)?|submitted|received)$"),
    ("created", r"^(insert|create|open|register|submit) (ticket|case|incident|request|conversation|issue|chat)$"),
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
    >>> [normalise_column_name(name) for name in ("properties.closed_date", "status.name", "requester.id")]
    ['closed date', 'status', 'requester id']
    """
    bare = strip_accents(name)
    bare = _INSIDE.sub("", _AROUND.sub("", bare)) if "." in bare else _ZONE.sub("", bare)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare)
    words = re.sub(r"[^a-z0-9]+", " ", words.lower()).strip()
    short = re.sub(r"^(?!n )([a-z]|hs) (?=\w)", "", words)
    english = translate_column_name(short)
    return re.sub(
        r"^(open|close|create|start|end|solve|solved|resolve|closed|opened|due|last ?update|"
        r"(?:created|creation|opening|closing|closure|resolved|resolution)(?=date))(date|time)$",
        r"\1 \2",
        english,
    )


def can_be_opening(name: str) -> bool:
    """Return whether a name allows that a case begins at this time.

    >>> [can_be_opening(n) for n in ("Open Date", "Date of Purchase", "Due Date", "Geburtsdatum", "Last Update")]
    [True, False, False, False, False]
    """
    raw = re.sub(r"[^a-z0-9]+", " ", strip_accents(name).lower())
    words = normalise_column_name(name)
    ends = any(score_role_match(name, role) >= 0.5 for role in ("closed_at", "resolved_at", "first_response_at"))
    return not (NEVER_OPENING_PATTERN.search(words) or NEVER_OPENING_PATTERN.search(raw) or ends)


def is_duration_name(name: str) -> bool:
    """Return whether a name speaks of how long something took.

    >>> [is_duration_name(n) for n in ("AHT", "Resolution Time (hours)", "Open Time", "calendar_duration")]
    [True, True, False, True]
    """
    return bool(DURATION_PATTERN.search(normalise_column_name(name)))


def tells_how_long(name: str) -> bool:
    """Return whether a name means how long something took, and not how much came in such a time.

    >>> [tells_how_long(n) for n in ("Days open", "Talk Time (s)", "Calls per hour", "Calls/day")]
    [True, True, False, False]
    """
    rate = re.search(r"\b(per|day|hour|minute)\b", normalise_column_name(name))
    return is_duration_name(name) or bool(unit_of_name(name) and not rate)


def score_role_match(name: str, role: str) -> float:
    """Return how surely a column name means a role, from 1 (the plainest word) down to 0.

    >>> names = ["colour", "Date received", "timestamp"]
    >>> sorted(names, key=lambda name: score_role_match(name, "created_at"))
    ['colour', 'timestamp', 'Date received']
    """
    patterns = COLUMN_NAME_PATTERNS[role]
    if name == role:
        return 1.5  # the exact name wins
    for i, pattern in enumerate(patterns):
        if re.fullmatch(pattern, normalise_column_name(name)):
            return 1 - i / (len(patterns) + 1) - 0.05 * bool(_SHOWN.search(name))
    return 0.0


def classify_activity(activity: str) -> str:
    """Return the kind of event that an activity or state means, or nothing where its name does not tell.

    >>> [classify_activity(a) for a in ("Resolve ticket", "Pending vendor", "Reopen", "Mail to Customer", "Caused by")]
    ['resolved', 'paused', 'reopened', 'reply', '']
    """
    text = re.sub(r"[_\s]+", " ", activity.strip().lower())
    return next((kind for kind, pattern in _ACTIVITIES if re.search(pattern, text)), "")
