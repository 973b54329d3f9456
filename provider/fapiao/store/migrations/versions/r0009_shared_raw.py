"""One read that brings several slices: its raw is kept once."""

import sqlalchemy as sa
from alembic import op

from fapiao.store.tables.columns import big_key

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "fapiao_page",
        sa.Column(
            "raw_page_id", big_key(), comment="the page whose transcript this one was read from too; its own is empty"
        ),
        schema=op.get_context().version_table_schema,
    )
