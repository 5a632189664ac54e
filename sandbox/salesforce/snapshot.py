"""Taking back what a call did: allOrNone collections and composites.

Rows are never changed in place by a save, so remembering which row object each id had is enough;
a snapshot costs one shallow dict a table, paid only by calls that ask for all or none.
"""

from __future__ import annotations

from sandbox.salesforce.records import Records


class Snapshot:
    """The records as they were."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._rows = {name: dict(table.rows) for name, table in records.tables.items()}
        self._deleted = {name: list(table.deleted) for name, table in records.tables.items()}

    def restore(self) -> None:
        """Put every record back that changed since, and forget those made since."""
        for name, table in self._records.tables.items():
            before = self._rows[name]
            for record_id in [one for one in table.rows if one not in before]:
                table.forget(record_id)
            for record_id, row in before.items():
                if table.rows.get(record_id) is not row:
                    table.put(row)
            table.deleted[:] = self._deleted[name]
        self._records.access.forget()
