"""Totals from outside, to hold what is stored against."""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, money

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fapiao_control_total",
        sa.Column("taxpayer_no", sa.String(32), nullable=False, comment="纳税人识别号"),
        sa.Column(
            "kind", sa.String(16), nullable=False, comment="invoices: of an invoice month; deduction: of a tax period"
        ),
        sa.Column("period", sa.String(6), nullable=False, comment="开票月份 or, of a deduction, 税款所属期; yyyymm"),
        sa.Column("direction", sa.String(8), nullable=False, comment="input 进项, output 销项; of a deduction input"),
        sa.Column("doc_type", sa.String(32), nullable=False, comment="发票类型, canonical; empty: all types together"),
        sa.Column("invoice_count", sa.Integer(), comment="份数; NULL: the total does not say"),
        sa.Column("amount_excl_tax", money(), comment="金额, 不含税; NULL: the total does not say"),
        sa.Column("tax_amount", money(), comment="税额, of a deduction 有效抵扣税额; NULL: the total does not say"),
        sa.Column(
            "origin", sa.String(255), nullable=False, comment="来源: where the total is from, in the user's words"
        ),
        sa.Column("stored_at", EpochTime(), nullable=False, comment="UTC; when these numbers were stored"),
        sa.PrimaryKeyConstraint(
            "taxpayer_no", "period", "kind", "direction", "doc_type", name="pk_fapiao_control_total"
        ),
        schema=op.get_context().version_table_schema,
        comment="totals from outside (控制总数): the bureau's export, the bookkeeping, 附表二 of the VAT return",
        **TABLE_OPTIONS,
    )
