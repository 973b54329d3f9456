"""The option ``--live`` of the conformance kit. Every pytest of the environment loads it, so it is light and steps aside.

The distribution is installed wherever Airflow runs; a project there may have a ``--live`` of its own. So the option is added
when all plugins and conftests have added theirs, and only where the name is still free.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

__all__ = ["pytest_load_initial_conftests"]


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None, None, None]:
    """Called before the command line is read for good."""
    yield
    group = parser.getgroup("fapiao", "conformance of fapiao's vendor plugins")
    try:
        group.addoption(
            "--live",
            action="store_true",
            default=False,
            help="run the conformance checks that talk to the real vendor, with the connection of FAPIAO_CONN_<SOURCE>",
        )
    except ValueError:
        return  # somebody else's option of that name decides
