"""Parts: a month may need several jobs of the vendor, and each slice knows the one that collected it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    op.add_column(
        "fapiao_collection",
        sa.Column(
            "part",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="which slices the job started last is for",
        ),
        schema=schema,
    )
    op.add_column(
        "fapiao_slice",
        sa.Column(
            "part",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="slices of one number are collected by one job",
        ),
        schema=schema,
    )
    op.add_column(
        "fapiao_slice",
        sa.Column("vendor_job_id", sa.String(128), comment="of the job that collected the slice"),
        schema=schema,
    )
    quote = op.get_context().dialect.identifier_preparer.quote
    prefix = f"{quote(schema)}." if schema else ""
    # So far one job collected all slices of a generation.
    op.execute(
        f"UPDATE {prefix}fapiao_slice SET vendor_job_id = (SELECT c.vendor_job_id FROM {prefix}fapiao_collection c "  # noqa: S608 - our names
        f"WHERE c.collection_id = {prefix}fapiao_slice.collection_id)"
    )
