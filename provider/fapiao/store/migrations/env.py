"""Run by Alembic for every command; what it needs is given by ``fapiao.store.access.migrating``."""

from alembic import context

from fapiao.store.access.resuming import resume
from fapiao.store.tables.schema import VERSION_TABLE, metadata

settings = dict(context.config.attributes["fapiao"])
context.configure(
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    version_table_schema=settings.pop("schema"),
    **settings,
)
if not context.is_offline_mode():
    resume(context.get_context())
with context.begin_transaction():
    context.run_migrations()
