"""Verifications, and the layout files that come with them: tasks, links, archived files."""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key, clock_time, long_text, money

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    parent = f"{schema}." if schema else ""
    op.create_table(
        "fapiao_verification",
        sa.Column("verification_id", big_key(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("account", sa.String(128), nullable=False, comment="the vendor's own identity of the account"),
        sa.Column(
            "claim_hash",
            sa.String(32),
            nullable=False,
            comment="BLAKE2b of the factors and the taxpayer, 16 bytes in hex",
        ),
        sa.Column(
            "check_no", sa.Integer(), nullable=False, comment="from 1; checking the same claim again is the next one"
        ),
        sa.Column("number", sa.String(32), nullable=False, comment="发票号码: 20 digits, or 8 beside the code"),
        sa.Column("invoice_code", sa.String(32), comment="发票代码"),
        sa.Column("issued_on", sa.Date(), nullable=False, comment="开票日期 as asked"),
        sa.Column("amount_excl_tax", money(), comment="不含税金额 as asked"),
        sa.Column("amount_incl_tax", money(), comment="价税合计 as asked"),
        sa.Column("check_code", sa.String(32), comment="校验码 as asked"),
        sa.Column("doc_type", sa.String(32), comment="发票类型, canonical, where it was known"),
        sa.Column("taxpayer_no", sa.String(32), comment="纳税人识别号 on whose behalf"),
        sa.Column("layouts", sa.String(32), nullable=False, comment="kinds of layout files asked for, comma-separated"),
        sa.Column("state", sa.String(16), nullable=False, comment="open asking waiting; final: answered refused"),
        sa.Column("outcome", sa.String(16), comment="genuine not_found different too_old not_yet"),
        sa.Column("code", sa.String(128), comment="the vendor's code"),
        sa.Column("message", long_text(), comment="the vendor's message, or why it waits"),
        sa.Column("request_id", sa.String(128), comment="the vendor's id of the request"),
        sa.Column("checked_at", clock_time(), comment="查验时间, the vendor's own, China time"),
        sa.Column("verified_at", EpochTime(), comment="UTC; when the answer came"),
        sa.Column("not_before", EpochTime(), comment="UTC; while it waits, when it may be asked again"),
        sa.Column("holder", sa.String(255), comment="the process that is asking just now"),
        sa.Column("page_id", big_key(), comment="the answer: transcript and record are in fapiao_page"),
        sa.Column("invoice_key", big_key(), comment="the document, where the database has it"),
        sa.Column(
            "differences", long_text(), comment="JSON list: what the bureau states differently from all other sources"
        ),
        sa.Column("opened_at", EpochTime(), nullable=False),
        sa.UniqueConstraint("source", "account", "claim_hash", "check_no", name="uq_fapiao_verification_check"),
        sa.PrimaryKeyConstraint("verification_id", name="pk_fapiao_verification"),
        schema=schema,
        comment="one check of a claim: what was asked, what the bureau said",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_layout_task",
        sa.Column("layout_task_id", big_key(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("task_id", sa.String(128), nullable=False, comment="the vendor's id, text however long"),
        sa.Column("taxpayer_no", sa.String(32), nullable=False),
        sa.Column("number", sa.String(32), nullable=False, comment="数电票号码"),
        sa.Column(
            "verification_id",
            big_key(),
            sa.ForeignKey(f"{parent}fapiao_verification.verification_id", name="fk_fapiao_layout_task_verification_id"),
            nullable=False,
        ),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting asking; final: answered failed lost"),
        sa.Column("code", sa.String(128)),
        sa.Column("message", long_text()),
        sa.Column("holder", sa.String(255), comment="the process that is asking just now"),
        sa.Column("not_before", EpochTime(), comment="UTC; when the task may be asked about again"),
        sa.Column("asked_at", EpochTime(), comment="UTC; committed before the question is sent"),
        sa.Column("answered_at", EpochTime()),
        sa.Column("page_id", big_key(), comment="the answer that was given once, in fapiao_page"),
        sa.Column("opened_at", EpochTime(), nullable=False),
        sa.UniqueConstraint("source", "account", "task_id", name="uq_fapiao_layout_task_task_id"),
        sa.PrimaryKeyConstraint("layout_task_id", name="pk_fapiao_layout_task"),
        schema=schema,
        comment="a vendor's job that makes layout files; its answer may be given only once",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_layout_link",
        sa.Column("layout_link_id", big_key(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column(
            "verification_id",
            big_key(),
            sa.ForeignKey(f"{parent}fapiao_verification.verification_id", name="fk_fapiao_layout_link_verification_id"),
            nullable=False,
        ),
        sa.Column("number", sa.String(32), nullable=False, comment="数电票号码"),
        sa.Column("kind", sa.String(8), nullable=False, comment="pdf ofd xml"),
        sa.Column("url", long_text(), comment="signed: whoever has it has the file; NULL once the file is archived"),
        sa.Column("url_hash", sa.String(32), nullable=False, comment="BLAKE2b of the address, 16 bytes in hex"),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting; final: archived refused"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message", long_text(), comment="why the last try brought no file"),
        sa.Column("received_at", EpochTime(), nullable=False),
        sa.UniqueConstraint("verification_id", "kind", "url_hash", name="uq_fapiao_layout_link_url"),
        sa.PrimaryKeyConstraint("layout_link_id", name="pk_fapiao_layout_link"),
        schema=schema,
        comment="where a layout file can be fetched, committed together with the answer that named it",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_layout_file",
        sa.Column("layout_file_id", big_key(), nullable=False),
        sa.Column("number", sa.String(32), nullable=False, comment="数电票号码"),
        sa.Column("kind", sa.String(8), nullable=False, comment="pdf ofd xml"),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", big_key(), nullable=False, comment="bytes"),
        sa.Column("uri", long_text(), nullable=False, comment="where it is archived; its name is its SHA-256"),
        sa.Column("invoice_key", big_key(), comment="the document, where the database has it"),
        sa.Column(
            "layout_link_id",
            big_key(),
            sa.ForeignKey(f"{parent}fapiao_layout_link.layout_link_id", name="fk_fapiao_layout_file_layout_link_id"),
            nullable=False,
        ),
        sa.Column("page_id", big_key(), comment="of an XML: the reading of it, in fapiao_page"),
        sa.Column("fetched_at", EpochTime(), nullable=False),
        sa.UniqueConstraint("number", "kind", "sha256", name="uq_fapiao_layout_file_content"),
        sa.PrimaryKeyConstraint("layout_file_id", name="pk_fapiao_layout_file"),
        schema=schema,
        comment="an archived layout file (版式文件)",
        **TABLE_OPTIONS,
    )
    for name, table, columns in (
        ("ix_fapiao_verification_invoice_key", "fapiao_verification", ["invoice_key"]),
        ("ix_fapiao_verification_number", "fapiao_verification", ["number"]),
        ("ix_fapiao_layout_task_verification_id", "fapiao_layout_task", ["verification_id"]),
        ("ix_fapiao_layout_file_invoice_key", "fapiao_layout_file", ["invoice_key"]),
    ):
        op.create_index(name, table, columns, schema=schema)
