"""Keyed hashes of what people are known by. Pure.

A tombstone is an HMAC-SHA256: without the key, which is never in the state, nobody can tell whose
it is, nor find out by trying addresses. E-mail addresses are hashed in their canonical form (the
one matching uses), so that another spelling of the same mailbox is known. A telephone number alone
may be a switchboard's: it is hashed with the name of who had it, as matching takes it for evidence
only where the names agree. Addresses of a desk (info@) are nobody's and are not hashed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from mappings.records import RecordRef
from matching.contact_points import email as canonical_email
from matching.normalise import Person

KEY_BYTES = 32
KEY_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Seal:
    """The key, and what it makes of things. `key_id` tells keys apart without telling the key."""

    key: bytes

    @property
    def key_id(self) -> str:
        """Twelve hexadecimal digits that are the key's own."""
        return self._digest("key", "id")[:KEY_ID_LENGTH]

    def of_id(self, ref: RecordRef) -> str:
        """The digest of a vendor record's id."""
        return self._digest("id", str(ref))

    def of_email(self, address: str) -> str | None:
        """The digest of an address; None for one that is nobody's."""
        found = canonical_email(address)
        if found is None or found.role:
            return None
        return self._digest("email", found.key)

    def of_person(self, person: Person) -> Iterator[str]:
        """Digests of a person's addresses, and of their numbers with their name."""
        for key in person.emails:
            yield self._digest("email", key)
        yield from self.of_numbers(person)

    def of_numbers(self, person: Person) -> Iterator[str]:
        """Digests of a person's numbers with their name; none where either is missing."""
        if not person.family or not person.given:
            return
        for number in person.phones:
            yield self._digest("phone", f"{number}|{person.family}|{person.given}")

    def _digest(self, kind: str, text: str) -> str:
        return hmac.digest(self.key, f"{kind}:{text}".encode(), hashlib.sha256).hex()
