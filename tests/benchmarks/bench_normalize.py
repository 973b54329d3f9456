"""What reading one record costs per vendor and interface: the plugin's ``normalize``, then the gate with all its checks.

    python tests/benchmarks/bench_normalize.py [--count N] [--profile ekuaibao.collect]

CPU time per invoice of the simulators' mix (2.5 lines), the best of five. One process, one core.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "provider"), str(ROOT / "plugins")]

from fapiao.invoices.intake import examine  # noqa: E402 -- the path has to be set first
from fapiao.invoices.model import NormalizeContext  # noqa: E402
from fapiao.registry import registry  # noqa: E402
from vendors import MONTH, SPEAKERS, TAXPAYER, rows  # noqa: E402

_LATER = datetime(2024, 12, 2)  # noqa: DTZ001 -- naive China time, as the gate takes it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--profile", metavar="SOURCE.API")
    arguments = parser.parse_args()
    for source, api in SPEAKERS:
        work = _work(source, api, arguments.count)
        if arguments.profile == f"{source}.{api}":
            profile = cProfile.Profile()
            profile.runcall(work)
            pstats.Stats(profile).sort_stats("tottime").print_stats(20)
        elif arguments.profile is None:
            _measure(f"{source}.{api}", work)


def _work(source: str, api: str, count: int) -> Callable[[], list[Any]]:
    context = NormalizeContext(
        source=source, api=api, taxpayer_no=TAXPAYER, invoice_month="" if api == "sync" else MONTH, type="81",
        direction="" if api == "verify" else "input",
    )  # fmt: skip
    normalize = registry.get(source).normalizer()
    raws = rows((source, api), "81", "input", count)
    return lambda: [
        examine(raw, place, normalize(raw=raw, context=context), context, _LATER) for place, raw in enumerate(raws)
    ]


def _measure(name: str, work: Callable[[], list[Any]]) -> None:
    made: list[Any] = []
    seconds: list[float] = []
    for _ in range(5):
        began = time.process_time()
        made = work()
        seconds.append(time.process_time() - began)
    invoices = [one.invoice for one in made if one.invoice is not None]
    size = sum(len(invoice.lines) for invoice in invoices) / len(invoices)
    size_of_raw = len(msgspec.json.encode([one.raw for one in made], enc_hook=str)) // len(made)
    cost = min(seconds) / len(made)
    print(
        f"{name:20s} {cost * 1e6:6.1f} µs per invoice ({size:.1f} lines, {size_of_raw:,} bytes), "
        f"{1 / cost:,.0f}/s, {len(made) - len(invoices)} rejected"
    )


if __name__ == "__main__":
    main()
