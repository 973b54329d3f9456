"""Leases: whose turn it is, of the collections of one tax number."""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import TABLE_OPTIONS, big_key, epoch_seconds

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    op.create_table(
        "fapiao_lease",
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("taxpayer_no", sa.String(32), nullable=False, comment="纳税人识别号"),
        sa.Column("collection_id", big_key(), nullable=False, comment="the generation that has the turn"),
        sa.Column("expires_at", epoch_seconds(), nullable=False, comment="epoch seconds"),
        sa.Column(
            "is_over", sa.Boolean(), nullable=False, comment="the holder's job was seen to have ended at the vendor"
        ),
        sa.PrimaryKeyConstraint("source", "taxpayer_no", name="pk_fapiao_lease"),
        schema=schema,
        comment="whose turn it is: vendors run one job per tax number",
        **TABLE_OPTIONS,
    )
