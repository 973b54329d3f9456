"""All tables of the store, and the schema version this code was written for."""

from __future__ import annotations

from fapiao.store import control_tables, deduction_tables, invoice_tables, policy_tables, verification_tables

__all__ = ["HEAD", "VERSION_TABLE", "metadata"]

assert deduction_tables.metadata is verification_tables.metadata is policy_tables.metadata is invoice_tables.metadata
assert control_tables.metadata is invoice_tables.metadata
metadata = invoice_tables.metadata

HEAD = "0014"
"""The newest revision in ``migrations``; written here so that a mere check need not load Alembic."""
VERSION_TABLE = "fapiao_schema_version"
