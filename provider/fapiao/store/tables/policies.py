"""The table of the personal data policy: one row, because the policy is the database's own and every process reads it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from fapiao.invoices.personal_data import CLASSES
from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key
from fapiao.store.tables.ledger import metadata

__all__ = ["metadata", "policies"]

policies = Table(
    "fapiao_personal_data",
    metadata,
    Column("policy_id", Integer, primary_key=True, autoincrement=False, comment="1: there is one policy"),
    *[Column(name, String(8), nullable=False, comment="keep mask hash drop") for name in CLASSES],
    Column("version", Integer, nullable=False, comment="counts the changes of the policy"),
    Column("applied_version", Integer, nullable=False, comment="which of them has reached everything that is stored"),
    Column("key_fingerprint", String(16), comment="tells which key hashes were made with, not the key"),
    Column("done_invoice_key", big_key(), nullable=False, comment="while a change is applied: documents up to this"),
    Column("done_page_id", big_key(), nullable=False, comment="while a change is applied: raw answers up to this"),
    Column("done_verification_id", big_key(), nullable=False, comment="while a change is applied: checks up to this"),
    Column("changed_at", EpochTime(), comment="UTC; NULL: it is the default one"),
    comment="what becomes of each class of personal data (个人信息) in this database",
    **TABLE_OPTIONS,
)
