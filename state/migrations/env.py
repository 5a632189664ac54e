"""What alembic runs: migrations on the connection `state.schema` hands over, in its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from state.schema import VERSION_TABLE
from state.tables import METADATA
from state.types import UtcDateTime


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """How a generated migration names our column types: plainly, so that it never changes."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        autogen.imports.add("from state.types import UtcDateTime")
        return "UtcDateTime()"
    if type(item).__name__ == "AutoString":
        return f"sa.String(length={item.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
