"""The kit as tests: one class to derive from."""

from __future__ import annotations

from typing import Any, ClassVar

from fapiao.testing.conformance.check import Check, NotApplicable, run
from fapiao.testing.conformance.checks import CHECKS
from fapiao.testing.conformance.kit import Kit

__all__ = ["SourceConformance"]


class SourceConformance:
    """One test for each check of the kit::

        class TestAcme(SourceConformance):
            kit = Kit(plugin="fapiao_acme:plugin", vendor=simulated(AcmeSimulator), …)

    ``pytest -k B1`` runs one check, ``pytest --live`` also those that talk to the real vendor.
    """

    kit: ClassVar[Kit]

    def pytest_generate_tests(self, metafunc: Any) -> None:
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", CHECKS, ids=[check.id for check in CHECKS])

    def test_conforms(self, check: Check, request: Any) -> None:
        """Collected by pytest once for each check."""
        import pytest

        if check.live and not request.config.getoption("--live", default=False):
            pytest.skip("talks to the real vendor: needs --live")
        try:
            run(check, self.kit, {known.id for known in CHECKS})
        except NotApplicable as reason:
            pytest.skip(str(reason))
