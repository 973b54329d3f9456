"""Migrations on MySQL and MariaDB, which commit each DDL statement by itself: what an interrupted one has done is not done again."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

__all__ = ["resume"]

log = logging.getLogger(__name__)

_DONE_BEFORE = frozenset((1050, 1051, 1060, 1061, 1068, 1091, 1826))
"""Table or view, column, index, key or constraint is there already; or, dropped, no more."""


def resume(context: MigrationContext) -> None:
    """Let the revisions of this run step over their own statements of before. On other databases a revision is all or nothing."""
    if context.dialect.name not in ("mysql", "mariadb"):
        return
    execute = context.impl._exec

    def step(*arguments: Any, **options: Any) -> Any:
        try:
            return execute(*arguments, **options)
        except sa.exc.DBAPIError as error:
            code = error.orig.args[0] if error.orig is not None and error.orig.args else None
            if code not in _DONE_BEFORE:
                raise
            log.info("done before the migration was interrupted (%s)", code)
            return None

    context.impl._exec = step  # type: ignore[method-assign]  # of this run, not of the class: others migrate, too
