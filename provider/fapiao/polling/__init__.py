"""Many that wait for vendors' jobs share their looks: one poll of a job at a time, one queue and one client per account.

Decisions are made by :mod:`~fapiao.polling.queue`, which knows no clock and does no I/O; :mod:`~fapiao.polling.poller` carries
them out in an event loop. Nothing here touches a database, and nothing here knows Airflow.
"""

from fapiao.polling.look import Look, LookKind
from fapiao.polling.poller import AccountPoller
from fapiao.polling.queue import Ending, PollQueue, Waiter, Watch, Why
from fapiao.polling.shared import polling
from fapiao.polling.vigil import Vigil

__all__ = [
    "AccountPoller",
    "Ending",
    "Look",
    "LookKind",
    "PollQueue",
    "Vigil",
    "Waiter",
    "Watch",
    "Why",
    "polling",
]
