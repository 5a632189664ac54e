"""How long what is kept: the configuration's days as instants."""

from __future__ import annotations

from datetime import datetime, timedelta

from state.prune import Cutoffs
from sync.config_service import RetentionConfig

DAYS_A_MONTH = 30.44
"""On average; a month more or less decides nothing."""


def cutoffs(kept: RetentionConfig, now: datetime) -> Cutoffs:
    """Older than these goes. Pure."""
    return Cutoffs(
        inbox=now - timedelta(days=kept.inbox_days),
        dead_letters=now - timedelta(days=kept.dead_letter_days),
        before_images=now - timedelta(days=kept.before_image_days),
        events=now - timedelta(days=kept.event_months * DAYS_A_MONTH),
    )
