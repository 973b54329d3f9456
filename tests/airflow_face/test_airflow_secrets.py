"""Planted secrets are looked for everywhere that Airflow or we write to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.airflow

SECURITY = "canary-security-4711"


@pytest.mark.parametrize("way", ["one_blocking", "one_deferred", "steps_deferred"])
def test_no_secret_and_no_token_is_written_anywhere(
    way: str,
    face: Any,
    vendor: Callable[..., Any],
    into: str,
    airflow_home: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    simulator = vendor(app_security=SECURITY, processing_seconds=0.6)
    ran = face.run(way, into=into)
    assert ran.state == "success"
    tokens = simulator.tokens.given_out
    assert tokens
    said = capfd.readouterr()
    files = [path for path in airflow_home.rglob("*") if path.is_file()] + [Path(into.removeprefix("sqlite:///"))]
    places = {
        "standard output": said.out,
        "standard error": said.err,
        "the log": caplog.text,
        "the values": repr(ran.values),
        "the rendered fields": ran.rendered,
        **{str(path): path.read_bytes().decode("latin-1") for path in files},
    }
    for secret in (SECURITY, *tokens, *(quote(token, safe="") for token in tokens)):
        assert [place for place, text in places.items() if secret in text] == []
