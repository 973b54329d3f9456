"""The personal data policy. It begins as the default one; a database that has rows already still has to apply it to them."""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_DEFAULT = {
    "identity": "mask",
    "name": "keep",
    "contact": "keep",
    "bank": "keep",
    "remark": "keep",
    "property": "keep",
    "unknown": "keep",
}


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    table = op.create_table(
        "fapiao_personal_data",
        sa.Column("policy_id", sa.Integer(), autoincrement=False, nullable=False, comment="1: there is one policy"),
        *[sa.Column(name, sa.String(8), nullable=False, comment="keep mask hash drop") for name in _DEFAULT],
        sa.Column("version", sa.Integer(), nullable=False, comment="counts the changes of the policy"),
        sa.Column(
            "applied_version",
            sa.Integer(),
            nullable=False,
            comment="which of them has reached everything that is stored",
        ),
        sa.Column("key_fingerprint", sa.String(16), comment="tells which key hashes were made with, not the key"),
        sa.Column(
            "done_invoice_key", big_key(), nullable=False, comment="while a change is applied: documents up to this"
        ),
        sa.Column(
            "done_page_id", big_key(), nullable=False, comment="while a change is applied: raw answers up to this"
        ),
        sa.Column(
            "done_verification_id", big_key(), nullable=False, comment="while a change is applied: checks up to this"
        ),
        sa.Column("changed_at", EpochTime(), comment="UTC; NULL: it is the default one"),
        sa.PrimaryKeyConstraint("policy_id", name="pk_fapiao_personal_data"),
        schema=schema,
        comment="what becomes of each class of personal data (个人信息) in this database",
        **TABLE_OPTIONS,
    )
    pages = sa.table("fapiao_page", sa.column("page_id"), schema=schema)
    zero: sa.ColumnClause[int] = sa.literal_column("0")
    one: sa.ColumnClause[int] = sa.literal_column("1")
    nothing_stored = sa.case((sa.exists(sa.select(pages.c.page_id)), zero), else_=one)
    values = {
        "policy_id": one,
        **{name: sa.literal_column(f"'{action}'") for name, action in _DEFAULT.items()},
        "version": one,
        "applied_version": nothing_stored,
        **dict.fromkeys(("done_invoice_key", "done_page_id", "done_verification_id"), zero),
    }
    op.execute(table.insert().from_select(list(values), sa.select(*values.values())))
