"""Invoices per second end to end into PostgreSQL, beside the loop that a user writes by hand and beside dlt, in one run.

    python tests/benchmarks/bench_collect.py [--invoices N] [--latency S …] [--repeat K] [--memory] [--dlt PYTHON]

The vendor is the simulator in a process of its own, its pages rendered before the clock starts. Every measured run is a
fresh process and a fresh database; the rivals alternate, so that a busy machine is unkind to both. Figures are ratios of
medians; CPU is the client's alone, with its imports. ``--memory`` adds peak resident memory at 20,000 and 200,000 invoices. dlt lives in an environment of its own,
``build/venv-bench``, which ``make bench`` makes from ``requirements/bench.txt``; without it the race goes on without dlt.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parents[2]
MONTH = "202411"
TYPES = ("81", "82")
DIRECTIONS = ("jx",)


def main() -> None:
    arguments = _arguments()
    server = os.environ.get("FAPIAO_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")
    if arguments.child:
        _child(json.loads(arguments.child))
        return
    rivals = ["hand loop", "dlt", "fapiao"]
    if not arguments.dlt.exists():
        rivals.remove("dlt")
        print(f"dlt is left out: there is no {arguments.dlt}; 'make bench' installs it (requirements/bench.txt).")
    for latency in arguments.latency:
        per_slice = (arguments.invoices if latency < 0.05 else min(arguments.invoices, 12_000)) // len(TYPES)
        _race(server, rivals, str(arguments.dlt), per_slice, latency, arguments.repeat)
    if arguments.memory:
        for invoices in (20_000, 200_000):
            result = _measured(server, "fapiao", "", invoices // len(TYPES), 0.0)
            print(f"memory at {invoices:>7,} invoices: {result['megabytes']:6.1f} MB, {result['rate']:,.0f} invoices/s")


def _race(server: str, rivals: list[str], dlt: str, per_slice: int, latency: float, repeat: int) -> None:
    rates: dict[str, list[float]] = {rival: [] for rival in rivals}
    costs: dict[str, list[float]] = {rival: [] for rival in rivals}
    for _ in range(repeat):
        for rival, seen in rates.items():
            measured = _measured(server, rival, dlt, per_slice, latency)
            seen.append(measured["rate"])
            costs[rival].append(measured["cpu"] / (per_slice * len(TYPES)) * 1e6)
    medians = {rival: statistics.median(seen) for rival, seen in rates.items()}
    print(
        f"latency {latency * 1000:3.0f} ms, {per_slice * len(TYPES):,} invoices: "
        + ", ".join(
            f"{rival} {rate:,.0f}/s ({statistics.median(costs[rival]):.0f} µs of CPU each)"
            for rival, rate in medians.items()
        )
    )
    for rival in rivals[:-1]:
        runs = ", ".join(f"{a / b:.2f}" for a, b in zip(rates["fapiao"], rates[rival], strict=True))
        print(f"    fapiao beside {rival}: {medians['fapiao'] / medians[rival]:.2f} (runs: {runs})", flush=True)


def _measured(server: str, rival: str, dlt: str, per_slice: int, latency: float) -> dict[str, float]:
    name = f"fapiao_bench_{uuid4().hex[:8]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        order = {"rival": rival, "per_slice": per_slice, "latency": latency, "url": url, "dlt": dlt}
        done = subprocess.run(
            [sys.executable, __file__, "--child", json.dumps(order)], check=True, stdout=subprocess.PIPE, text=True
        )
        answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return answer
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _child(order: dict[str, Any]) -> None:
    """One measured run. The simulator is a process of its own, and warm."""
    command = (
        "from fapiao.testing.simulator import serve; from fapiao_ekuaibao.simulator import EkuaibaoScenario as S; "
    )
    scenario = f"S(quirks=False, uniform={order['per_slice']}, queued_seconds=0.0, processing_seconds=0.0, latency={order['latency']}, cache_megabytes=1024)"
    simulator = subprocess.Popen(
        [sys.executable, "-c", f"{command}serve('ekuaibao', 0, {scenario})"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'provider'}{os.pathsep}{ROOT / 'plugins'}"},
    )
    try:
        assert simulator.stdout is not None
        started = json.loads(simulator.stdout.readline())
        _warm(started, order["per_slice"])
        before = _cpu()
        if order["rival"] == "dlt":
            seconds, invoices = _dlt(started, order["url"], order["dlt"])
        else:
            run = _fapiao if order["rival"] == "fapiao" else _hand_loop
            seconds, invoices = run(started, order["url"])
        assert invoices == order["per_slice"] * len(TYPES) * len(DIRECTIONS), invoices
        cpu = _cpu() - before
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"rate": invoices / seconds, "seconds": seconds, "cpu": cpu, "megabytes": megabytes}))
    finally:
        simulator.terminate()
        simulator.wait()


def _cpu() -> float:
    """CPU seconds of this process and of those it has waited for: the rival's, neither the vendor's nor the database's."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def _warm(started: dict[str, Any], per_slice: int) -> None:
    """Have every page rendered once, so that the vendor's cost is the same small one for both."""
    import requests

    connection = started["connection"]
    session = requests.Session()
    base = started["base_url"]
    login = {"appKey": connection["login"], "appSecurity": connection["password"]}
    token = session.post(f"{base}/api/openapi/v1/auth/getAccessToken", json=login).json()["value"]["accessToken"]
    common = {"corpId": connection["extra"]["corp_id"], "nsrsbh": started["taxpayers"][0], "kpyf": MONTH}
    job = {**common, "fplxs": list(TYPES), "jxxbzs": list(DIRECTIONS), "addJob": True}
    path = f"{base}/api/openapi/v2/invoice/v2/"
    session.post(f"{path}applyInvoiceCollectionTask", params={"accessToken": token}, json=job)
    time.sleep(0.1)
    for kind in TYPES:
        for direction in DIRECTIONS:
            for page in range(1, -(-per_slice // 100) + 1):
                body = {**common, "fplx": kind, "jxxbz": direction, "page": {"currentPage": page, "pageSize": 100}}
                session.post(f"{path}getInvoiceCollectionData", params={"accessToken": token}, json=body)


def _hand_loop(started: dict[str, Any], url: str) -> tuple[float, int]:
    sys.path.insert(0, str(Path(__file__).parent))
    import hand_loop

    connection = started["connection"]
    job = {"taxpayer_no": started["taxpayers"][0], "month": MONTH, "types": TYPES, "directions": DIRECTIONS}
    login = {"appKey": connection["login"], "appSecurity": connection["password"]}
    began = time.perf_counter()
    count = hand_loop.collect(started["base_url"], login, connection["extra"]["corp_id"], job, url)
    return time.perf_counter() - began, count


def _dlt(started: dict[str, Any], url: str, python: str) -> tuple[float, int]:
    connection = started["connection"]
    target = make_url(url)
    if target.password is None:
        target = target.set(password="none")  # dlt wants one, also where the server does not
    with tempfile.TemporaryDirectory() as folder:
        order = {
            "base_url": started["base_url"],
            "login": {"appKey": connection["login"], "appSecurity": connection["password"]},
            "corp_id": connection["extra"]["corp_id"],
            "taxpayer_no": started["taxpayers"][0],
            "month": MONTH,
            "types": TYPES,
            "directions": DIRECTIONS,
            "url": target.render_as_string(hide_password=False),
            "folder": folder,
        }
        script = Path(__file__).with_name("dlt_pipeline.py")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [python, str(script), json.dumps(order)], check=True, stdout=subprocess.PIPE, text=True, cwd=folder,
            env=environment,
        )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["seconds"], answer["invoices"]


def _fapiao(started: dict[str, Any], url: str) -> tuple[float, int]:
    sys.path[:0] = [str(ROOT / "provider"), str(ROOT / "plugins")]
    from fapiao.arguments import collect_request
    from fapiao.collecting.collection import Collector
    from fapiao.connection import Connection
    from fapiao.registry import Source
    from fapiao.store import Database
    from fapiao_ekuaibao import plugin

    document = started["connection"]
    document["extra"] |= {"requests_per_second": 0, "minimum_job_age": 0}
    source = Source.of(plugin)
    account = source.account(Connection.from_json(json.dumps(document), conn_id="benchmark"))
    Database.migrate_url(url)
    request = collect_request(
        source.descriptor,
        taxpayer_no=started["taxpayers"][0],
        invoice_month=MONTH,
        now=time.time(),
        types=TYPES,
        directions=("input",),
        poll_interval=0.05,
    )
    began = time.perf_counter()
    with Collector(source, account, Database.connect(url), request) as collector:
        while (waiting := collector.advance()) is not None:
            time.sleep(max(0.0, waiting.not_before - time.time()))
        collector.verdict()
        count = collector.manifest().loaded
    return time.perf_counter() - began, count


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=20_000)
    parser.add_argument("--latency", type=float, action="append", metavar="S")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--dlt", type=Path, default=ROOT / "build/venv-bench/bin/python", metavar="PYTHON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.latency = arguments.latency or [0.0, 0.1]
    return arguments


if __name__ == "__main__":
    main()
