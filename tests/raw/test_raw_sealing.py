"""Raw encrypted at rest: with the right key everything works as without, without it nothing is read and nothing is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from fapiao.errors import ConfigurationError, StoreError
from fapiao.invoices.model import Finding, Rejected, Severity
from fapiao.redaction import redact
from fapiao.store.access.sealing import FILE_VARIABLE, VARIABLE, RawKeys
from rereading import PLUGIN, Shop, plain, record

Shops = Callable[..., Shop]
REASON = Finding(rule="V1", severity=Severity.REJECT, field="day", message="The day cannot be read.")


def key() -> str:
    return Fernet.generate_key().decode()


def filled(shops: Shops, into: str) -> Shop:
    shop = shops(into, input=[record(1), record(2)])
    PLUGIN.mapping = lambda raw: Rejected(reasons=(REASON,)) if raw["no"] == record(2)["no"] else plain(raw)
    shop.collect()
    return shop


def test_what_is_sealed_is_opened_and_plain_rows_stay_readable() -> None:
    keys = RawKeys(key())
    sealed = keys.seal(b"x\x9cdata")
    assert b"data" not in sealed
    assert keys.open(sealed, "page 1") == b"x\x9cdata"
    assert keys.open(b"x\x9cdata", "page 1") == b"x\x9cdata"
    assert keys.open_text(keys.seal_text('{"no": "一"}'), "page 1") == '{"no": "一"}'
    assert keys.open_text('{"no": "一"}', "page 1") == '{"no": "一"}'
    assert RawKeys().seal(b"x\x9cdata") == b"x\x9cdata"


def test_a_key_is_replaced_by_putting_the_new_one_in_front() -> None:
    old, new = key(), key()
    sealed = RawKeys(old).seal(b"data")
    both = RawKeys(f" {new} , {old}")
    assert both.open(sealed, "page 1") == b"data"
    assert RawKeys(new).open(both.seal(b"more"), "page 1") == b"more"
    with pytest.raises(StoreError, match="page 1"):
        RawKeys(new).open(sealed, "page 1")


def test_a_text_that_is_no_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RawKeys(f"{key()},canary-not-a-key")
    assert "Key 2 in FAPIAO_RAW_KEY" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "canary" not in redact("canary-not-a-key")


def test_a_collection_is_sealed_and_interpreted_again(shops: Shops, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, key())
    shop = filled(shops, url)
    stored: list[Any] = [
        *shop.rows_of("page", "transcript"),
        *(text.encode() for text in shop.rows_of("rejected", "raw")),
    ]
    assert all(b"fapiao" in part[:10] for part in stored)
    assert not any(record(2)["no"].encode() in part for part in stored)
    assert shop.renormalize().changes.rows == 0
    assert shop.renormalize(plain).changes.loaded == 1


def test_plain_and_sealed_pages_live_together(shops: Shops, sqlite_into: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = filled(shops, sqlite_into)
    monkeypatch.setenv(VARIABLE, key())
    shop.collect()
    assert len({bytes(part[:7]) for part in shop.rows_of("page", "transcript")} & {b"fapiao:"}) == 1
    assert shop.renormalize(plain).changes.loaded == 2


def test_keys_may_come_from_a_file(tmp_path: Path) -> None:
    old, new = key(), key()
    path = tmp_path / "raw_key"
    path.write_text(f"{new},{old}\n")
    found = RawKeys.from_environment({FILE_VARIABLE: str(path)})
    assert found.open(RawKeys(old).seal(b"data"), "page 1") == b"data"


def test_the_variable_comes_before_the_file(tmp_path: Path) -> None:
    secret = key()
    found = RawKeys.from_environment({VARIABLE: secret, FILE_VARIABLE: str(tmp_path / "missing")})
    assert RawKeys(secret).open(found.seal(b"data"), "page 1") == b"data"


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b"\n", "no key"), (b"\xff", "not text"), (b"x", "Key 1")]
)
def test_a_file_without_a_key_is_an_error_and_not_plain_storage(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "raw_key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        RawKeys.from_environment({FILE_VARIABLE: str(path)})
    assert FILE_VARIABLE in str(caught.value)


@pytest.mark.parametrize("other", ["", "wrong"])
def test_without_the_key_the_run_stops_and_names_the_page(
    shops: Shops, sqlite_into: str, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setenv(VARIABLE, secret := key())
    shop = filled(shops, sqlite_into)
    before = shop.everything()
    monkeypatch.setenv(VARIABLE, key() if other else "")
    with pytest.raises(StoreError) as caught:
        shop.renormalize(plain)
    assert "page 1 (source atlas" in str(caught.value)
    assert VARIABLE in caught.value.advice
    assert secret not in str(caught.value)
    assert shop.everything() == before


def test_a_damaged_page_is_told_from_a_wrong_key_by_nobody_but_never_read(sqlite_into: str) -> None:
    keys = RawKeys(key())
    sealed = bytearray(keys.seal(b"data"))
    sealed[-1] ^= 1
    with pytest.raises(StoreError, match="damaged"):
        keys.open(bytes(sealed), "page 7")


def test_the_key_prints_as_stars_and_is_masked_everywhere() -> None:
    secret = key()
    keys = RawKeys(secret)
    assert secret not in f"{keys!r} {keys} {vars(keys)}"
    assert secret not in redact(f"{VARIABLE}={secret}")
