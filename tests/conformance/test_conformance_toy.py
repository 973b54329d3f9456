"""The toy plugins pass the kit: what is broken in the others is broken by what they change of the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from fapiao.testing.conformance import SourceConformance
from fapiao.wire import SyncQuery
from toy_kit import toy_kit

SKIPPED = {f"H{number}": "The vendors are examined inside Airflow, which takes seconds." for number in (1, 2)}


class TestToy(SourceConformance):
    kit = toy_kit(skip=SKIPPED)

    @pytest.fixture(autouse=True)
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An entry point of its own, for this test only."""
        monkeypatch.syspath_prepend(Path(__file__).parent / "site")


class TestListsBesideJobs(SourceConformance):
    """Both readings are examined, each for itself."""

    kit = toy_kit(
        "toy_lists:plugin",
        wish=SyncQuery(taxpayer_no="919900000000000192", query="A"),
        empty_wish=SyncQuery(taxpayer_no="919900000000000192", query="B"),
        skip=SKIPPED | {"A1": "Only the first toy has an entry point of its own."},
    )
