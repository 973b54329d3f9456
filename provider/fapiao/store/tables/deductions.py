"""The table of deduction states, appended only; the view ``fapiao_deduction_current`` has the newest of each holding."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, MetaData, String, Table

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key, clock_time, money
from fapiao.store.tables.invoices import metadata

__all__ = ["CURRENT_VIEW", "current_deductions", "deductions", "metadata"]

CURRENT_VIEW = "fapiao_deduction_current"

deductions = Table(
    "fapiao_deduction",
    metadata,
    Column("deduction_id", big_key(), primary_key=True),
    Column("invoice_key", big_key(), nullable=False),
    Column("taxpayer_no", String(32), nullable=False, comment="纳税人识别号 of the holder"),
    Column("source", String(32), nullable=False),
    Column("observed_at", EpochTime(), nullable=False, comment="UTC; when the source first said so"),
    Column("collection_id", big_key(), nullable=False, index=True, comment="the run that read it"),
    Column("slice_id", big_key(), nullable=False),
    Column("page_id", big_key(), nullable=False),
    Column("ordinal", big_key(), nullable=False, comment="place of the record in its page"),
    Column("content_hash", String(32), nullable=False, comment="BLAKE2b of what is stated, 16 bytes in hex"),
    Column("state", String(32), nullable=False, comment="发票状态 as the same record states it, canonical"),
    Column("state_raw", String(64), comment="发票状态, the vendor's code"),
    Column("is_checked", Boolean, comment="勾选状态"),
    Column("checked_at", clock_time(), comment="勾选时间, China time; midnight where only the day is stated"),
    Column("is_certified", Boolean, comment="认证状态 (确认)"),
    Column("certified_at", clock_time(), comment="认证时间, China time; midnight where only the day is stated"),
    Column("tax_period", String(6), comment="税款所属期 yyyymm"),
    Column("usage", String(32), comment="认证用途, canonical"),
    Column("usage_raw", String(64), comment="认证用途, the vendor's code"),
    Column("method_raw", String(64), comment="认证方式"),
    Column("valid_tax", money(), comment="有效税额"),
    Column("management", String(32), comment="管理状态, canonical"),
    Column("management_raw", String(64), comment="管理状态, the vendor's code"),
    Column("abnormal_raw", String(64), comment="异常类别"),
    Column("risk_raw", String(64), comment="风险等级"),
    Column("has_mismatch", Boolean, comment="录入不符项 of a customs certificate"),
    Column("non_deduct_reason_raw", String(64), comment="不抵扣原因"),
    Column("domestic_conversion_no", String(128), comment="转内销证明编号"),
    Column("info_source_raw", String(64), comment="信息来源"),
    Column("extract_flag_raw", String(64), comment="提取标记"),
    Column("modified_at", clock_time(), comment="修改时间, the vendor's own, China time"),
    Column("vendor_row_id", String(128)),
    Index("ix_fapiao_deduction_invoice_key", "invoice_key", "taxpayer_no", "source", "observed_at"),
    Index("ix_fapiao_deduction_taxpayer_no", "taxpayer_no", "tax_period"),
    comment="what a source said about the deduction (抵扣) of a holder's invoice; a row for each change",
    **TABLE_OPTIONS,
)

current_deductions = Table(
    CURRENT_VIEW, MetaData(), *[Column(column.name, column.type) for column in deductions.columns]
)
"""The view, to query it: the newest row of each holding, from whatever source."""
