"""The task of Airflow's that has worked on a generation last: coverage leads to its log."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    for column in (
        sa.Column(
            "dag_id", sa.String(250), comment="of the Airflow task that worked on it last; NULL: the command line did"
        ),
        sa.Column("task_id", sa.String(250), comment="of that task"),
        sa.Column("run_id", sa.String(250), comment="of that task"),
        sa.Column("map_index", sa.Integer(), comment="of that task; -1: not mapped"),
        sa.Column("try_number", sa.Integer(), comment="of that task, from 1"),
    ):
        op.add_column("fapiao_collection", column, schema=schema)
