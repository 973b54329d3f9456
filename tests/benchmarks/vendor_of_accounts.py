"""A process that is one simulated vendor for each of many accounts, and counts what every job is asked."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from counting import CountingVendor, accounts
from fapiao.registry import registry

__all__ = ["serve"]


def serve(order: dict[str, Any]) -> None:
    """Print the connections; then ``report`` and ``settle`` are understood, a line each, until standard input ends."""
    slices = [[part.type, part.direction] for part in registry.get("ekuaibao").descriptor.slices()][: order["slices"]]
    vendors = accounts(
        order["accounts"],
        order["jobs"],
        slices,
        requests_per_second={"status": order["rate"]},
        rate_tolerance=1.0,  # a busy computer may not let this process look for so long
        latency=order["latency"],
    )
    print(json.dumps(_started(vendors, slices, order["rate"])), flush=True)
    for line in sys.stdin:
        if line.strip() == "settle":
            for vendor in vendors.values():
                vendor.settle()
        elif line.strip() == "report":
            print(json.dumps(_report(vendors)), flush=True)
    for vendor in vendors.values():
        threading.Thread(target=vendor.stop, daemon=True).start()


def _started(vendors: dict[str, CountingVendor], slices: list[list[str]], rate: float) -> dict[str, Any]:
    connections: dict[str, Any] = {}
    for conn_id, vendor in vendors.items():
        connections[conn_id] = vendor.airflow_connection(requests_per_second=rate)
        connections[f"http_{conn_id}"] = {"conn_type": "http", "host": vendor.base_url}
    known = {conn_id: vendor.scenario.taxpayers for conn_id, vendor in vendors.items()}
    return {"connections": connections, "taxpayers": known, "slices": slices}


def _report(vendors: dict[str, CountingVendor]) -> dict[str, Any]:
    gaps = [gap for vendor in vendors.values() for gap in vendor.gaps()]
    reports = [vendor.report() for vendor in vendors.values()]
    return {
        "looks": sum(vendor.looks() for vendor in vendors.values()),
        "most_in_ten_seconds": max(vendor.most_within(10.0) for vendor in vendors.values()),
        "shortest_gap": min(gaps, default=float("inf")),
        "longest_gap": max(gaps, default=0.0),
        "logins": sum(report.logins for report in reports),
        "over_rate": sum(report.over_rate for report in reports),
        "violations": sum(len(report.violations) for report in reports),
    }
