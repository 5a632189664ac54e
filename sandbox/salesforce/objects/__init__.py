"""The standard objects of the org, as a Developer Edition describes them."""

from __future__ import annotations

from sandbox.salesforce.fields import ObjectType
from sandbox.salesforce.objects import activity, people, platform, sales


def standard_objects() -> dict[str, ObjectType]:
    """Fresh copies of every object, by name: each org may add and drop fields of its own."""
    kinds = (*people.objects(), *sales.objects(), *activity.objects(), *platform.objects())
    return {kind.name: kind for kind in kinds}
