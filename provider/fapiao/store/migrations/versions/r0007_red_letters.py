"""What red-letter invoices refer to; links between documents, held invoices and coverage as views.

There is no way back: the older table of links has no place for a reference whose document is not known yet.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import context, op

from fapiao.invoices.red_letter import parse
from fapiao.store.tables.columns import TABLE_OPTIONS, EpochTime, big_key
from fapiao.store.tables.views import VIEWS

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PORTION = 500


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    references = op.create_table(
        "fapiao_invoice_reference",
        sa.Column("invoice_key", big_key(), autoincrement=False, nullable=False, comment="the red-letter invoice"),
        sa.Column(
            "scheme", sa.String(16), nullable=False, comment="of the blue one: digital20 code_no; or confirmation"
        ),
        sa.Column("value", sa.String(96), nullable=False, comment="蓝字发票号码; 红字信息表 / 确认单编号"),
        sa.Column(
            "is_certain",
            sa.Boolean(),
            nullable=False,
            comment="the remark labels it; else a bare number of that length",
        ),
        sa.PrimaryKeyConstraint("invoice_key", "scheme", "value", name="pk_fapiao_invoice_reference"),
        schema=schema,
        comment="what the remark of a red-letter invoice (红字) refers to; resolved in the view fapiao_invoice_link",
        **TABLE_OPTIONS,
    )
    op.create_index("ix_fapiao_invoice_reference_value", "fapiao_invoice_reference", ["value", "scheme"], schema=schema)
    op.create_table(
        "fapiao_invoice_merged",
        sa.Column("from_key", big_key(), autoincrement=False, nullable=False, comment="the key that is no more"),
        sa.Column("to_key", big_key(), nullable=False, comment="the document it went into"),
        sa.Column("merged_at", EpochTime(), nullable=False),
        sa.PrimaryKeyConstraint("from_key", name="pk_fapiao_invoice_merged"),
        schema=schema,
        comment="documents that turned out to be another one: a paper face met its digital number later",
        **TABLE_OPTIONS,
    )
    op.create_index("ix_fapiao_invoice_merged_to_key", "fapiao_invoice_merged", ["to_key"], schema=schema)
    quote = op.get_context().dialect.identifier_preparer.quote

    def named(name: str) -> str:
        return f"{quote(schema)}.fapiao_{name}" if schema else f"fapiao_{name}"

    # On MySQL an interrupted migration may have come further: then the table of that name is gone or a view.
    if context.is_offline_mode() or "fapiao_invoice_link" in sa.inspect(op.get_bind()).get_table_names(schema=schema):
        _lead(named, schema)
    if not context.is_offline_mode():  # the printed SQL is for an empty database
        _refer(references, named("invoice"))
    for name, select in VIEWS.items():
        op.execute(f"CREATE VIEW {named(name)} AS {select(named)}")


def _lead(named: Callable[[str], str], schema: str | None) -> None:
    """What the table of links knew of merged documents."""
    op.execute(
        f"INSERT INTO {named('invoice_merged')} (from_key, to_key, merged_at) "  # noqa: S608 - our names
        f"SELECT from_key, MAX(to_key), MAX(linked_at) FROM {named('invoice_link')} GROUP BY from_key"
    )
    op.drop_table("fapiao_invoice_link", schema=schema)


def _refer(references: sa.Table, invoices: str) -> None:
    """Read the remarks of the red-letter invoices that are there already."""
    connection = op.get_bind()
    remarks = connection.execute(
        sa.text(f"SELECT invoice_key, remark FROM {invoices} WHERE is_red AND remark IS NOT NULL")  # noqa: S608 - our names
    ).all()
    connection.execute(references.delete())  # of an interrupted migration
    rows = [
        {"invoice_key": key, "scheme": scheme, "value": value, "is_certain": is_certain}
        for key, remark in remarks
        for (scheme, value), is_certain in parse(remark).named().items()
    ]
    for start in range(0, len(rows), _PORTION):
        connection.execute(references.insert(), rows[start : start + _PORTION])
