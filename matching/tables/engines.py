"""Where candidate pairs are compared and weighed: here, by Splink on DuckDB, or by Splink on Spark.

All use the same model and the same levels. Splink is handed the model as its settings and asks for
each pair's level by a function of ours; what its model cannot say (frequencies of several values,
people near each other, what changes together) is SQL of ours over what it found. So a pair has the
same weight whoever weighs it, but for the last digits of a sum; resolving is done here.

`own` is the fastest on one machine. DuckDB keeps the pairs on disk where they would not fit; Spark
spreads them over the machines it is set up with. The rows themselves are held here in either case.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from matching.tables.frame import Frame
from matching.tables.mixture import Floats, Learned
from matching.tables.splinking import LEVEL, RARITY, Levels, corrected, settings
from matching.tables.values import Index

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Weighed = tuple[Index, Index, Floats]
"""Pairs of rows one[i] < other[i], sorted, with the log2 odds that they are one."""

ENGINES = ("own", "duckdb", "spark")
"""Every engine by its name."""
_PIECE = 2_000_000
"""Pairs given to DuckDB at a time."""


class Engine(Protocol):
    """Weighs candidate pairs."""

    def weigh(self, frame: Frame, learned: Learned, one: Index, other: Index) -> Weighed:
        """The pairs with their log2 odds, in the same order."""
        ...  # pragma: no cover - a protocol


class EngineMissingError(RuntimeError):
    """The libraries an engine needs are not installed, or it cannot start."""


class DuckDB:
    """Splink on DuckDB, in this process."""

    def weigh(self, frame: Frame, learned: Learned, one: Index, other: Index) -> Weighed:
        """The pairs with their log2 odds, a piece at a time. Raises EngineMissingError without
        the extra `bulk`."""
        try:
            import duckdb
            import pyarrow as pa
            from splink import DuckDBAPI
        except ImportError as error:
            raise EngineMissingError(f"{error.name} is not installed") from None
        levels = Levels(frame)
        with duckdb.connect() as connection:
            for at, feature in enumerate(frame.features):
                _define(connection, at, levels, learned.rare.get(feature.name, 1.0))
            rows = pa.table({"record": np.arange(frame.total, dtype=np.int32)})
            connection.register("records", rows)
            total: list[Floats] = [np.zeros(0)]
            for start in range(0, len(one), _PIECE):
                pairs = _pairs(one[start : start + _PIECE], other[start : start + _PIECE])
                api = DuckDBAPI(connection=connection)
                connection.register("candidates", pa.table(pairs))
                found = _predicted(api, "records", "candidates", frame, learned)
                sql = f"{corrected(frame, learned, found.physical_name)} order by one, other"
                total.append(np.asarray(connection.execute(sql).fetchnumpy()["total"]))
                found.drop_table_from_database_and_remove_from_cache()
        return one, other, np.concatenate(total)


def _define(connection: Any, at: int, levels: Levels, rare: float) -> None:
    """The functions of a field that Splink's settings and our SQL call, for DuckDB."""
    import pyarrow as pa
    from duckdb import sqltypes

    def level(one: Any, other: Any) -> Any:
        return pa.array(levels.reached(at, one.to_numpy(), other.to_numpy()))

    def rarity(one: Any, other: Any, code: Any) -> Any:
        rows = one.to_numpy(), other.to_numpy()
        return pa.array(levels.rarity(at, rare, *rows, code.to_numpy()))

    whole, tiny = sqltypes.INTEGER, sqltypes.TINYINT
    connection.create_function(f"{LEVEL}{at}", level, [whole, whole], tiny, type="arrow")
    connection.create_function(
        f"{RARITY}{at}", rarity, [whole, whole, tiny], sqltypes.DOUBLE, type="arrow"
    )


class Spark:
    """Splink on Spark: the pairs are spread over its executors, each of which needs this package
    and is sent the rows once."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are Spark's, beside those of its own configuration."""
        self._settings = settings or {}

    def weigh(self, frame: Frame, learned: Learned, one: Index, other: Index) -> Weighed:
        """The pairs with their log2 odds. Raises EngineMissingError without the extra `spark`, or
        where Spark cannot start (it needs Java)."""
        try:
            from splink.backends.spark import SparkAPI
        except ImportError as error:
            raise EngineMissingError(f"{error.name} is not installed") from None
        import pandas as pd

        with _started(self._settings) as session:
            _define_on(session, frame, learned)
            make: Any = SparkAPI
            api = make(
                spark_session=session, break_lineage_method="persist",
                register_udfs_automatically=False,
            )  # fmt: skip
            rows = session.range(frame.total).selectExpr("cast(id as int) as record")
            pairs = session.createDataFrame(pd.DataFrame(_pairs(one, other)))
            found = _predicted(api, rows, pairs, frame, learned)
            said = session.sql(corrected(frame, learned, found.physical_name)).toPandas()
            session.catalog.clearCache()
        order = np.lexsort((said["other"].to_numpy(), said["one"].to_numpy()))
        return one, other, said["total"].to_numpy(dtype=np.float64)[order]


@contextmanager
def _started(settings: Mapping[str, str]) -> Iterator[SparkSession]:
    """A session as Spark's own configuration and the settings say, ended after. Workers run this
    Python unless PYSPARK_PYTHON names another, as it must where they are other machines."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession as Session

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    building = Session.builder.appName("leadloop match")
    for name, value in settings.items():
        building = building.config(name, value)
    try:
        session = building.getOrCreate()
    except (PySparkException, OSError) as error:
        raise EngineMissingError(f"Spark does not start ({error}); it needs Java") from None
    try:
        yield session
    finally:
        session.stop()


def _define_on(session: SparkSession, frame: Frame, learned: Learned) -> None:
    """The functions of every field that Splink's settings and our SQL call, for Spark."""
    import pandas as pd
    from pyspark.sql.pandas import functions

    vectorised: Any = functions.pandas_udf
    sent = session.sparkContext.broadcast(Levels(frame))

    def define(at: int, rare: float) -> None:
        def level(one: Any, other: Any) -> Any:
            return pd.Series(sent.value.reached(at, one.to_numpy(), other.to_numpy()))

        def rarity(one: Any, other: Any, code: Any) -> Any:
            rows = one.to_numpy(), other.to_numpy()
            return pd.Series(sent.value.rarity(at, rare, *rows, code.to_numpy()))

        for name, function, kind in ((LEVEL, level, "tinyint"), (RARITY, rarity, "double")):
            # Spark takes its functions by their annotations, and wants the classes themselves.
            function.__annotations__ = dict.fromkeys(function.__annotations__, pd.Series)
            session.udf.register(f"{name}{at}", vectorised(function, kind))

    for at, feature in enumerate(frame.features):
        define(at, learned.rare.get(feature.name, 1.0))


# --- both ---------------------------------------------------------------------------------------


def _pairs(one: Index, other: Index) -> dict[str, Any]:
    """Candidate pairs as Splink wants blocked pairs; the blocking was ours, as one rule."""
    return {
        "match_key": np.full(len(one), "0"),
        "join_key_l": one.astype(np.int32),
        "join_key_r": other.astype(np.int32),
    }


def _predicted(api: Any, rows: Any, pairs: Any, frame: Frame, learned: Learned) -> Any:
    """Splink's table of the pairs with the level of each field and the sum of their weights."""
    from splink import Linker

    linker = Linker(api.register(rows), settings(frame, learned))
    linker.table_management.register_blocked_pairs_for_predict(api.register(pairs))
    return linker.inference.predict(warning_mode="never")
