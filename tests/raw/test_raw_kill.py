"""Killed at any instant, run again: the end is the same as without the kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rereading import PLUGIN, Shop, plain, record

Shops = Callable[..., Shop]
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from rereading import PLUGIN, SOURCES
from fapiao.rereading.renormalizing import renormalize
from fapiao.store import Database
SOURCES.get("atlas")
renormalize(
    Database.connect(sys.argv[1]), sources=SOURCES, clock=lambda: 1_790_000_000.0,
    progress=lambda changes: print(changes.pages, flush=True),
)
"""


@pytest.mark.kill
@pytest.mark.parametrize("batches", [1, 2])
def test_a_killed_run_is_run_again_and_ends_as_if_nothing_had_happened(shops: Shops, url: str, batches: int) -> None:
    shop = shops(url, page_size=1, input=[record(n) for n in range(1, 121)], output=[record(n) for n in range(60, 70)])
    PLUGIN.mapping = lambda raw: plain({**raw, "no": ""}) if raw["no"].endswith("7") else plain(raw, seller_name=None)
    shop.collect()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("provider", "plugins", "tests/support")),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, shop.url], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    with process.stdout:
        for _ in range(batches):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    shop.renormalize(plain)
    assert set(shop.rows_of("invoice", "seller_name")) == {"甲乙丙测试有限公司"}
    assert len(shop.rows_of("invoice")) == 120
    assert shop.rows_of("rejected") == []
    assert [row[1] for row in shop.slices()] == ["complete", "complete"]
    assert shop.rows_of("collection", "state") == ["complete"]
    assert [name for name in shop.rows_of("counter", "name") if name != "invoice_key"] == []
    assert shop.renormalize().changes.rows == 0
