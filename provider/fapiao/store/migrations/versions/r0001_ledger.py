"""The ledger: collections, slices, pages, what an account's processes share."""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key, epoch_seconds, long_bytes, long_text, money

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    prefix = f"{schema}." if schema else ""
    op.create_table(
        "fapiao_collection",
        sa.Column("collection_id", big_key(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False, comment="vendor plugin"),
        sa.Column("account", sa.String(128), nullable=False, comment="the vendor's own identity of the account"),
        sa.Column("taxpayer_no", sa.String(32), nullable=False, comment="纳税人识别号"),
        sa.Column("invoice_month", sa.String(6), nullable=False, comment="开票月份 yyyymm"),
        sa.Column(
            "generation", sa.Integer(), nullable=False, comment="from 1; collecting the month again is the next one"
        ),
        sa.Column(
            "state", sa.String(16), nullable=False, comment="intended starting started complete incomplete abandoned"
        ),
        sa.Column("vendor_job_id", sa.String(128)),
        sa.Column("joined", sa.Boolean(), nullable=False, comment="the vendor's job was active before we asked"),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("requests", big_key(), nullable=False, comment="requests sent, logins and retries included"),
        sa.Column("vendor_code", sa.String(64)),
        sa.Column("vendor_message", long_text()),
        sa.Column("opened_at", EpochTime(), nullable=False, comment="UTC, as every time of the pipeline"),
        sa.Column("start_sent_at", EpochTime()),
        sa.Column("started_at", EpochTime()),
        sa.Column("closed_at", EpochTime()),
        sa.PrimaryKeyConstraint("collection_id", name="pk_fapiao_collection"),
        sa.UniqueConstraint(
            "source", "account", "taxpayer_no", "invoice_month", "generation", name="uq_fapiao_collection_generation"
        ),
        schema=schema,
        comment="one vendor job for (account, taxpayer, invoice month)",
        **TABLE_OPTIONS,
    )
    op.create_index(
        "ix_fapiao_collection_taxpayer_no", "fapiao_collection", ["taxpayer_no", "invoice_month"], schema=schema
    )
    op.create_table(
        "fapiao_slice",
        sa.Column("slice_id", big_key(), nullable=False),
        sa.Column("collection_id", big_key(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False, comment="发票类型, the vendor's code"),
        sa.Column("direction", sa.String(8), nullable=False, comment="input 进项, output 销项"),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
            comment="waiting ready reading; final: complete empty unsupported rejected incomplete failed",
        ),
        sa.Column("read_no", sa.Integer(), nullable=False, comment="from 1; a slice whose total drifted is read again"),
        sa.Column("expected", sa.Integer(), comment="the vendor's own count"),
        sa.Column("loaded", sa.Integer(), nullable=False, comment="distinct invoices"),
        sa.Column("rejected", sa.Integer(), nullable=False, comment="quarantined records"),
        sa.Column("amount_excl_tax", money(), comment="不含税金额, sum of the loaded"),
        sa.Column("tax_amount", money(), comment="税额, sum of the loaded"),
        sa.Column("vendor_code", sa.String(64)),
        sa.Column("vendor_message", long_text()),
        sa.Column(
            "stale", sa.Boolean(), nullable=False, comment="readiness may belong to an earlier job of the vendor"
        ),
        sa.Column("retried", sa.Boolean(), nullable=False, comment="the vendor was asked again once"),
        sa.Column("changed_at", EpochTime(), nullable=False),
        sa.Column("closed_at", EpochTime()),
        sa.PrimaryKeyConstraint("slice_id", name="pk_fapiao_slice"),
        sa.ForeignKeyConstraint(
            ["collection_id"], [f"{prefix}fapiao_collection.collection_id"], name="fk_fapiao_slice_collection_id"
        ),
        sa.UniqueConstraint("collection_id", "type", "direction", name="uq_fapiao_slice_collection_id"),
        schema=schema,
        comment="the unit of completeness: expected = loaded + rejected",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_page",
        sa.Column("page_id", big_key(), nullable=False),
        sa.Column("slice_id", big_key(), nullable=False),
        sa.Column("read_no", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.String(255), nullable=False, comment="empty = first page"),
        sa.Column("api", sa.String(32), nullable=False),
        sa.Column("total", sa.Integer(), comment="the vendor's count as this page states it"),
        sa.Column("remaining", long_text(), nullable=False, comment="JSON list of the cursors this page made known"),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("loaded", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("amount_excl_tax", money(), nullable=False, comment="sum over the loaded records"),
        sa.Column("tax_amount", money(), nullable=False, comment="sum over the loaded records"),
        sa.Column("transcript", long_bytes(), nullable=False, comment="requests and answers in order, compressed"),
        sa.Column("transcript_sha256", sa.String(64), nullable=False),
        sa.Column("fetched_at", EpochTime(), nullable=False),
        sa.PrimaryKeyConstraint("page_id", name="pk_fapiao_page"),
        sa.ForeignKeyConstraint(["slice_id"], [f"{prefix}fapiao_slice.slice_id"], name="fk_fapiao_page_slice_id"),
        sa.UniqueConstraint("slice_id", "read_no", "cursor", name="uq_fapiao_page_slice_id"),
        schema=schema,
        comment="one committed read; the committed pages are the progress",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_slice_record",
        sa.Column("slice_id", big_key(), autoincrement=False, nullable=False),
        sa.Column("read_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("page_id", big_key(), autoincrement=False, nullable=False),
        sa.Column(
            "ordinal", sa.Integer(), autoincrement=False, nullable=False, comment="place of the record in its page"
        ),
        sa.Column("invoice_key", big_key(), comment="NULL: rejected, see fapiao_rejected"),
        sa.PrimaryKeyConstraint("slice_id", "read_no", "page_id", "ordinal", name="pk_fapiao_slice_record"),
        schema=schema,
        comment="which record of which page became which invoice",
        **TABLE_OPTIONS,
    )
    op.create_index("ix_fapiao_slice_record_invoice_key", "fapiao_slice_record", ["invoice_key"], schema=schema)
    op.create_table(
        "fapiao_rejected",
        sa.Column("page_id", big_key(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slice_id", big_key(), nullable=False),
        sa.Column("reasons", long_text(), nullable=False, comment="JSON list of all reasons"),
        sa.Column("raw", long_text(), nullable=False, comment="the record as the vendor gave it, JSON"),
        sa.Column("rejected_at", EpochTime(), nullable=False),
        sa.PrimaryKeyConstraint("page_id", "ordinal", name="pk_fapiao_rejected"),
        schema=schema,
        comment="quarantined records with all reasons",
        **TABLE_OPTIONS,
    )
    op.create_index("ix_fapiao_rejected_slice_id", "fapiao_rejected", ["slice_id"], schema=schema)
    op.create_table(
        "fapiao_account",
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("token", sa.Text(), comment="encrypted with a key derived from the account's secret"),
        sa.Column("token_expires_at", epoch_seconds(), comment="epoch seconds, as every time of this table"),
        sa.Column("token_renew_at", epoch_seconds()),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("renewal_holder", sa.String(255), comment="who logs in just now"),
        sa.Column("renewal_until", epoch_seconds()),
        sa.PrimaryKeyConstraint("source", "account", name="pk_fapiao_account"),
        schema=schema,
        comment="the current token of an account, shared by its processes",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_account_bucket",
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("bucket", sa.String(128), nullable=False, comment="the quota: a path of the vendor"),
        sa.Column("next_free", epoch_seconds(), nullable=False, comment="epoch seconds of the next free slot (GCRA)"),
        sa.PrimaryKeyConstraint("source", "account", "bucket", name="pk_fapiao_account_bucket"),
        schema=schema,
        comment="quota reservations of an account",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_account_permit",
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("expires_at", epoch_seconds(), nullable=False, comment="epoch seconds"),
        sa.PrimaryKeyConstraint("source", "account", "slot", name="pk_fapiao_account_permit"),
        schema=schema,
        comment="requests of an account that may be under way at once",
        **TABLE_OPTIONS,
    )
    op.create_table(
        "fapiao_counter",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("next_value", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_fapiao_counter"),
        schema=schema,
        comment="blocks of invoice keys are reserved here",
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    schema = op.get_context().version_table_schema
    for name in (
        "fapiao_counter",
        "fapiao_account_permit",
        "fapiao_account_bucket",
        "fapiao_account",
        "fapiao_rejected",
        "fapiao_slice_record",
        "fapiao_page",
        "fapiao_slice",
        "fapiao_collection",
    ):
        op.drop_table(name, schema=schema)
