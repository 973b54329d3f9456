"""What thousands of waiting tasks cost a triggerer, beside Airflow's own deferrable HTTP sensor, in one run.

    python tests/benchmarks/bench_triggerer.py [--tasks N …] [--jobs N] [--accounts N] [--interval S] [--rate R] [--airflow]

The vendor is a process of its own with one simulated vendor for each account; it counts the requests of each job. Every
rival is a process of its own that runs nothing but triggers, in one event loop: created one after another with a turn of the
loop in between, as Airflow's TriggerRunner does, or (``--airflow``, Airflow 3) by that very class without its supervisor. *bare*
are triggers that only wait; what they cost is what Airflow itself costs.

The rival needs ``pip install apache-airflow-providers-http``; without it only the others are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
MONTH = "202411"


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        asyncio.run(_child(json.loads(arguments.child)))
        return
    if arguments.vendor:
        import vendor_of_accounts

        vendor_of_accounts.serve(json.loads(arguments.vendor))
        return
    rivals = ["bare", "fapiao", *(["http"] if importlib.util.find_spec("airflow.providers.http") else [])]
    if "http" not in rivals:
        print("Airflow's HTTP sensor is not measured: pip install apache-airflow-providers-http")
    for tasks in arguments.tasks:
        for rival in rivals if arguments.only is None else [arguments.only]:
            _race(arguments, rival, tasks)


def _race(arguments: argparse.Namespace, rival: str, tasks: int) -> None:
    order = {name: getattr(arguments, name) for name in ("jobs", "accounts", "rate", "slices", "latency")}
    with _process("--vendor", order) as (vendor, say):
        started = vendor()
        order |= {"rival": rival, "tasks": tasks, "interval": arguments.interval, "rounds": arguments.rounds}
        order |= {"airflow": arguments.airflow, "vendor": started}
        with _process("--child", order) as (child, _):
            waited = child()
            say("report")
            seen = vendor()
            say("settle")
            ended = child()
        rounds = waited["seconds"] / arguments.interval
        cpu = 1000 * waited["cpu"] / tasks / rounds
        print(
            f"{rival:6} {tasks:6,} tasks of {arguments.jobs:,} jobs, {arguments.accounts} accounts: "
            f"{cpu:6.3f} ms CPU a task and interval; loop lag ms (start, wait, end) "
            + ", ".join(f"{1000 * phase['lag']:.0f} ({1000 * phase['busy']:.0f} busy, {1000 * phase['collector']:.0f} collector)" for phase in (waited["start"], waited, ended))
            + f"; {waited['megabytes']:.0f} MB; started in {waited['start']['seconds']:.1f} s; {ended['ended']:,} ended in {ended['seconds']:.1f} s",
            flush=True,
        )  # fmt: skip
        if rival == "fapiao":
            gap = seen["shortest_gap"]
            print(
                f"       requests: {seen['looks']:,} looks; a job's shortest gap {gap:.2f} s, longest {seen['longest_gap']:.2f} s, "
                f"interval {arguments.interval:g} s; {seen['logins']} logins; at most {seen['most_in_ten_seconds']} of an "
                f"account within ten seconds, its quota is {10 * arguments.rate:g}; {seen['over_rate']} over quota, "
                f"{seen['violations']} violations",
                flush=True,
            )


@contextmanager
def _process(role: str, order: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """A child: a function that reads its next JSON line, and one that writes it a line."""
    home = tempfile.mkdtemp(prefix="fapiao-bench-")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "PYTHONPATH": os.pathsep.join(
            str(place) for place in (ROOT / "provider", ROOT / "plugins", ROOT / "tests/support", HERE.parent)
        ),
        "PYTHONWARNINGS": "ignore",
    }
    for conn_id, connection in order.get("vendor", {}).get("connections", {}).items():
        environment[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(connection)
    with (
        Path(os.environ.get("FAPIAO_BENCH_LOG", os.devnull)).open("ab") as log,
        subprocess.Popen(
            [sys.executable, str(HERE), role, json.dumps(order, default=str)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        ) as process,
    ):  # fmt: skip
        out: IO[str] | None = process.stdout
        into: IO[str] | None = process.stdin
        assert out is not None
        assert into is not None

        def read() -> Any:
            while line := out.readline():
                if line.startswith("{"):
                    return json.loads(line)
            raise SystemExit(f"the child {role} ended early; FAPIAO_BENCH_LOG=file keeps what it said")

        def write(line: str) -> None:
            into.write(line + "\n")
            into.flush()

        try:
            yield read, write
        finally:
            process.terminate()
            process.wait()


async def _child(order: dict[str, Any]) -> None:
    """Run the triggers; report after the waiting and after the end. Standard output is the report's alone."""
    # Airflow reads its environment when it is imported, so only here.
    import loop_probe
    import trigger_loops

    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Made when they are wanted: what the benchmark kept would be the garbage collector's work too.
    triggers = ((_classpath(order), arguments) for arguments in _arguments_of(order))
    loop = trigger_loops.AirflowLoop() if order["airflow"] else trigger_loops.PlainLoop()
    loop.load(_classpath(order))
    gc.collect()
    before = loop_probe.resident_megabytes()
    with loop_probe.Probe() as probe:
        running = asyncio.create_task(loop.run(triggers, order["tasks"]))
        while loop.created < order["tasks"]:  # noqa: ASYNC110 - a count in Airflow's own class, which tells nobody
            await asyncio.sleep(0.1)
        await asyncio.sleep(order["interval"])
        start = probe.phase()
        await asyncio.sleep(order["rounds"] * order["interval"])
        waited = probe.phase()
        megabytes = loop_probe.peak_megabytes() - before
        print(json.dumps(waited | {"start": start, "megabytes": megabytes}), file=report, flush=True)
        if order["rival"] == "fapiao":
            while loop.ended < order["tasks"]:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.1)
        ended = loop.ended
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        print(json.dumps(probe.phase() | {"ended": ended}), file=report, flush=True)


def _classpath(order: dict[str, Any]) -> str:
    return {
        "bare": "trigger_loops.Idle",
        "fapiao": "fapiao.airflow.triggers.CollectionTrigger",
        "http": "airflow.providers.http.triggers.http.HttpSensorTrigger",
    }[order["rival"]]


def _arguments_of(order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    jobs = [(conn_id, taxpayer) for conn_id, known in order["vendor"]["taxpayers"].items() for taxpayer in known]
    now = time.time()
    for number in range(order["tasks"]):
        # One task of each job after another: those of one job lie far apart, as after a restart.
        conn_id, taxpayer = jobs[number % len(jobs)]
        if order["rival"] == "fapiao":
            yield {
                "conn_id": conn_id,
                "source": "ekuaibao",
                "invoice_month": MONTH,
                "slices": order["vendor"]["slices"],
                "jobs": [{"taxpayer_no": taxpayer, "not_before": now}],
                "deadline": now + 86400,
                "poll_interval": order["interval"],
            }
        elif order["rival"] == "http":
            # A path that the vendor answers with 404: the sensor's "not yet".
            yield {"endpoint": "nothing", "http_conn_id": f"http_{conn_id}", "poke_interval": order["interval"]}
        else:
            yield {}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--slices", type=int, default=38, help="of each job; 38 are all of ekuaibao's")
    parser.add_argument("--interval", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=6.0, help="requests a second that the vendor allows an account")
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--airflow", action="store_true", help="in Airflow's own TriggerRunner (Airflow 3)")
    parser.add_argument("--only", help="one rival: bare, fapiao or http")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--vendor", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
