"""Tables of the ledger: what was asked, what came, how far it is, and what the processes of an account share."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key, epoch_seconds, long_bytes, long_text, money

__all__ = [
    "account_buckets",
    "account_permits",
    "accounts",
    "collections",
    "counters",
    "leases",
    "metadata",
    "pages",
    "rejections",
    "slice_records",
    "slices",
]

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

collections = Table(
    "fapiao_collection",
    metadata,
    Column("collection_id", big_key(), primary_key=True),
    Column("source", String(32), nullable=False, comment="vendor plugin"),
    Column("account", String(128), nullable=False, comment="the vendor's own identity of the account"),
    Column("taxpayer_no", String(32), nullable=False, comment="纳税人识别号"),
    Column("invoice_month", String(6), nullable=False, comment="开票月份 yyyymm"),
    Column("kind", String(8), nullable=False, server_default="collect", comment="collect: a vendor job; sync: lists"),
    Column("query", String(255), nullable=False, server_default="", comment="of a sync: what was asked for"),
    Column("generation", Integer, nullable=False, comment="from 1; collecting the month again is the next one"),
    Column("state", String(16), nullable=False, comment="intended starting started complete incomplete abandoned"),
    Column("vendor_job_id", String(128)),
    Column("part", Integer, nullable=False, server_default="0", comment="which slices the job started last is for"),
    Column("joined", Boolean, nullable=False, comment="the vendor's job was active before we asked"),
    Column("restarts", Integer, nullable=False),
    Column("requests", big_key(), nullable=False, comment="requests sent, logins and retries included"),
    Column("vendor_code", String(64)),
    Column("vendor_message", long_text()),
    Column("opened_at", EpochTime(), nullable=False, comment="UTC, as every time of the pipeline"),
    Column("start_sent_at", EpochTime()),
    Column("started_at", EpochTime()),
    Column("closed_at", EpochTime()),
    Column("dag_id", String(250), comment="of the Airflow task that worked on it last; NULL: the command line did"),
    Column("task_id", String(250), comment="of that task"),
    Column("run_id", String(250), comment="of that task"),
    Column("map_index", Integer, comment="of that task; -1: not mapped"),
    Column("try_number", Integer, comment="of that task, from 1"),
    UniqueConstraint(
        "source",
        "account",
        "taxpayer_no",
        "invoice_month",
        "kind",
        "query",
        "generation",
        name="uq_fapiao_collection_generation",
    ),
    Index("ix_fapiao_collection_taxpayer_no", "taxpayer_no", "invoice_month"),
    comment="one vendor job for (account, taxpayer, invoice month)",
    **TABLE_OPTIONS,
)

slices = Table(
    "fapiao_slice",
    metadata,
    Column("slice_id", big_key(), primary_key=True),
    Column("collection_id", big_key(), ForeignKey("fapiao_collection.collection_id"), nullable=False),
    Column("type", String(32), nullable=False, comment="发票类型, the vendor's code"),
    Column("direction", String(8), nullable=False, comment="input 进项, output 销项"),
    Column(
        "state",
        String(16),
        nullable=False,
        comment="waiting ready reading; final: complete empty unsupported rejected incomplete failed",
    ),
    Column("read_no", Integer, nullable=False, comment="from 1; a slice whose total drifted is read again"),
    Column(
        "part", Integer, nullable=False, server_default="0", comment="slices of one number are collected by one job"
    ),
    Column("vendor_job_id", String(128), comment="of the job that collected the slice"),
    Column("expected", Integer, comment="the vendor's own count"),
    Column("loaded", Integer, nullable=False, comment="distinct invoices"),
    Column("rejected", Integer, nullable=False, comment="quarantined records"),
    Column("amount_excl_tax", money(), comment="不含税金额, sum of the loaded"),
    Column("tax_amount", money(), comment="税额, sum of the loaded"),
    Column("vendor_code", String(64)),
    Column("vendor_message", long_text()),
    Column("stale", Boolean, nullable=False, comment="readiness may belong to an earlier job of the vendor"),
    Column("retried", Boolean, nullable=False, comment="the vendor was asked again once"),
    Column("changed_at", EpochTime(), nullable=False),
    Column("closed_at", EpochTime()),
    UniqueConstraint("collection_id", "type", "direction"),
    Index("ix_fapiao_slice_state", "state", "collection_id"),  # what is in trouble, without reading what is not
    comment="the unit of completeness: expected = loaded + rejected",
    **TABLE_OPTIONS,
)

pages = Table(
    "fapiao_page",
    metadata,
    Column("page_id", big_key(), primary_key=True),
    Column("slice_id", big_key(), ForeignKey("fapiao_slice.slice_id"), nullable=False),
    Column("read_no", Integer, nullable=False),
    Column("cursor", String(255), nullable=False, comment="empty = first page"),
    Column("api", String(32), nullable=False),
    Column("total", Integer, comment="the vendor's count as this page states it"),
    Column("remaining", long_text(), nullable=False, comment="JSON list of the cursors this page made known"),
    Column("record_count", Integer, nullable=False),
    Column("loaded", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("amount_excl_tax", money(), nullable=False, comment="sum over the loaded records"),
    Column("tax_amount", money(), nullable=False, comment="sum over the loaded records"),
    Column("billed", Integer, comment="units that the vendor says it charges for this read"),
    Column("transcript", long_bytes(), nullable=False, comment="requests and answers in order, compressed"),
    Column("transcript_sha256", String(64), nullable=False),
    Column("fetched_at", EpochTime(), nullable=False),
    Column("raw_page_id", big_key(), comment="the page whose transcript this one was read from too; its own is empty"),
    UniqueConstraint("slice_id", "read_no", "cursor"),
    comment="one committed read; the committed pages are the progress",
    **TABLE_OPTIONS,
)

slice_records = Table(
    "fapiao_slice_record",
    metadata,
    Column("slice_id", big_key(), primary_key=True, autoincrement=False),
    Column("read_no", Integer, primary_key=True, autoincrement=False),
    Column("page_id", big_key(), primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, comment="place of the record in its page"),
    Column("invoice_key", big_key(), comment="NULL: rejected, see fapiao_rejected"),
    Index("ix_fapiao_slice_record_invoice_key", "invoice_key"),
    comment="which record of which page became which invoice",
    **TABLE_OPTIONS,
)

rejections = Table(
    "fapiao_rejected",
    metadata,
    Column("page_id", big_key(), primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("slice_id", big_key(), nullable=False, index=True),
    Column("reasons", long_text(), nullable=False, comment="JSON list of all reasons"),
    Column("raw", long_text(), nullable=False, comment="the record as the vendor gave it, JSON"),
    Column("rejected_at", EpochTime(), nullable=False),
    comment="quarantined records with all reasons",
    **TABLE_OPTIONS,
)

accounts = Table(
    "fapiao_account",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("token", Text, comment="encrypted with a key derived from the account's secret"),
    Column("token_expires_at", epoch_seconds(), comment="epoch seconds, as every time of this table"),
    Column("token_renew_at", epoch_seconds()),
    Column("token_version", Integer, nullable=False),
    Column("renewal_holder", String(255), comment="who logs in just now"),
    Column("renewal_until", epoch_seconds()),
    comment="the current token of an account, shared by its processes",
    **TABLE_OPTIONS,
)

account_buckets = Table(
    "fapiao_account_bucket",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("bucket", String(128), primary_key=True, comment="the quota: a path of the vendor"),
    Column("next_free", epoch_seconds(), nullable=False, comment="epoch seconds of the next free slot (GCRA)"),
    comment="quota reservations of an account",
    **TABLE_OPTIONS,
)

account_permits = Table(
    "fapiao_account_permit",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(255), nullable=False),
    Column("expires_at", epoch_seconds(), nullable=False, comment="epoch seconds"),
    comment="requests of an account that may be under way at once",
    **TABLE_OPTIONS,
)

leases = Table(
    "fapiao_lease",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("taxpayer_no", String(32), primary_key=True, comment="纳税人识别号"),
    Column("collection_id", big_key(), nullable=False, comment="the generation that has the turn"),
    Column("expires_at", epoch_seconds(), nullable=False, comment="epoch seconds"),
    Column("is_over", Boolean, nullable=False, comment="the holder's job was seen to have ended at the vendor"),
    comment="whose turn it is: vendors run one job per tax number",
    **TABLE_OPTIONS,
)

counters = Table(
    "fapiao_counter",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("next_value", big_key(), nullable=False),
    comment="blocks of invoice keys are reserved here",
    **TABLE_OPTIONS,
)
