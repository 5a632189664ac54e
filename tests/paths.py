"""Where the tests find reference material that lives beside the repository, when it is there."""

from __future__ import annotations

from pathlib import Path

_CANDIDATE = Path(__file__).resolve().parents[2] / "shared"

SHARED: Path | None = _CANDIDATE if _CANDIDATE.is_dir() else None
"""Recordings and labelled data beside the checkout; None where they are absent (tests skip)."""
