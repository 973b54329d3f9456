"""All tables of the store, and the schema version this code was written for."""

from __future__ import annotations

from fapiao.store.tables import control_totals, deductions, invoices, policies, verifications

__all__ = ["HEAD", "VERSION_TABLE", "metadata"]

assert deductions.metadata is verifications.metadata is policies.metadata is invoices.metadata
assert control_totals.metadata is invoices.metadata
metadata = invoices.metadata

HEAD = "0014"
"""The newest revision in ``migrations``; written here so that a mere check need not load Alembic."""
VERSION_TABLE = "fapiao_schema_version"
