"""The table of totals from outside, which what is stored is held against."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, money
from fapiao.store.tables.ledger import metadata

__all__ = ["control_totals", "metadata"]

control_totals = Table(
    "fapiao_control_total",
    metadata,
    Column("taxpayer_no", String(32), nullable=False, comment="纳税人识别号"),
    Column("kind", String(16), nullable=False, comment="invoices: of an invoice month; deduction: of a tax period"),
    Column("period", String(6), nullable=False, comment="开票月份 or, of a deduction, 税款所属期; yyyymm"),
    Column("direction", String(8), nullable=False, comment="input 进项, output 销项; of a deduction input"),
    Column("doc_type", String(32), nullable=False, comment="发票类型, canonical; empty: all types together"),
    Column("invoice_count", Integer, comment="份数; NULL: the total does not say"),
    Column("amount_excl_tax", money(), comment="金额, 不含税; NULL: the total does not say"),
    Column("tax_amount", money(), comment="税额, of a deduction 有效抵扣税额; NULL: the total does not say"),
    Column("origin", String(255), nullable=False, comment="来源: where the total is from, in the user's words"),
    Column("stored_at", EpochTime(), nullable=False, comment="UTC; when these numbers were stored"),
    PrimaryKeyConstraint("taxpayer_no", "period", "kind", "direction", "doc_type"),
    comment="totals from outside (控制总数): the bureau's export, the bookkeeping, 附表二 of the VAT return",
    **TABLE_OPTIONS,
)
