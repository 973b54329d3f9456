"""An index that finds an archived file by its content: what it says is interpreted again from the raw of that content."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    op.create_index("ix_fapiao_layout_file_sha256", "fapiao_layout_file", ["sha256"], schema=schema)
