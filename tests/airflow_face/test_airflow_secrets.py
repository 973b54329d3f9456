"""Planted secrets are looked for everywhere that Airflow or we write to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet

from fapiao.store.access.sealing import RawKeys

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


def stored_raw(into: str) -> list[bytes]:
    with closing(sqlite3.connect(into.removeprefix("sqlite:///"))) as connection:
        return [bytes(row[0]) for row in connection.execute("SELECT transcript FROM fapiao_page")]


def test_raw_answers_are_sealed_with_the_key_in_an_airflow_connection(
    face: Any,
    vendor: Callable[..., Any],
    into: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    secret = Fernet.generate_key().decode()
    monkeypatch.setenv("AIRFLOW_CONN_FAPIAO_RAW_KEY", json.dumps({"conn_type": "generic", "password": secret}))
    vendor()
    ran = face.run("one_blocking", into=into)

    assert ran.state == "success"
    pages = stored_raw(into)
    assert pages
    for page in pages:
        assert RawKeys(secret).open(page, "a page") != page
    said = capfd.readouterr()
    assert not any(secret in text for text in (said.out, said.err, caplog.text, repr(ran.values), ran.rendered))


def test_a_key_connection_without_a_key_stores_nothing_plain(
    face: Any, vendor: Callable[..., Any], into: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FAPIAO_RAW_KEY", json.dumps({"conn_type": "generic"}))
    vendor()
    ran = face.run("one_blocking", into=into)
    assert ran.state == "failed"
    assert "The connection fapiao_raw_key has no key for raw answers" in capfd.readouterr().out
