"""Syncs: lists beside jobs in the ledger, what reads cost, and the deduction states of holders.

There is no way back: the older tables have no place for a sync.
"""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key, clock_time, money

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = ["source", "account", "taxpayer_no", "invoice_month", "kind", "query", "generation"]
_UNIQUE = "uq_fapiao_collection_generation"


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    _widen_collections(schema)
    op.add_column(
        "fapiao_page",
        sa.Column("billed", sa.Integer(), comment="units that the vendor says it charges for this read"),
        schema=schema,
    )
    op.create_table(
        "fapiao_deduction",
        sa.Column("deduction_id", big_key(), nullable=False),
        sa.Column("invoice_key", big_key(), nullable=False),
        sa.Column("taxpayer_no", sa.String(32), nullable=False, comment="纳税人识别号 of the holder"),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("observed_at", EpochTime(), nullable=False, comment="UTC; when the source first said so"),
        sa.Column("collection_id", big_key(), nullable=False, comment="the run that read it"),
        sa.Column("slice_id", big_key(), nullable=False),
        sa.Column("page_id", big_key(), nullable=False),
        sa.Column("ordinal", big_key(), nullable=False, comment="place of the record in its page"),
        sa.Column("content_hash", sa.String(32), nullable=False, comment="BLAKE2b of what is stated, 16 bytes in hex"),
        sa.Column("state", sa.String(32), nullable=False, comment="发票状态 as the same record states it, canonical"),
        sa.Column("state_raw", sa.String(64), comment="发票状态, the vendor's code"),
        sa.Column("is_checked", sa.Boolean(), comment="勾选状态"),
        sa.Column("checked_at", clock_time(), comment="勾选时间, China time; midnight where only the day is stated"),
        sa.Column("is_certified", sa.Boolean(), comment="认证状态 (确认)"),
        sa.Column("certified_at", clock_time(), comment="认证时间, China time; midnight where only the day is stated"),
        sa.Column("tax_period", sa.String(6), comment="税款所属期 yyyymm"),
        sa.Column("usage", sa.String(32), comment="认证用途, canonical"),
        sa.Column("usage_raw", sa.String(64), comment="认证用途, the vendor's code"),
        sa.Column("method_raw", sa.String(64), comment="认证方式"),
        sa.Column("valid_tax", money(), comment="有效税额"),
        sa.Column("management", sa.String(32), comment="管理状态, canonical"),
        sa.Column("management_raw", sa.String(64), comment="管理状态, the vendor's code"),
        sa.Column("abnormal_raw", sa.String(64), comment="异常类别"),
        sa.Column("risk_raw", sa.String(64), comment="风险等级"),
        sa.Column("has_mismatch", sa.Boolean(), comment="录入不符项 of a customs certificate"),
        sa.Column("non_deduct_reason_raw", sa.String(64), comment="不抵扣原因"),
        sa.Column("domestic_conversion_no", sa.String(128), comment="转内销证明编号"),
        sa.Column("info_source_raw", sa.String(64), comment="信息来源"),
        sa.Column("extract_flag_raw", sa.String(64), comment="提取标记"),
        sa.Column("modified_at", clock_time(), comment="修改时间, the vendor's own, China time"),
        sa.Column("vendor_row_id", sa.String(128)),
        sa.PrimaryKeyConstraint("deduction_id", name="pk_fapiao_deduction"),
        schema=schema,
        comment="what a source said about the deduction (抵扣) of a holder's invoice; a row for each change",
        **TABLE_OPTIONS,
    )
    for name, columns in (
        ("ix_fapiao_deduction_collection_id", ["collection_id"]),
        ("ix_fapiao_deduction_invoice_key", ["invoice_key", "taxpayer_no", "source", "observed_at"]),
        ("ix_fapiao_deduction_taxpayer_no", ["taxpayer_no", "tax_period"]),
    ):
        op.create_index(name, "fapiao_deduction", columns, schema=schema)
    quote = op.get_context().dialect.identifier_preparer.quote
    table = f"{quote(schema)}.fapiao_deduction" if schema else "fapiao_deduction"
    op.execute(
        f"CREATE VIEW {table}_current AS SELECT d.* FROM {table} d WHERE NOT EXISTS ("  # noqa: S608 - our names
        f"SELECT 1 FROM {table} n WHERE n.invoice_key = d.invoice_key AND n.taxpayer_no = d.taxpayer_no "
        "AND (n.observed_at > d.observed_at OR (n.observed_at = d.observed_at AND n.deduction_id > d.deduction_id)))"
    )


def _widen_collections(schema: str | None) -> None:
    """``kind`` and ``query`` become part of the generation's key."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild_collections()
        return
    kind = sa.Column(
        "kind", sa.String(8), nullable=False, server_default="collect", comment="collect: a vendor job; sync: lists"
    )
    query = sa.Column(
        "query", sa.String(255), nullable=False, server_default="", comment="of a sync: what was asked for"
    )
    for column in (kind, query):
        op.add_column("fapiao_collection", column, schema=schema)
    op.drop_constraint(_UNIQUE, "fapiao_collection", type_="unique", schema=schema)
    op.create_unique_constraint(_UNIQUE, "fapiao_collection", _KEY, schema=schema)


def _rebuild_collections() -> None:
    """SQLite changes no constraint of a table, so the table is made anew within the transaction.

    Slices point at its rows: with the check deferred, a row that comes back under its old key settles what its removal
    had opened.
    """
    names = (
        "collection_id, source, account, taxpayer_no, invoice_month, generation, state, vendor_job_id, joined, restarts, "
        "requests, vendor_code, vendor_message, opened_at, start_sent_at, started_at, closed_at"
    )
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute(f"CREATE TEMPORARY TABLE fapiao_collection_before AS SELECT {names} FROM fapiao_collection")  # noqa: S608 - our names
    op.execute("DROP TABLE fapiao_collection")
    op.execute(
        "CREATE TABLE fapiao_collection ("
        "collection_id INTEGER NOT NULL, source VARCHAR(32) NOT NULL, account VARCHAR(128) NOT NULL, "
        "taxpayer_no VARCHAR(32) NOT NULL, invoice_month VARCHAR(6) NOT NULL, kind VARCHAR(8) DEFAULT 'collect' NOT NULL, "
        "query VARCHAR(255) DEFAULT '' NOT NULL, generation INTEGER NOT NULL, state VARCHAR(16) NOT NULL, "
        "vendor_job_id VARCHAR(128), joined BOOLEAN NOT NULL, restarts INTEGER NOT NULL, requests INTEGER NOT NULL, "
        "vendor_code VARCHAR(64), vendor_message TEXT, opened_at DATETIME NOT NULL, start_sent_at DATETIME, "
        "started_at DATETIME, closed_at DATETIME,\n"
        # Constraints on lines of their own: SQLAlchemy 1.4 finds their names by line.
        "CONSTRAINT pk_fapiao_collection PRIMARY KEY (collection_id),\n"
        f"CONSTRAINT {_UNIQUE} UNIQUE ({', '.join(_KEY)}))"
    )
    op.create_index("ix_fapiao_collection_taxpayer_no", "fapiao_collection", ["taxpayer_no", "invoice_month"])
    op.execute(f"INSERT INTO fapiao_collection ({names}) SELECT {names} FROM fapiao_collection_before")  # noqa: S608 - our names
    op.execute("DROP TABLE fapiao_collection_before")
