"""Tables of verifications (发票查验) and of the layout files (版式文件) that come with them."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key, clock_time, long_text, money
from fapiao.store.tables.invoices import metadata

__all__ = ["layout_files", "layout_links", "layout_tasks", "metadata", "verifications"]

verifications = Table(
    "fapiao_verification",
    metadata,
    Column("verification_id", big_key(), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("account", String(128), nullable=False, comment="the vendor's own identity of the account"),
    Column(
        "claim_hash", String(32), nullable=False, comment="BLAKE2b of the factors and the taxpayer, 16 bytes in hex"
    ),
    Column("check_no", Integer, nullable=False, comment="from 1; checking the same claim again is the next one"),
    Column("number", String(32), nullable=False, comment="发票号码: 20 digits, or 8 beside the code"),
    Column("invoice_code", String(32), comment="发票代码"),
    Column("issued_on", Date, nullable=False, comment="开票日期 as asked"),
    Column("amount_excl_tax", money(), comment="不含税金额 as asked"),
    Column("amount_incl_tax", money(), comment="价税合计 as asked"),
    Column("check_code", String(32), comment="校验码 as asked"),
    Column("doc_type", String(32), comment="发票类型, canonical, where it was known"),
    Column("taxpayer_no", String(32), comment="纳税人识别号 on whose behalf"),
    Column("layouts", String(32), nullable=False, comment="kinds of layout files asked for, comma-separated"),
    Column("state", String(16), nullable=False, comment="open asking waiting; final: answered refused"),
    Column("outcome", String(16), comment="genuine not_found different too_old not_yet"),
    Column("code", String(128), comment="the vendor's code"),
    Column("message", long_text(), comment="the vendor's message, or why it waits"),
    Column("request_id", String(128), comment="the vendor's id of the request"),
    Column("checked_at", clock_time(), comment="查验时间, the vendor's own, China time"),
    Column("verified_at", EpochTime(), comment="UTC; when the answer came"),
    Column("not_before", EpochTime(), comment="UTC; while it waits, when it may be asked again"),
    Column("holder", String(255), comment="the process that is asking just now"),
    Column("page_id", big_key(), comment="the answer: transcript and record are in fapiao_page"),
    Column("invoice_key", big_key(), index=True, comment="the document, where the database has it"),
    Column("differences", long_text(), comment="JSON list: what the bureau states differently from all other sources"),
    Column("opened_at", EpochTime(), nullable=False),
    UniqueConstraint("source", "account", "claim_hash", "check_no", name="uq_fapiao_verification_check"),
    Index("ix_fapiao_verification_number", "number"),
    comment="one check of a claim: what was asked, what the bureau said",
    **TABLE_OPTIONS,
)

layout_tasks = Table(
    "fapiao_layout_task",
    metadata,
    Column("layout_task_id", big_key(), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("account", String(128), nullable=False),
    Column("task_id", String(128), nullable=False, comment="the vendor's id, text however long"),
    Column("taxpayer_no", String(32), nullable=False),
    Column("number", String(32), nullable=False, comment="数电票号码"),
    Column("verification_id", big_key(), ForeignKey("fapiao_verification.verification_id"), nullable=False),
    Column("state", String(16), nullable=False, comment="waiting asking; final: answered failed lost"),
    Column("code", String(128)),
    Column("message", long_text()),
    Column("holder", String(255), comment="the process that is asking just now"),
    Column("not_before", EpochTime(), comment="UTC; when the task may be asked about again"),
    Column("asked_at", EpochTime(), comment="UTC; committed before the question is sent"),
    Column("answered_at", EpochTime()),
    Column("page_id", big_key(), comment="the answer that was given once, in fapiao_page"),
    Column("opened_at", EpochTime(), nullable=False),
    UniqueConstraint("source", "account", "task_id", name="uq_fapiao_layout_task_task_id"),
    Index("ix_fapiao_layout_task_verification_id", "verification_id"),
    comment="a vendor's job that makes layout files; its answer may be given only once",
    **TABLE_OPTIONS,
)

layout_links = Table(
    "fapiao_layout_link",
    metadata,
    Column("layout_link_id", big_key(), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("account", String(128), nullable=False),
    Column("verification_id", big_key(), ForeignKey("fapiao_verification.verification_id"), nullable=False),
    Column("number", String(32), nullable=False, comment="数电票号码"),
    Column("kind", String(8), nullable=False, comment="pdf ofd xml"),
    Column("url", long_text(), comment="signed: whoever has it has the file; NULL once the file is archived"),
    Column("url_hash", String(32), nullable=False, comment="BLAKE2b of the address, 16 bytes in hex"),
    Column("state", String(16), nullable=False, comment="waiting; final: archived refused"),
    Column("tries", Integer, nullable=False),
    Column("message", long_text(), comment="why the last try brought no file"),
    Column("received_at", EpochTime(), nullable=False),
    UniqueConstraint("verification_id", "kind", "url_hash", name="uq_fapiao_layout_link_url"),
    comment="where a layout file can be fetched, committed together with the answer that named it",
    **TABLE_OPTIONS,
)

layout_files = Table(
    "fapiao_layout_file",
    metadata,
    Column("layout_file_id", big_key(), primary_key=True),
    Column("number", String(32), nullable=False, comment="数电票号码"),
    Column("kind", String(8), nullable=False, comment="pdf ofd xml"),
    Column("sha256", String(64), nullable=False),
    Column("size", big_key(), nullable=False, comment="bytes"),
    Column("uri", long_text(), nullable=False, comment="where it is archived; its name is its SHA-256"),
    Column("invoice_key", big_key(), index=True, comment="the document, where the database has it"),
    Column("layout_link_id", big_key(), ForeignKey("fapiao_layout_link.layout_link_id"), nullable=False),
    Column("page_id", big_key(), comment="of an XML: the reading of it, in fapiao_page"),
    Column("fetched_at", EpochTime(), nullable=False),
    UniqueConstraint("number", "kind", "sha256", name="uq_fapiao_layout_file_content"),
    Index("ix_fapiao_layout_file_sha256", "sha256"),  # which file a page is the reading of
    comment="an archived layout file (版式文件)",
    **TABLE_OPTIONS,
)
