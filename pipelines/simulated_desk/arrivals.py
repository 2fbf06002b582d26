"""Who comes to the simulated desk, when and with what: the arrivals, drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .world import (
    ACCOUNT_SHARE,
    ACCOUNTS,
    CHANNELS,
    END_S,
    PRODUCTS,
    REGIONS,
    REPEAT_CONTACTS_PER_CASE,
    SITE_OF_REGION,
    SPAN_DAYS,
    Array,
    KnownEvent,
    daily_rates,
    day_begin,
    days_off,
    intraday_profile,
    known_events,
)

PHONE, CHAT, EMAIL, WEB = range(4)
FAULT, QUESTION, BILLING, CHANGE = range(4)


@dataclass(frozen=True)
class Cases:
    """The cases in order of creation: codes into the lists of the world, times in seconds since the begin.

    ``before`` is the position of the case of which this is a repeat contact, -1 for none; ``hurt`` tells that the
    account has lost its experienced agent.
    """

    at: Array
    channel: Array
    product: Array
    region: Array
    type: Array
    priority: Array
    customer: Array
    account: Array
    before: Array
    lost_agent: Array

    @property
    def site(self) -> Array:
        """Site that looks after the case."""
        return SITE_OF_REGION[self.region]

    def __len__(self) -> int:
        return len(self.at)


def draw_cases(n: int, rng: np.random.Generator) -> Cases:
    """Draw exactly ``n`` cases: independent ones from the rates of the world, and their repeat contacts."""
    first = _independent(n, rng)
    customers = max(20, n // 3)
    blocks = np.concatenate([[0], np.cumsum(_even_blocks(customers))])
    region = first["region"]
    width = blocks[region + 1] - blocks[region]
    first["customer"] = blocks[region] + (width * rng.random(len(region)) ** 1.3).astype(np.int64)
    account_of = rng.choice(len(ACCOUNTS), size=customers, p=ACCOUNT_SHARE)
    first["type"] = _types(first, rng)
    first["before"] = np.full(len(region), -1)
    every = _with_repeats(first, account_of, rng)
    kept = _exactly(every, n, rng)
    chosen = {name: values[kept] for name, values in every.items()}
    position = np.full(len(every["at"]), -1)
    position[kept] = np.arange(n)
    chosen["before"] = np.where(chosen["before"] >= 0, position[chosen["before"]], -1)
    return _ordered(chosen, account_of, rng)


def _even_blocks(customers: int) -> Array:
    parts = np.full(len(REGIONS), customers // len(REGIONS))
    parts[0] += customers - parts.sum()
    return parts


def _independent(n: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draw the cases that follow from no other: a few more than can be needed."""
    noise = np.exp(_daily_noise(rng) - 0.0015)
    wanted = n * 1.04 + 8 * np.sqrt(n) + 60
    rates = daily_rates(noise) * wanted
    at, cell = _scatter(rng.poisson(rates), rng)
    for kind in ("outage", "product_fault"):
        event = known_events()[kind]
        extra_at, extra = _scatter(rng.poisson(rates * (event.size - 1) * _inside_segment(event)), rng)
        within = (extra_at >= event.start_s) & (extra_at < event.end_s)
        at, cell = np.concatenate([at, extra_at[within]]), np.concatenate([cell, extra[:, within]], axis=1)
    at, channel = _break_form(at, cell[0], cell[2], rng)
    seen = (channel >= 0) & (at >= 0) & (at < END_S)
    return {"at": at[seen], "channel": channel[seen], "product": cell[1][seen], "region": cell[2][seen]}


def _daily_noise(rng: np.random.Generator) -> Array:
    """Daily noise of the level that lasts for some days, standard deviation about 5 %."""
    steps = rng.normal(0, 0.04, SPAN_DAYS)
    level = np.empty(SPAN_DAYS)
    level[0] = steps[0]
    for day in range(1, SPAN_DAYS):
        level[day] = 0.6 * level[day - 1] + steps[day]
    return np.asarray(level)


