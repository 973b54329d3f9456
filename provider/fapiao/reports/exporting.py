"""The database as Parquet files: a folder per dataset, a partition per invoice month, one file in each.

All files are written in a hidden folder first and moved to their places when the last one is whole; ``export.json`` says
whether what lies there is. A run that was killed is simply run again. Memory holds one batch of rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.arguments import CHINA
from fapiao.errors import ConfigurationError, StoreError
from fapiao.store import Database
from fapiao.store.reports.datasets import DATASETS, MONTH, dataset_batches, dataset_query
from fapiao.store.tables.columns import EpochTime, ExactDecimal

__all__ = ["MARK", "Exported", "export"]

MARK = "export.json"
"""The file that says what was exported, and whether it is whole."""
BATCH = 5_000
"""Rows in memory, and in one row group of a file."""
_UNFINISHED = ".unfinished"
_FILE = "part-0.parquet"
_NO_MONTH = "__HIVE_DEFAULT_PARTITION__"


class Exported(msgspec.Struct, kw_only=True):
    """What a run wrote."""

    complete: bool = False
    source: str | None = None
    taxpayer_no: str | None = None
    invoice_month: str | None = None
    rows: dict[str, int] = {}
    """Dataset → rows written by this run."""
    files: int = 0
    removed: int = 0
    """Partitions that have no rows any more."""

    def to_json(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


def export(
    database: Database,
    directory: Path,
    *,
    source: str | None = None,
    taxpayer_no: str | None = None,
    invoice_month: str | None = None,
    batch: int = BATCH,
) -> Exported:
    """Write invoices, lines, deductions, verifications, slices and control totals to ``directory``, in the place of what was there.

    :param invoice_month: ``yyyymm``; only the partitions of this month are written and replaced.
    :raises ConfigurationError: pyarrow is missing, the month is none, the folder cannot be written or holds something else.
    :raises StoreError: the database does not work, or holds a value that its column has no room for.
    """
    parquet = _parquet()
    if invoice_month is not None:
        _check_month(invoice_month)
    result = Exported(source=source, taxpayer_no=taxpayer_no, invoice_month=invoice_month)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _check_place(directory, result)
        unfinished = directory / _UNFINISHED

        def write(connection: Connection) -> None:
            shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed, or of this one's last try
            for name in DATASETS:
                query = dataset_query(name, source, taxpayer_no, invoice_month)
                result.rows[name] = _write(parquet, unfinished / name, name, query, connection, batch)

        try:
            database.read(write)
            _replace(directory, unfinished, result)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as problem:
        raise ConfigurationError(
            f"The export cannot be written to {directory}: {problem.strerror or problem}.",
            advice="Name a folder that may be written and has room; what was exported before is still there.",
        ) from None
    return result


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "pyarrow is not installed, and Parquet files are written with it.",
            advice="Install the extra: pip install 'airflow-provider-fapiao[parquet]'.",
        ) from None
    return pyarrow.parquet


def _check_month(text: str) -> None:
    try:
        if len(text) != 6:
            raise ValueError
        datetime.strptime(text, "%Y%m").replace(tzinfo=CHINA)
    except ValueError:
        raise ConfigurationError(f"The month {text[:40]!r} is not valid.", advice="Write it as 202411.") from None


def _check_place(directory: Path, wanted: Exported) -> None:
    mark = directory / MARK
    if not mark.exists():
        strange = sorted(path.name for path in directory.iterdir() if path.name != _UNFINISHED)
        if strange:
            raise ConfigurationError(
                f"The folder {directory} is not an export: it has {strange[0]} and no {MARK}.",
                advice="Name an empty or a new folder.",
            )
        return
    try:
        there = msgspec.json.decode(mark.read_bytes(), type=Exported)
    except msgspec.DecodeError:
        raise ConfigurationError(f"{mark} is not of an export.", advice="Name an empty or a new folder.") from None
    if (there.source, there.taxpayer_no) != (wanted.source, wanted.taxpayer_no):
        raise ConfigurationError(
            f"{directory} holds an export of another source or taxpayer, which would be mixed with this one.",
            advice="Give the same --source and --taxpayer as before, or name another folder.",
        )


def _write(parquet: Any, folder: Path, name: str, query: Any, connection: Connection, batch: int) -> int:
    import pyarrow as pa

    columns = [column for column in query.selected_columns if column.name != MONTH]
    schema = pa.schema([pa.field(column.name, _arrow(pa, column.type)) for column in columns])
    instants = {column.name for column in columns if isinstance(column.type, EpochTime)}
    count = 0
    open_month: str | None = None
    writer: Any = None
    try:
        for month, rows in dataset_batches(connection, query, batch):
            if writer is None or month != open_month:
                if writer is not None:
                    writer.close()
                place = folder / f"{MONTH}={month or _NO_MONTH}"
                place.mkdir(parents=True)
                writer, open_month = parquet.ParquetWriter(place / _FILE, schema, compression="zstd"), month
            try:
                table = pa.Table.from_pylist([_plain(row, schema.names, instants) for row in rows], schema=schema)
            except pa.ArrowInvalid as problem:
                raise StoreError(
                    f"A value of {name} in month {month or 'none'} does not fit its column: {problem}",
                    advice="Look for an amount of more than 16 digits before the point; nothing was replaced.",
                ) from None
            writer.write_table(table)
            count += len(rows)
    finally:
        if writer is not None:
            writer.close()
    return count


def _plain(row: Mapping[str, Any], names: list[str], instants: set[str]) -> dict[str, Any]:
    values = {name: row[name] for name in names}
    for name in instants:
        if values[name] is not None:
            values[name] = datetime.fromtimestamp(values[name], timezone.utc)
    return values


def _arrow(pa: Any, kind: Any) -> Any:
    if isinstance(kind, ExactDecimal):
        return pa.decimal128(kind.precision, kind.scale)
    if isinstance(kind, EpochTime):
        return pa.timestamp("us", tz="UTC")
    kind = getattr(kind, "impl", kind)  # SQLAlchemy 1.4 wraps a type that differs between databases
    if isinstance(kind, sa.DateTime):
        return pa.timestamp("us")  # China time as printed on the document
    if isinstance(kind, sa.Date):
        return pa.date32()
    if isinstance(kind, sa.Boolean):
        return pa.bool_()
    if isinstance(kind, sa.Integer):
        return pa.int64()
    return pa.string()


def _replace(directory: Path, unfinished: Path, result: Exported) -> None:
    """Move the whole files to their places; between the first and the last the mark says that it is not complete."""
    unfinished.mkdir(exist_ok=True)
    _mark(directory, unfinished, result)
    for name in DATASETS:
        kept = set()
        for file in _files(unfinished / name):
            place = directory / name / file.parent.name
            place.mkdir(parents=True, exist_ok=True)
            file.replace(place / _FILE)
            kept.add(place.name)
        result.files += len(kept)
        month = result.invoice_month
        for file in _files(directory / name):
            if file.parent.name not in kept and (month is None or file.parent.name == f"{MONTH}={month}"):
                shutil.rmtree(file.parent)
                result.removed += 1
    result.complete = True
    _mark(directory, unfinished, result)


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob(f"{MONTH}=*/{_FILE}")))


def _mark(directory: Path, unfinished: Path, result: Exported) -> None:
    written = unfinished / MARK
    written.write_text(result.to_json() + "\n", "utf-8")
    written.replace(directory / MARK)
