"""Airflow to click through, on this machine alone: the example DAGs and simulated vendors. Run it with ``make up``.

Everything it writes is in ``build/up``, which it empties first. Ctrl-C ends all of it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from airflow_home import ROOT
from showcase import Showcase

TOUR = """\
Trigger these; nothing runs by itself:
  collect_taxpayers    a month of three taxpayers, a mapped task each, waiting in the triggerer
  monthly_collection   one taxpayer in three steps
  deduction_sync       the deduction states, from another vendor
  verify_and_archive   after collect_taxpayers with the parameter conn_id = qixiangyun_default
Look at Admin > Connections too: each vendor has its own form, and Test logs in.
"""


def end_on_signals() -> None:
    """Ctrl-C, and what ends a terminal or a service, leave the program in order; a second one does not disturb that."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        print("Ending Airflow …", flush=True)
        raise SystemExit(0)

    for each in signals:
        signal.signal(each, end)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the user interface; another one where it is taken")
    parser.add_argument(
        "--home", type=Path, default=ROOT / "build" / "up", help="the folder of all files; it is emptied"
    )
    arguments = parser.parse_args()
    end_on_signals()
    showcase = Showcase(arguments.home.resolve(), arguments.port)
    print("Starting Airflow and the simulated vendors …", flush=True)
    with showcase.running() as standalone:
        print(f"Airflow {version('apache-airflow')}  {showcase.api.url}  user admin, password {showcase.password}")
        for name, simulator in showcase.simulators.items():
            print(f"Simulated {name}  {simulator.base_url}  connection {name}_default")
        print(f"Invoices go to  sqlite:///{showcase.database}\n\n{TOUR}\nCtrl-C ends it.", flush=True)
        standalone.wait()
    print(f"Airflow has ended by itself; its log is {showcase.log}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
