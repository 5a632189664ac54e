"""Notices about handoffs: who has got a lead, what is held and why, which promise is near its end.

Sent once the run has written what they are about, all that one user is to hear in one message, to
an address of their own where there is one (`staff` in config.yaml). At
least once, as alerts are: a process killed between sending and noting it sends that one message
again; the task in the CRM is there once. They name records and staff, never the people themselves.
Where nobody is configured to be told, they count as untold and are not kept waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from lifecycle.handoff import EffectKind
from mappings.record_ids import id18
from mappings.records import Side
from state import effects, identity
from state.effects import Effect
from state.store import Tx
from sync.crash import crashpoint
from sync.gather import load_users
from sync.pair import Pair, Say

log = structlog.get_logger("leadloop.notices")

NOTICE = EffectKind.NOTIFY.value
MARKETING = "marketing"
"""Who is told what is for no user: whoever runs marketing."""
WORDS: Mapping[str, str] = {
    "handed_over": "is yours now",
    "held": "is held back: it lacks",
    "nobody": "could be given to nobody: no member of its queue can take it, nor the fallback",
    "rejected": "was turned down by sales",
    "warning": "is near the end of a promise:",
    "breach": "has broken a promise:",
    "escalated": "was escalated to you: a promise was broken:",
}
"""What each kind of notice says of a record; what follows are fields, or the promise."""
_NUMBERED = ("handed_over", "nobody")


def give_notice(pair: Pair) -> Counter[str]:
    """Tell people what has not been told yet; how many notices were told, or could not be. Whoever
    cannot be reached now is tried again by the next run, and keeps nobody else from theirs."""
    told: Counter[str] = Counter()
    deaf: set[str] = set()
    while True:
        with pair.store.read() as tx:
            waiting = effects.waiting(tx, NOTICE, but=deaf)
            users = {id18(key): user for key, user in load_users(pair, tx).items()}
            lines = _lines(pair, tx, waiting)
        if not waiting:
            return told
        by_user: dict[str, list[Effect]] = {}
        for effect in waiting:
            by_user.setdefault(effect.user or "", []).append(effect)
        for user, own in sorted(by_user.items()):
            name, email = users.get(id18(user), (user, "")) if user else (MARKETING, "")
            say = pair.tell(email or None)
            if not _give(pair, say, name, [(one, lines[one.key]) for one in own], told):
                deaf.add(user)


def _give(
    pair: Pair,
    say: Say | None,
    name: str,
    own: Sequence[tuple[Effect, str]],
    told: Counter[str],
) -> bool:
    """One user's notices in one message; False where it did not go out."""
    status = effects.UNTOLD
    if say is not None:
        crashpoint("before_notice")
        title = f"Leadloop: {len(own)} notice{'s' if len(own) > 1 else ''} for {name}"
        if not say(title, "\n".join(line for _, line in own)):
            told["failed"] += len(own)
            log.warning("notice.failed", total=len(own))
            return False
        crashpoint("notice_sent")
        status = effects.DONE
    with pair.store.begin() as tx:
        effects.close(tx, [effect.key for effect, _ in own], status)
    crashpoint("after_notice")
    told["told" if status == effects.DONE else status] += len(own)
    return True


def _lines(pair: Pair, tx: Tx, notices: Sequence[Effect]) -> dict[str, str]:
    """What each notice says, by its key: the CRM record it is about, and what there is to say."""
    members = identity.members(tx, {effect.entity_id for effect in notices})
    records = {
        entity_id: next(
            (
                f"{link.ref.object} {link.ref.id}"
                for link in own
                if link.status == "live" and pair.side_of(link.ref.system) is Side.CRM
            ),
            f"golden record {entity_id}",
        )
        for entity_id, own in members.items()
    }
    return {
        effect.key: said(records.get(effect.entity_id, "a record"), effect) for effect in notices
    }


def said(record: str, effect: Effect) -> str:
    """One notice in words."""
    word, _, about = effect.text.partition(" ")
    what = WORDS.get(word, word)
    about = "" if word in _NUMBERED else about.replace(" ", ", ")
    return f"{record} {what}{f' {about}' if about else ''}"
