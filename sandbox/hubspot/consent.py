"""Who may be written to: subscription types and each address's answers.

State belongs to the e-mail address, with or without a contact, and outlives the contact. The two
API versions see one state: v3 knows SUBSCRIBED and NOT_SUBSCRIBED and cannot resubscribe somebody
who opted out; v4 knows NOT_SPECIFIED as well and can (FACTS section 2, Consent).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot.errors import not_found, validation
from sandbox.hubspot.times import iso, shown


@dataclass(frozen=True)
class SubscriptionType:
    """One kind of mail a person may take or refuse."""

    id: int
    name: str
    description: str
    purpose: str = "Marketing"
    method: str = "Email"


DEFAULT_TYPES = (
    SubscriptionType(9714480, "Marketing Information", "Offers, events and news about us."),
    SubscriptionType(9714481, "Customer Service Communication", "Answers and service notices.",
                     "Service"),
    SubscriptionType(9714482, "One to One", "Letters from a salesperson.", "Sales"),
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One address's answer about one type."""

    subscribed: bool
    at: int
    legal_basis: str | None = None
    explanation: str | None = None
    source: str = "PUBLIC_API"


@dataclass
class _Address:
    answers: dict[int, Answer] = field(default_factory=dict)
    opted_out_at: int | None = None


class Consent:
    """Every address's answers."""

    def __init__(self, *, at: int) -> None:
        self.types = {each.id: each for each in DEFAULT_TYPES}
        self._since = at
        self._addresses: dict[str, _Address] = {}

    def type(self, subscription_id: object) -> SubscriptionType:
        """A subscription type by id (number or digits), or 404."""
        try:
            return self.types[int(str(subscription_id))]
        except (KeyError, ValueError):
            raise not_found(f"No subscription definition with ID {subscription_id}") from None

    def opted_out(self, email: str) -> int | None:
        """When the address opted out of all mail, None if it did not."""
        found = self._addresses.get(email.lower())
        return found.opted_out_at if found else None

    def answer(self, email: str, subscription_id: int) -> Answer | None:
        """The address's own answer about a type, None if it never gave one."""
        found = self._addresses.get(email.lower())
        return found.answers.get(subscription_id) if found else None

    def opt_out_all(self, email: str, *, at: int) -> bool:
        """Refuse all mail; whether that changed anything."""
        state = self._addresses.setdefault(email.lower(), _Address())
        changed = state.opted_out_at is None
        if changed:
            state.opted_out_at = at
        return changed

    def set(self, email: str, subscription_id: int, answer: Answer) -> bool:
        """Note an answer; whether it changed anything.

        Taking one type again after refusing all mail lifts that refusal and leaves the other
        types refused one by one (assumed).
        """
        state = self._addresses.setdefault(email.lower(), _Address())
        before = state.answers.get(subscription_id)
        lifted = answer.subscribed and state.opted_out_at is not None
        if lifted:
            state.opted_out_at = None
            for other in self.types:
                state.answers[other] = Answer(subscribed=False, at=answer.at)
        state.answers[subscription_id] = answer
        return lifted or before is None or before.subscribed != answer.subscribed

    def lift(self, email: str, *, at: int) -> bool:
        """Take all mail again, as a person can in the preference centre; whether it changed."""
        state = self._addresses.get(email.lower())
        if state is None or state.opted_out_at is None:
            return False
        state.opted_out_at = None
        return True

    def properties(self, email: str) -> dict[str, str]:
        """The contact properties that follow from the address's answers."""
        state = self._addresses.get(email.lower())
        if state is None:
            return {}
        values = {
            f"hs_email_optout_{number}": "false" if answer.subscribed else "true"
            for number, answer in state.answers.items()
        }
        values["hs_email_optout"] = "true" if state.opted_out_at is not None else "false"
        return values

    # --- as the two API versions show it -----------------------------------------------------

    def definitions(self) -> list[dict[str, Any]]:
        """The subscription definitions."""
        return [
            {
                "id": str(each.id),
                "name": each.name,
                "description": each.description,
                "purpose": each.purpose,
                "communicationMethod": each.method,
                "isActive": True,
                "isDefault": True,
                "isInternal": each.purpose == "Sales",
                "createdAt": shown(iso(self._since)),
                "updatedAt": shown(iso(self._since)),
            }
            for each in self.types.values()
        ]

    def v3_status(self, email: str, kind: SubscriptionType) -> dict[str, Any]:
        """One entry of `subscriptionStatuses`; an unspecified one is NOT_SUBSCRIBED (assumed)."""
        answer = self.answer(email, kind.id)
        wide = self.opted_out(email) is not None
        subscribed = not wide and answer is not None and answer.subscribed
        return {
            "id": str(kind.id),
            "name": kind.name,
            "description": kind.description,
            "status": "SUBSCRIBED" if subscribed else "NOT_SUBSCRIBED",
            "sourceOfStatus": "PORTAL_WIDE_STATUS" if wide else "SUBSCRIPTION_STATUS",
            "brandId": None,
            "preferenceGroupName": None,
            "legalBasis": answer.legal_basis if answer else None,
            "legalBasisExplanation": answer.explanation if answer else None,
        }

    def v4_status(self, email: str, kind: SubscriptionType, *, now: int) -> dict[str, Any]:
        """One v4 status of an address about a type."""
        answer = self.answer(email, kind.id)
        wide = self.opted_out(email)
        if wide is not None:
            status, at = "UNSUBSCRIBED", wide
        elif answer is None:
            status, at = "NOT_SPECIFIED", now
        else:
            status, at = "SUBSCRIBED" if answer.subscribed else "UNSUBSCRIBED", answer.at
        body: dict[str, Any] = {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "subscriptionId": kind.id,
            "subscriptionName": kind.name,
            "status": status,
            "source": answer.source if answer else "",
            "timestamp": shown(iso(at)),
            "businessUnitId": 0,
        }
        if answer and answer.legal_basis:
            body["legalBasis"] = answer.legal_basis
            body["legalBasisExplanation"] = answer.explanation
        return body

    def v4_wide(self, email: str) -> list[dict[str, Any]]:
        """The refusal of all mail as v4 lists it; empty when there is none [D]."""
        at = self.opted_out(email)
        if at is None:
            return []
        return [
            {
                "channel": "EMAIL",
                "status": "UNSUBSCRIBED",
                "subscriberIdString": email,
                "timestamp": shown(iso(at)),
                "wideStatusType": "PORTAL_WIDE",
                "businessUnitId": 0,
            }
        ]

    def check_v3_subscribe(self, email: str, kind: SubscriptionType) -> None:
        """Refuse what v3 cannot do: resubscribing a person who opted out."""
        answer = self.answer(email, kind.id)
        if self.opted_out(email) is not None or (answer and not answer.subscribed):
            raise validation(
                f"Subscription {kind.id} for {email} cannot be updated because they have "
                "unsubscribed"
            )
