"""Deal pipelines and owners: small reference data every account has.

The default pipeline and its stages are HubSpot's own defaults [K]; stage metadata holds strings
(FACTS section 2, Deals).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.errors import not_found
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
    """Pipelines per object type."""

    def __init__(self, *, at: int) -> None:
        self._at = at
        self._pipelines: dict[str, dict[str, dict[str, Any]]] = {
            "deals": {"default": self._pipeline("default", "Sales Pipeline", DEFAULT_STAGES)}
        }

    def has(self, object_type: str, pipeline_id: str) -> bool:
        """Whether there is such a pipeline."""
        return pipeline_id in self._pipelines.get(object_type, {})

    def of(self, object_type: str) -> list[dict[str, Any]]:
        """The pipelines of an object type in the API's shape."""
        return [*self._pipelines.get(object_type, {}).values()]

    def read(self, object_type: str, pipeline_id: str) -> dict[str, Any]:
        """One pipeline, or 404."""
        found = self._pipelines.get(object_type, {}).get(pipeline_id)
        if found is None:
            raise not_found(f"Unable to find a pipeline with id {pipeline_id}")
        return found

    def stage(self, pipeline_id: str, stage_id: str) -> tuple[float, bool] | None:
        """(probability, closed) of a deal stage, None when there is no such stage."""
        pipeline = self._pipelines["deals"].get(pipeline_id)
        for stage in pipeline["stages"] if pipeline else ():
            if stage["id"] == stage_id:
                metadata = stage["metadata"]
                return float(metadata["probability"]), metadata["isClosed"] == "true"
        return None

    def add(
        self, pipeline_id: str, label: str, stages: tuple[tuple[str, str, float, bool], ...]
    ) -> None:
        """Add a deal pipeline of (id, label, probability, closed) stages."""
        self._pipelines["deals"][pipeline_id] = self._pipeline(pipeline_id, label, stages)

    def _pipeline(
        self, pipeline_id: str, label: str, stages: tuple[tuple[str, str, float, bool], ...]
    ) -> dict[str, Any]:
        times = {"createdAt": shown(iso(self._at)), "updatedAt": shown(iso(self._at))}
        return {
            "id": pipeline_id,
            "label": label,
            "displayOrder": 0,
            "archived": False,
            **times,
            "stages": [
                {
                    "id": stage_id,
                    "label": name,
                    "displayOrder": order,
                    "metadata": {
                        "isClosed": "true" if closed else "false",
                        "probability": str(probability),
                    },
                    "archived": False,
                    "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                    **times,
                }
                for order, (stage_id, name, probability, closed) in enumerate(stages)
            ],
        }
