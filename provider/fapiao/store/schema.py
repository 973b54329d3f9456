"""All tables of the store, and the schema version this code was written for."""

from __future__ import annotations

from fapiao.store.invoice_tables import metadata

__all__ = ["HEAD", "VERSION_TABLE", "metadata"]

HEAD = "0002"
"""The newest revision in ``migrations``; written here so that a mere check need not load Alembic."""
VERSION_TABLE = "fapiao_schema_version"
