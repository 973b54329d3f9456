"""All tables of the store, and the schema version this code was written for."""

from __future__ import annotations

from fapiao.store import deduction_tables, invoice_tables, verification_tables

__all__ = ["HEAD", "VERSION_TABLE", "metadata"]

assert deduction_tables.metadata is verification_tables.metadata is invoice_tables.metadata
metadata = invoice_tables.metadata

HEAD = "0004"
"""The newest revision in ``migrations``; written here so that a mere check need not load Alembic."""
VERSION_TABLE = "fapiao_schema_version"
