"""Crash points that a harness has never killed at, each with the reason.

In a town of `tests.laws` (`kills`, `crashes`) there is neither a lifecycle contract nor a
config.yaml; in the days of `tests.acceptance` there is both, and nobody who decides, undoes or is
erased.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sync.crash import CRASHPOINTS

_PROCESS = "only a process with a config.yaml passes it (acceptance)"
_CONTRACT = "passed under a lifecycle contract (acceptance, tests/sync/test_hand_over.py)"
_ERASURE = "no law can ask about somebody erased (tests/sync/test_erasure.py)"
_NATIVE = "passed beside HubSpot's own integration (tests/sync/test_native_links.py)"
_MODEL = "a model needs a hundred people (tests/laws/test_every_crash_point.py)"
_DECIDED = "a person's decision, undo or change of the mapping (crashes)"
_FIRST = "passed by the first command on a state (tests/sync/test_killed_commands.py)"
_DRIFT = "passed where a field has been away (tests/sync/test_drift.py)"

Reasons = Mapping[str, str]
_ERASING = ("after_tombstones", "after_listed", "after_removed", "after_vendors")
IN_A_TOWN: Reasons = {
    **dict.fromkeys(("after_alerts", "after_bind", "after_claim", "after_command"), _PROCESS),
    **dict.fromkeys(("after_mailing_claim", "after_mailing"), _PROCESS),
    **dict.fromkeys(("after_advance", "before_notice", "notice_sent", "after_notice"), _CONTRACT),
    **dict.fromkeys(_ERASING, _ERASURE),
    "after_named": _NATIVE,
    "after_model": _MODEL,
    "after_catch_up": _DRIFT,
}
"""Points no town passes."""
IN_A_FORK: Reasons = {
    **IN_A_TOWN,
    **dict.fromkeys(("after_approval", "after_take_up", "after_reread", "after_queue"), _DECIDED),
    **dict.fromkeys(("after_undo", "after_discard"), _DECIDED),
}
"""Points no forked run of a town passes (`kills`): it is a plain run, a replay or a review."""
IN_SYNC: Reasons = {
    **dict.fromkeys(_ERASING, _ERASURE),
    **dict.fromkeys(("after_review", "after_undo", "after_discard"), _DECIDED),
    **dict.fromkeys(("after_reread", "after_queue"), _DECIDED),
    "after_named": _NATIVE,
    "after_bind": _FIRST,
    "after_catch_up": _DRIFT,
}
"""Points no process of the acceptance campaign passes."""


def never(hit: Collection[str], reasons: Reasons) -> dict[str, str]:
    """The points that were not hit, each with why; one without a reason may be, with more kills."""
    return {
        name: reasons.get(name, "it did not come about")
        for name in sorted(CRASHPOINTS.keys() - set(hit))
    }
