"""How the clocks of the well-known systems differ, as data: each preset is a choice of the same options.

The options come from the systems' own documentation, which stands beside each preset. There is one engine; a
preset only fills in what a policy leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Metrics that begin anew with every turn of the conversation.
TURN_METRICS = ("next_response", "pausable_update", "periodic_update")
#: Options of a policy and what each may be; the first is what holds without a preset.
POLICY_OPTIONS: Mapping[str, tuple[str, ...]] = {
    # which row holds: one for the priority before one for any; the first that fits; the first policy that fits
    "match": ("priority", "row", "policy"),
    # a change of priority: keeps the time that has run, starts a new clock, or leaves the target as it was
    "on_change": ("keep", "reset", "fixed"),
    # what follows the end of a cycle: the same clock goes on, a new one starts, or nothing any more
    "cycles": ("continue", "restart", "once"),
    # which version of a policy: that at the creation of the case, or at the last start or change of priority
    "versions": ("creation", "event"),
    # a first response on a case that an agent opened with an internal note: promised from its creation, or from the
    # first public message of the customer on
    "starts": ("creation", "asked"),
}
#: The word in ``pause_on`` for a clock that nothing stops.
NEVER_PAUSED = "never"


@dataclass(frozen=True)
class Preset:
    """Options of one system; ``pause_on`` (statuses, ``never``, or nothing: by event) and ``cycles`` by metric."""

    match: str = "priority"
    on_change: str = "keep"
    cycles: str = "continue"
    versions: str = "creation"
    starts: str = "creation"
    pause_on: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def option(self, name: str, metric: str) -> str:
        """Return what an option is for a metric."""
        if name == "cycles" and metric in TURN_METRICS and self.cycles == "continue":
            return "restart"
        return str(getattr(self, name))


#: Statuses in which a case waits for its customer, and for others, in the words of the systems' own workflows.
_CUSTOMER_STATUSES = (
    "pending,waiting for customer,waiting on customer,awaiting customer,awaiting caller,awaiting user info"
)
_OTHER_STATUSES = "hold,on-hold,on hold,waiting for vendor,awaiting vendor,awaiting problem,awaiting evidence"
_PAUSE_STATUSES = {
    "requester_wait": _CUSTOMER_STATUSES,
    "agent_work": f"{_CUSTOMER_STATUSES},{_OTHER_STATUSES}",
    "pausable_update": _CUSTOMER_STATUSES,
}
_ZENDESK_NEVER_PAUSED = dict.fromkeys(
    ("first_response", "next_response", "resolution", "closing", "periodic_update"), NEVER_PAUSED
)

#: The presets by name; the empty one holds where a policy names none.
PRESETS: Mapping[str, Preset] = {
    "": Preset(pause_on=_PAUSE_STATUSES | {"periodic_update": NEVER_PAUSED}),
    "zendesk": Preset(
        match="policy",
        versions="event",
        starts="asked",
        pause_on=_PAUSE_STATUSES | _ZENDESK_NEVER_PAUSED,
        sources=(
            "https://support.zendesk.com/hc/en-us/articles/4408829459866",  # Defining SLA policies
            "https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-metric-event-types-reference",
        ),
    ),
    "salesforce": Preset(
        match="row",
        cycles="once",
        pause_on=_PAUSE_STATUSES | {"periodic_update": NEVER_PAUSED},
        sources=(
            "https://help.salesforce.com/s/articleView?id=service.entitlements_milestone_sequential_recurrence.htm",
            "https://help.salesforce.com/s/articleView?id=service.entitlements_milestone_adding_sla.htm",
        ),
    ),
    "servicenow": Preset(
        match="row",
        on_change="reset",
        cycles="restart",
        pause_on=_PAUSE_STATUSES | {"periodic_update": NEVER_PAUSED},
        sources=(
            "https://www.servicenow.com/docs/r/yokohama/it-service-management/service-level-management/"
            "t_UseSLARetroactiveStartAndPause.html",
            "https://www.servicenow.com/docs/r/yokohama/it-service-management/service-level-management/c_SLAConditions.html",
        ),
    ),
    "jira": Preset(
        match="row",
        cycles="restart",
        pause_on=_PAUSE_STATUSES | {"periodic_update": NEVER_PAUSED},
        sources=(
            "https://docs.atlassian.com/jira-servicedesk/10.3.2/com/atlassian/servicedesk/api/sla/info/"
            "SlaInformationCompletedCycle.html",
            "https://confluence.atlassian.com/jirakb/"
            "understanding-why-an-sla-is-paused-in-a-jira-service-management-ticket-1271267987.html",
        ),
    ),
}


def preset_option(preset: str, name: str, metric: str) -> str:
    """Return what a preset chooses for an option of a metric.

    Examples
    --------
    >>> preset_option("servicenow", "on_change", "resolution"), preset_option("", "on_change", "resolution")
    ('reset', 'keep')
    >>> preset_option("zendesk", "cycles", "next_response"), preset_option("salesforce", "cycles", "resolution")
    ('restart', 'once')
    """
    chosen = PRESETS[preset]
    if preset == "salesforce" and name == "cycles" and metric in TURN_METRICS:
        return "restart"  # replies and updates are the recurring milestones
    return chosen.option(name, metric)
