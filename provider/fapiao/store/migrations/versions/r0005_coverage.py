"""An index that finds the slices in trouble among millions that are not."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    op.create_index("ix_fapiao_slice_state", "fapiao_slice", ["state", "collection_id"], schema=schema)
