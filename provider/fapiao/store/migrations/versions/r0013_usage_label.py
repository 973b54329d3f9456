"""The view of held invoices again: a use of input tax that no table has is 未知, and not empty as if there was none."""

from alembic import op

from fapiao.store.tables.views import VIEWS

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_VIEW = "v_invoice"


def upgrade() -> None:
    context = op.get_context()
    schema, quote = context.version_table_schema, context.dialect.identifier_preparer.quote

    def named(name: str) -> str:
        return f"{quote(schema)}.fapiao_{name}" if schema else f"fapiao_{name}"

    create = "CREATE OR REPLACE VIEW"  # rights to read it stay, and other views that are made of it
    if context.dialect.name == "sqlite":
        op.execute(f"DROP VIEW {named(_VIEW)}")
        create = "CREATE VIEW"
    op.execute(f"{create} {named(_VIEW)} AS {VIEWS[_VIEW](named)}")
