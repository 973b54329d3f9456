"""A sync that was cut off goes on where its stored pages end: they are billed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from fapiao.collecting.sync import YOUNG
from fapiao.errors import VendorBroken
from fapiao.store.tables.ledger import collections, pages
from fapiao.testing.scenario import Count
from fapiao_jcsk.simulator import JcskSimulator, Payload
from syncing import Desk, JcskCommand, rows

Vendor = Callable[..., JcskSimulator]
Commands = Callable[..., JcskCommand]
AtDesk = Callable[..., Desk]


@pytest.mark.kill
@pytest.mark.parametrize("code", ["15", "40"])
def test_a_killed_sync_pays_for_no_stored_page_again(vendor: Vendor, command: Commands, into: str, code: str) -> None:
    simulator = vendor(uniform=None, counts=(Count(type=code, count=1500),), latency=0.1)
    own = command(simulator, max_concurrency=1)
    grouped = ["--set", "adapter=1"] if code == "40" else []
    killed = own.start(*own.syncing(into, [code], *grouped))
    engine = sa.create_engine(into)
    stored = 0
    deadline = time.monotonic() + 60
    while stored < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
        with engine.connect() as connection:
            stored = connection.execute(sa.select(sa.func.count()).select_from(pages)).scalar_one()
    killed.kill()
    killed.communicate()
    with engine.connect() as connection:
        kept = set(connection.execute(sa.select(pages.c.cursor)).scalars())
    engine.dispose()
    assert 4 <= len(kept) < 15
    done = own.sync(into, [code], *grouped)
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    assert (manifest["generation"], manifest["state"], manifest["slices"][0]["loaded"]) == (1, "complete", 1500)
    reads, *counts = simulator.report().reads.values()
    assert counts == ([{"1": 1}] if code == "40" else []), "a grouped list is counted once, in the other shape"
    asked_twice = {page for page, times in reads.items() if times > 1}
    assert asked_twice <= {str(len(kept) + 1)}, "at most the page that was under way"
    assert manifest["billed"] == len(rows(into, pages))


def test_an_unfinished_sync_is_continued_while_it_is_young(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=230, payloads=(Payload(kind="not_json", page=3, first=1),))
    broken = desk.sync("11")
    assert isinstance(broken.error, VendorBroken)
    desk.clock.sleep(YOUNG - 600)
    done = desk.sync("11")
    assert done.told.run == broken.told.run
    assert desk.improper() == ["1 pages were read again"], "the bad one"


def test_one_of_yesterday_is_given_up(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=230, payloads=(Payload(kind="not_json", page=3, first=1),))
    broken = desk.sync("11")
    desk.clock.sleep(YOUNG)
    desk.turn(revision=2, payloads=())
    done = desk.sync("11")
    assert done.error is None
    assert (done.told.generation, done.told.state) == (2, "complete")
    assert done.told.run != broken.told.run
    assert [row["state"] for row in rows(desk.url, collections)] == ["abandoned", "complete"]


def test_each_question_has_generations_of_its_own(at_desk: AtDesk) -> None:
    desk = at_desk()
    asked = [
        desk.sync("11"),
        desk.sync("11", tax_period="202411"),
        desk.sync("11", filters={"fplxdm": "81"}),
        desk.sync("11", first_on="2024-11-01", last_on="2024-11-30"),
        desk.sync("10", "11"),
        desk.sync("11"),
    ]
    assert [(one.told.query, one.told.tax_period, one.told.generation) for one in asked] == [
        ("11", "", 1),
        ("11 202411", "202411", 1),
        ("11 fplxdm=81", "", 1),
        ("11 2024-11-01..2024-11-30", "", 1),
        ("10,11", "", 1),
        ("11", "", 2),
    ]
    assert [one.error for one in asked] == [None] * 6
