"""Addresses that stand for none are blanks wherever they turn up."""

from __future__ import annotations

import pytest

from mappings.placeholders import is_placeholder_email


@pytest.mark.parametrize(
    "address", ["test@test.com", "na@na.com", " NoEmail@noemail.com", "none+x@acme.example", ""]
)
def test_made_up_addresses_are_blanks(address: str) -> None:
    """What people type to get past a form is no address."""
    assert is_placeholder_email(address) is (address != "")


@pytest.mark.parametrize(
    "address", ["acme@acme.com", "ada@example.com", "info@acme.com", "n.a.jones@acme.com"]
)
def test_real_addresses_are_values(address: str) -> None:
    """A firm's own name, a desk and an unusual name are addresses like any other."""
    assert not is_placeholder_email(address)
