"""Pipelines of deals and tickets, and owners: small reference data every account has.

The default pipelines and their stages are HubSpot's own defaults [K]; stage metadata holds strings
(FACTS section 2, Deals): `isClosed` and `probability` for deals, `ticketState` for tickets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.errors import integer_in, not_found, object_in, objects_in, validation
from sandbox.hubspot.times import iso, shown

DEFAULT_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", 0.2, False),
    ("qualifiedtobuy", "Qualified To Buy", 0.4, False),
    ("presentationscheduled", "Presentation Scheduled", 0.6, False),
    ("decisionmakerboughtin", "Decision Maker Bought-In", 0.8, False),
    ("contractsent", "Contract Sent", 0.9, False),
    ("closedwon", "Closed Won", 1.0, True),
    ("closedlost", "Closed Lost", 0.0, True),
)
TICKET_STAGES = (
    ("1", "New", False),
    ("2", "Waiting on contact", False),
    ("3", "Waiting on us", False),
    ("4", "Closed", True),
)
STAGE_PROPERTIES = {
    "deals": ("pipeline", "dealstage", "default"),
    "tickets": ("hs_pipeline", "hs_pipeline_stage", "0"),
}
"""Per object type with pipelines: its two properties, and the pipeline of a record that names
none.
"""

Stage = dict[str, Any]
Pipeline = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """A user who may own records; `id` is not `userId` (FACTS section 2)."""

    id: int
    user_id: int
    email: str
    first: str
    last: str
    created: int
    archived: bool = False

    def body(self) -> dict[str, Any]:
        """As `/crm/v3/owners` shows it."""
        return {
            "id": str(self.id),
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first,
            "lastName": self.last,
            "userId": self.user_id,
            "userIdIncludingInactive": self.user_id,
            "createdAt": shown(iso(self.created)),
            "updatedAt": shown(iso(self.created)),
            "archived": self.archived,
        }


class Pipelines:
    """Pipelines per object type. `mint` gives ids to those that are made without one."""

    def __init__(self, *, at: int, mint: Callable[[], int]) -> None:
        self._mint = mint
        self._pipelines: dict[str, dict[str, Pipeline]] = {"deals": {}, "tickets": {}}
        self.add("default", "Sales Pipeline", DEFAULT_STAGES, at=at)
        tickets = [
            (key, label, {"ticketState": "CLOSED" if closed else "OPEN"})
            for key, label, closed in TICKET_STAGES
        ]
        self._put("tickets", "0", "Support Pipeline", tickets, at=at)

    def has(self, object_type: str, pipeline_id: str) -> bool:
        """Whether there is such a pipeline."""
        return pipeline_id in self._pipelines.get(object_type, {})

    def of(self, object_type: str) -> list[Pipeline]:
        """The pipelines of an object type in the API's shape."""
        return [*self._pipelines.get(object_type, {}).values()]

    def read(self, object_type: str, pipeline_id: str) -> Pipeline:
        """One pipeline, or 404."""
        found = self._pipelines.get(object_type, {}).get(pipeline_id)
        if found is None:
            raise not_found(f"Unable to find a pipeline with id {pipeline_id}")
        return found

    def read_stage(self, object_type: str, pipeline_id: str, stage_id: str) -> Stage:
        """One stage, or 404."""
        for stage in self.read(object_type, pipeline_id)["stages"]:
            if stage["id"] == stage_id:
                found: Stage = stage
                return found
        raise not_found(f"Unable to find a pipeline stage with id {stage_id}")

    def stage(self, pipeline_id: str, stage_id: str) -> tuple[float, bool] | None:
        """(probability, closed) of a deal stage, None when there is no such stage."""
        pipeline = self._pipelines["deals"].get(pipeline_id)
        for stage in pipeline["stages"] if pipeline else ():
            if stage["id"] == stage_id:
                metadata = stage["metadata"]
                return float(metadata["probability"]), metadata["isClosed"] == "true"
        return None

    def has_stage(self, object_type: str, pipeline_id: str, stage_id: str) -> bool:
        """Whether a pipeline has this stage."""
        pipeline = self._pipelines[object_type].get(pipeline_id)
        return pipeline is not None and any(one["id"] == stage_id for one in pipeline["stages"])

    def add(
        self,
        pipeline_id: str,
        label: str,
        stages: tuple[tuple[str, str, float, bool], ...],
        *,
        at: int,
    ) -> None:
        """Add a deal pipeline of (id, label, probability, closed) stages."""
        shaped = [
            (key, name, {"isClosed": str(closed).lower(), "probability": str(probability)})
            for key, name, probability, closed in stages
        ]
        self._put("deals", pipeline_id, label, shaped, at=at)

    def create(self, object_type: str, body: Mapping[str, Any], *, at: int) -> Pipeline:
        """Add a pipeline from the API's JSON; it needs a label and stages."""
        if object_type not in self._pipelines:
            raise validation(f"Object type {object_type} has no pipelines.")
        label, stages = body.get("label"), objects_in(body, "stages")
        if not isinstance(label, str) or not label or "stages" not in body:
            raise validation("Invalid input JSON: some required fields were not set: [label]")
        key = str(body.get("pipelineId") or self._mint())
        shaped = [self._parsed(object_type, stage) for stage in stages]
        made = self._put(object_type, key, label, shaped, at=at)
        made["displayOrder"] = integer_in(body, "displayOrder", 0)
        return made

    def change(
        self, object_type: str, pipeline_id: str, body: Mapping[str, Any], *, at: int
    ) -> Pipeline:
        """Change a pipeline's label, order or, where given, all of its stages."""
        found = self.read(object_type, pipeline_id)
        found.update({key: body[key] for key in ("label", "displayOrder") if key in body})
        if "stages" in body:
            shaped = [self._parsed(object_type, one) for one in objects_in(body, "stages")]
            found["stages"] = _stages(shaped, at)
        found["updatedAt"] = shown(iso(at))
        return found

    def remove(self, object_type: str, pipeline_id: str) -> None:
        """Delete a pipeline, or 404."""
        self.read(object_type, pipeline_id)
        del self._pipelines[object_type][pipeline_id]

    def create_stage(
        self, object_type: str, pipeline_id: str, body: Mapping[str, Any], *, at: int
    ) -> Stage:
        """Add a stage at its display order, or at the end."""
        pipeline = self.read(object_type, pipeline_id)
        made = _stages([self._parsed(object_type, body)], at)[0]
        made["displayOrder"] = integer_in(body, "displayOrder", len(pipeline["stages"]))
        pipeline["stages"] = sorted(
            [*pipeline["stages"], made], key=lambda one: one["displayOrder"]
        )
        return made

    def change_stage(
        self, object_type: str, ids: tuple[str, str], body: Mapping[str, Any], *, at: int
    ) -> Stage:
        """Change the label, order or metadata of a stage; `ids` are the pipeline's and its own."""
        found = self.read_stage(object_type, *ids)
        found.update({key: body[key] for key in ("label", "displayOrder") if key in body})
        if "metadata" in body:
            found["metadata"] = {**found["metadata"], **_texts(object_in(body, "metadata"))}
        found["updatedAt"] = shown(iso(at))
        return found

    def remove_stage(self, object_type: str, pipeline_id: str, stage_id: str) -> None:
        """Delete a stage, or 404."""
        stage = self.read_stage(object_type, pipeline_id, stage_id)
        self._pipelines[object_type][pipeline_id]["stages"].remove(stage)

    def _parsed(self, object_type: str, body: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
        label, metadata = body.get("label"), _texts(object_in(body, "metadata"))
        if not isinstance(label, str) or not label:
            raise validation("Invalid input JSON: some required fields were not set: [label]")
        if object_type == "deals":
            metadata = _deal_metadata(metadata)
        else:
            metadata = {"ticketState": metadata.get("ticketState", "OPEN")}
        return str(body.get("stageId") or self._mint()), label, metadata

    def _put(
        self,
        object_type: str,
        pipeline_id: str,
        label: str,
        stages: list[tuple[str, str, dict[str, str]]],
        *,
        at: int,
    ) -> Pipeline:
        made: Pipeline = {
            "id": pipeline_id,
            "label": label,
            "displayOrder": 0,
            "archived": False,
            **_times(at),
            "stages": _stages(stages, at),
        }
        self._pipelines[object_type][pipeline_id] = made
        return made


def _deal_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """A deal stage needs a probability of 0 to 1; it is closed where that is certain [D]."""
    try:
        probability = float(metadata["probability"])
    except (KeyError, ValueError):
        raise validation("Deal stage metadata must include a probability.") from None
    if not 0 <= probability <= 1:
        raise validation("The probability of a deal stage must be between 0.0 and 1.0.")
    closed = metadata.get("isClosed", str(probability in {0.0, 1.0}).lower())
    return {"isClosed": closed, "probability": str(probability)}


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in metadata.items()
    }


def _stages(stages: list[tuple[str, str, dict[str, str]]], at: int) -> list[Stage]:
    return [
        {
            "id": stage_id,
            "label": label,
            "displayOrder": order,
            "metadata": metadata,
            "archived": False,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            **_times(at),
        }
        for order, (stage_id, label, metadata) in enumerate(stages)
    ]


def _times(at: int) -> dict[str, str]:
    return {"createdAt": shown(iso(at)), "updatedAt": shown(iso(at))}
