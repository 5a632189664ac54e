"""What Leadloop remembers, in SQLModel tables on SQLite or PostgreSQL.

Imports only `mappings`. Tables never leave this room: the store takes and gives the frozen
dataclasses of `mappings.records` and of `state.rows`.
"""
