"""How the state's tables came to be: one alembic migration a change, run by `state.schema`."""
