"""What a profile takes over from another, and from the file's `[defaults]`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from wireswarm.profiles.model import Profile
from wireswarm.profiles.values import did_you_mean, dotted
from wireswarm.thresholds import merge_thresholds

PLANS: Final = ("stages", "shape", "arrival_rate")
"""Keys that say how much load there is when: one of them stands for all."""

_OWN: Final = {"name", "description", "extends"}


def superseded(base: Profile, given: Collection[str], *, rates: bool) -> set[str]:
    """The keys of a profile that mean nothing beside others that go before them.

    A plan of its own takes the place of another plan; stages and shapes also of a run time, and, where they are of
    users, of the number of users. A number of users takes the place of stages and shapes of users.

    Args:
        base: the profile.
        given: the keys that go before it.
        rates: whether the plan among those is of arrivals, which need users to take them.
    """
    gone: set[str] = set()
    if not set(PLANS).isdisjoint(given):
        gone |= set(PLANS)
        if "arrival_rate" not in given:
            gone |= {"run_time"} if rates else {"run_time", "users", "spawn_rate"}
    elif "users" in given and base.plan is not None and not base.plan.is_rate:
        gone |= {"stages", "shape"}
    return gone - set(given)


def inherit(base: Profile, own: Profile) -> Profile:
    """A profile, with what it does not speak about from another.

    Tables are merged, all else is replaced, and so is `data`: what it says goes together, and is about one file.
    """
    given = {field.name for field in dataclasses.fields(own) if getattr(own, field.name) is not None}
    gone = superseded(base, given, rates=own.plan is not None and own.plan.is_rate)
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(base):
        name = field.name
        value, other = getattr(own, name), getattr(base, name)
        if other is None or name in gone or name in _OWN:
            continue
        if value is None:
            changes[name] = other
        elif name == "thresholds":
            changes[name] = merge_thresholds(other, value)
        elif isinstance(value, Mapping) and name != "data":
            changes[name] = MappingProxyType({**other, **value})
    return dataclasses.replace(own, **changes)


def contradictions(way: Sequence[str], profile: Profile) -> list[str]:
    """Keys of one table that do not go together."""
    given = [name for name in PLANS if getattr(profile, name) is not None]
    if len(given) > 1:
        return [f"{dotted(*way, given[1])}: found beside {given[0]}; allowed: one of {', '.join(PLANS)}"]
    if profile.plan is not None and not profile.plan.is_rate and profile.users is not None:
        return [
            f"{dotted(*way, 'users')}: found beside {given[0]}, which says how many users there are; "
            "allowed: one of them"
        ]
    return []


def resolve(defaults: Profile, profiles: Mapping[str, Profile], problems: list[str]) -> dict[str, Profile]:
    """Every profile with what it extends, and the defaults below that.

    What is wrong with `extends` is appended to `problems`.
    """
    resolved: dict[str, Profile] = {}
    for name in profiles:
        _resolve(name, defaults, profiles, resolved, problems)
    return {name: resolved[name] for name in profiles}


def _resolve(
    name: str,
    defaults: Profile,
    profiles: Mapping[str, Profile],
    resolved: dict[str, Profile],
    problems: list[str],
) -> None:
    # From the profile to its last ancestor, then back, so that a long chain needs no deep stack.
    chain: list[str] = []
    while name not in resolved:
        if name in chain:
            circle = chain[chain.index(name) :]
            told = " → ".join([*circle, name])
            problems.append(f"{dotted('profiles', circle[0], 'extends')}: found a circle, {told}; allowed: no circle")
            resolved |= {one: profiles[one] for one in chain}
            return
        chain.append(name)
        parent = profiles[name].extends
        if parent is None:
            break
        if parent not in profiles:
            others = [other for other in profiles if other != name]
            found = f"found no profile {dotted(parent)}{did_you_mean(parent, others)}"
            allowed = ", ".join(others) or "nothing, because there is no other profile"
            problems.append(f"{dotted('profiles', name, 'extends')}: {found}; allowed: {allowed}")
            break
        name = parent
    for one in reversed(chain):
        parent = profiles[one].extends
        resolved[one] = inherit(resolved.get(parent or "", defaults), profiles[one])