def _inside_segment(event: KnownEvent) -> Array:
    mask = np.zeros((len(CHANNELS), len(PRODUCTS), len(REGIONS)))
    region = REGIONS.index(event.segment["region"]) if "region" in event.segment else slice(None)
    mask[:, PRODUCTS.index(event.segment["product"]), region] = 1
    return mask


def _scatter(counts: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Turn counts per day and cell into instants by the profile of the day; return them with their cells."""
    where = np.nonzero(counts)
    day, *cell = (np.repeat(w, counts[where]) for w in where)
    codes = np.array(cell)
    return draw_times(day, codes[0], codes[2], rng), codes


def draw_times(
    day: Array, channel: Array, region: Array, rng: np.random.Generator, profile: Array | None = None
) -> Array:
    """Draw whole seconds since the begin on the given local days, by the profile of cases or another one."""
    shares = np.cumsum(intraday_profile() if profile is None else profile, axis=2)
    weekend = (day % 7 >= 5).astype(np.int64)
    at = np.empty(len(day), dtype=np.int64)
    for c in range(len(CHANNELS)):
        for w in range(2):
            rows = np.flatnonzero((channel == c) & (weekend == w))
            slot = np.minimum(np.searchsorted(shares[c, w], rng.random(len(rows)), side="right"), 47)
            at[rows] = slot * 1800 + rng.integers(0, 1800, len(rows))
    begins = np.array([day_begin(0), day_begin(1)])
    return np.asarray(at + begins[SITE_OF_REGION[region], day])


def _break_form(at: Array, channel: Array, region: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Lose the web cases of the broken form: a quarter calls, a quarter writes, the rest never comes (-1)."""
    event = known_events()["broken_form"]
    lost = (channel == WEB) & (at >= event.start_s) & (at < event.end_s) & (rng.random(len(at)) >= event.size)
    luck = rng.random(len(at))
    instead = np.where(luck < 0.25, PHONE, np.where(luck < 0.5, EMAIL, -1))
    instead[(instead == PHONE) & ~is_phone_open(at, region)] = EMAIL
    return at, np.where(lost, instead, channel)


def local_day(at: Array, region: Array) -> Array:
    """Return the number of the region's local day at those instants."""
    begins = np.array([day_begin(0), day_begin(1)])
    site = SITE_OF_REGION[region]
    day = np.where(
        site == 0,
        np.searchsorted(begins[0], at, side="right"),
        np.searchsorted(begins[1], at, side="right"),
    )
    return np.asarray(np.clip(day - 1, 0, SPAN_DAYS - 1))


def is_phone_open(at: Array, region: Array) -> Array:
    """Return whether phone and chat are open for the region at those instants."""
    day = local_day(at, region)
    site = SITE_OF_REGION[region]
    second = at - np.array([day_begin(0), day_begin(1)])[site, day]
    slot = np.clip(second // 1800, 0, 47)
    profile = intraday_profile()[PHONE, (day % 7 >= 5).astype(np.int64), slot]
    return np.asarray((profile > 0) & (day % 7 < 6) & ~days_off()[site, day])


def _types(cases: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw what the case is about: more billing after paydays, faults in the outage and in the product fault."""
    day = local_day(cases["at"], cases["region"]) % 30
    billing = np.where(day < 4, 0.26, 0.17)
    edges = np.cumsum([np.full(len(day), 0.38), np.full(len(day), 0.30), billing], axis=0)
    kind: Array = (rng.random(len(day)) > edges).sum(axis=0)
    for name in ("outage", "product_fault"):
        event = known_events()[name]
        inside = (cases["at"] >= event.start_s) & (cases["at"] < event.end_s)
        inside &= cases["product"] == PRODUCTS.index(event.segment["product"])
        if "region" in event.segment:
            inside &= cases["region"] == REGIONS.index(event.segment["region"])
        kind = np.where(inside & (rng.random(len(day)) < 1 - 1 / event.size), FAULT, kind).astype(np.int64)
    return kind


def has_lost_agent(at: Array, account: Array) -> Array:
    """Return whether the account had lost its experienced agent by then."""
    event = known_events()["agent_leaves"]
    return np.asarray((at >= event.start_s) & (account == ACCOUNTS.index(event.segment["account"])))


def _with_repeats(first: dict[str, Array], account_of: Array, rng: np.random.Generator) -> dict[str, Array]:
    """Append the repeat contacts: same customer, product and mostly type, some days later, up to three in a row."""
    first["tree"] = np.arange(len(first["at"]))
    generations, parents, offset = [first], first, 0
    size = known_events()["agent_leaves"].size
    for _ in range(3):
        hurt = has_lost_agent(parents["at"], account_of[parents["customer"]])
        chance = (
            REPEAT_CONTACTS_PER_CASE * np.array([1.25, 0.85, 1.0, 0.7])[parents["type"]] * np.where(hurt, size, 0.92)
        )
        again = np.flatnonzero(rng.random(len(hurt)) < chance)
        child = {name: values[again] for name, values in parents.items()}
        child["before"] = again + offset
        child["channel"] = np.where(rng.random(len(again)) < 0.35, PHONE, child["channel"])
        other = rng.random(len(again)) < 0.2
        child["type"] = np.where(other, rng.integers(0, 4, len(again)), child["type"])
        child["at"] = _later(child, rng)
        inside = child["at"] < END_S
        child = {name: values[inside] for name, values in child.items()}
        offset += len(parents["at"])
        generations.append(child)
        parents = child
    return {name: np.concatenate([g[name] for g in generations]) for name in first}


def _later(child: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw when a repeat contact comes: one to some days later, on a day on which the channel is open."""
    delay = np.ceil(rng.lognormal(np.log(2.6), 0.75, len(child["at"]))).astype(np.int64)
    day = local_day(child["at"], child["region"]) + delay
    site, spoken = SITE_OF_REGION[child["region"]], child["channel"] <= CHAT
    shut = days_off() | (np.arange(SPAN_DAYS) % 7 == 6)
    for _ in range(4):
        inside = np.minimum(day, SPAN_DAYS - 1)
        day = np.where(spoken & shut[site, inside], day + 1, day)
    late = day >= SPAN_DAYS
    at = draw_times(np.minimum(day, SPAN_DAYS - 1), child["channel"], child["region"], rng)
    return np.where(late, END_S, at)


def _exactly(every: dict[str, Array], n: int, rng: np.random.Generator) -> Array:
    """Choose whole families of cases at random until there are exactly ``n``; the last one may lose its youngest."""
    tree = every["tree"]
    families = int(tree.max()) + 1
    turn = rng.permutation(families)[tree]
    order = np.lexsort((np.arange(len(tree)), turn))
    return np.asarray(np.sort(order[:n]))


def _ordered(cases: dict[str, Array], account_of: Array, rng: np.random.Generator) -> Cases:
    order = np.argsort(cases["at"], kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    cases = {name: values[order] for name, values in cases.items()}
    before = np.where(cases["before"] >= 0, rank[cases["before"]], -1)
    account = account_of[cases["customer"]]
    return Cases(
        at=cases["at"],
        channel=cases["channel"],
        product=cases["product"],
        region=cases["region"],
        type=cases["type"],
        priority=_priorities(cases["type"], before >= 0, rng),
        customer=cases["customer"],
        account=account,
        before=before,
        lost_agent=has_lost_agent(cases["at"], account),
    )


def _priorities(kind: Array, repeated: Array, rng: np.random.Generator) -> Array:
    """Draw 1 (most urgent) to 4: faults and repeated contacts are more urgent."""
    urgency = rng.random(len(kind)) - np.where(kind == FAULT, 0.12, 0.0) - np.where(repeated, 0.08, 0.0)
    return np.asarray(1 + np.searchsorted(np.array([0.02, 0.18, 0.62]), urgency, side="right"))
