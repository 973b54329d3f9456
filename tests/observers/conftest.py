"""A month collected from the simulated vendor while somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fapiao.store import Database
from trying import Trial, trial


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most trials."""
    path = tmp_path_factory.mktemp("template") / "fapiao.db"
    Database.migrate_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def trying(template: Path, tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    """Begin a trial: ``trying({…scenario…}, page_size=5)``. See :func:`trying.trial`."""
    with ExitStack() as stack:

        def begin(scenario: dict[str, Any] | None = None, **given: Any) -> Trial:
            return stack.enter_context(trial(template, tmp_path, scenario or {}, **given))

        yield begin
