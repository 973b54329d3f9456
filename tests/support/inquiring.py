"""A month that is collected, then verified with its layout files, in one database: what is interpreted again afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bureau import Bureau, amount_of, claim, claims, digital_number
from fapiao.rereading.renormalizing import Renormalized, renormalize
from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from fapiao.wire import Claim
from misreading import BOTH, BUREAU
from offices import KINDS, Office
from rereading import HOLDER, SELLER, Shop, meaning_of, record, rows_of
from trying import china

__all__ = ["Inquiry", "StillClock", "shelved"]


class StillClock:
    """It stands until somebody sleeps on it: two runs of the same steps are dated alike."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


def shelved(place: int, **changes: Any) -> dict[str, Any]:
    """What the other vendor says about the invoice at a place, in accord with the bureau."""
    return record(place, **{"net": f"{amount_of(place) - 13}.00", "tax": "13.00"} | changes)


class Inquiry(Office):
    """An office whose plugin is ``misreading.BUREAU``, beside a shop that collects. Everything is done by one thread."""

    def __init__(self, url: str, files: str = "") -> None:
        BUREAU.mistake()
        super().__init__(Database.connect(url), Bureau())
        self.shop = Shop(url)
        self.bureau.plugin = BUREAU
        self.bureau.more = {"buyer_no": HOLDER, "seller_no": SELLER}
        self.bureau.url = files or self.bureau.url
        self.clock: Any = StillClock(china("2024-12-20 12:00"))
        self.settings = {"max_concurrency": 1}

    def close(self) -> None:
        self.database.close()
        self.shop.database.close()

    def collect(self, *rows: dict[str, Any]) -> None:
        """A generation of the month with these invoices."""
        self.shop.rows["input"] = list(rows)
        self.shop.collect()

    def ask(self, claims: Sequence[Claim], **options: Any) -> None:
        """Verify, a minute after whatever was before."""
        self.clock.sleep(60)
        self.verify(list(claims), **options)

    def fetch(self, folder: Path) -> None:
        """Ask for the links, and archive the files, each a minute later."""
        self.clock.sleep(60)
        with self.archiver(None) as made:
            assert made.ask() is None
        self.clock.sleep(60)
        self.archive(folder)

    def busy(self, folder: Path) -> None:
        """A little of everything: collected before and after, genuine, unknown, different, with files and without."""
        self.collect(shelved(1), shelved(2, net="99.00"), shelved(3))
        self.bureau.script = {digital_number(5): ["NotExist"], digital_number(6): ["NotSame"]}
        self.ask(claims(2, layouts=KINDS))
        self.ask([claim(place) for place in (3, 4, 5, 6)])
        self.fetch(folder)
        self.shop.now = self.clock() + 86_400
        self.collect(shelved(1, state="3"), shelved(2, net="99.00"), shelved(4, by="别的测试有限公司"), shelved(5))
        self.clock.now = self.shop.now
        self.ask([claim(1)], max_age=0.0)

    def renormalize(self, *mistakes: str, **wanted: Any) -> Renormalized:
        """Interpret everything again, with the plugin as it is right, or with these mistakes."""
        BUREAU.mistake(*mistakes)
        return renormalize(self.database, sources=BOTH, clock=lambda: self.clock() + 3600, **wanted)

    def of(self, name: str, *columns: str) -> list[Any]:
        """See :func:`rereading.rows_of`."""
        return rows_of(self.database, name, *columns)

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        return {name: self.of(name.removeprefix("fapiao_")) for name in sorted(metadata.tables)}

    def meaning(self, *left_out: str) -> dict[str, list[Any]]:
        """See :func:`rereading.meaning_of`."""
        return meaning_of(self.database, *left_out)
