"""Old raw can be removed without losing the proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapiao.errors import ConfigurationError
from fapiao.invoices.model import Finding, Rejected, Severity
from fapiao.rereading.purging import purge, purge_instant
from fapiao.store.raw.pages import is_purged
from rereading import PLUGIN, Shop, plain, record

Shops = Callable[..., Shop]
REASON = Finding(rule="V1", severity=Severity.REJECT, field="day", message="The day cannot be read.")


def odd_rejected(raw: dict[str, Any]) -> Any:
    return Rejected(reasons=(REASON,)) if int(raw["no"]) % 2 else plain(raw)


def test_raw_goes_and_the_proof_stays(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(n) for n in range(1, 8)])
    PLUGIN.mapping = odd_rejected
    shop.collect()
    before = shop.everything()
    counted = purge(shop.database, "2024-12-31", shop.now + 40 * 86_400, dry_run=True)
    assert shop.everything() == before, "a dry run removes nothing"
    done = purge(shop.database, "2024-12-31", shop.now + 40 * 86_400)
    assert done == counted
    assert (done.pages, done.rejected) == (4, 4)
    assert done.stored_bytes > 0
    assert set(shop.rows_of("page", "transcript")) == {b""}
    assert all(map(is_purged, shop.rows_of("rejected", "raw")))
    kept = ("record_count", "loaded", "rejected", "transcript_sha256", "amount_excl_tax", "total")
    names = [column.name for column in shop.table("page").columns]
    was = [tuple(row[names.index(name)] for name in kept) for row in before["fapiao_page"]]
    assert shop.rows_of("page", *kept) == was
    assert shop.everything()["fapiao_slice"] == before["fapiao_slice"]
    again = purge(shop.database, "2024-12-31", shop.now + 40 * 86_400)
    assert (again.pages, again.stored_bytes, again.rejected) == (0, 0, 0)


def test_only_what_was_read_before_goes(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1)])
    shop.collect()
    shop.now += 31 * 86_400
    shop.collect()
    assert purge(shop.database, "202501", shop.now).pages == 2
    assert [bool(transcript) for transcript in shop.rows_of("page", "transcript")] == [False, False, True, True]


def test_purged_pages_keep_what_they_said_and_are_counted(shops: Shops, url: str) -> None:
    shop = shops(url, input=[record(n) for n in range(1, 4)])
    PLUGIN.mapping = lambda raw: plain(raw, seller_name=None)
    shop.collect()
    shop.now += 31 * 86_400
    shop.rows["input"] = [record(2), record(3), record(4)]
    shop.collect()
    purge(shop.database, "202501", shop.now)
    done = shop.renormalize(plain)
    assert done.purged == 2
    assert "2 pages cannot be replayed, their raw was purged" in done.to_text()
    named = dict(shop.rows_of("invoice", "digital_number", "seller_name"))
    assert [named[record(n)["no"]] is None for n in (1, 2, 3, 4)] == [True, False, False, False]
    assert len(shop.rows_of("observation")) == 4 + 2, "what the purged pages said is still there"
    before = shop.everything()
    assert shop.renormalize().changes.rows == 0
    assert shop.everything() == before


@pytest.mark.parametrize("text", ["2024-13-01", "2024-1-1", "20241", "202413", "yesterday", "", "2024-12-31T00:00"])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not valid"):
        purge_instant(text, 1_800_000_000.0)


def test_a_day_that_has_not_begun_in_china_is_refused() -> None:
    begins = 1_735_574_400.0  # 2024-12-31 00:00 in China
    assert purge_instant("2024-12-31", begins) == begins
    with pytest.raises(ConfigurationError, match="future"):
        purge_instant("2024-12-31", begins - 1)
    with pytest.raises(ConfigurationError, match="future"):
        purge_instant("209901", begins)
