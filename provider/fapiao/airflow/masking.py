"""Every secret that fapiao learns, also a token obtained while running, is given to Airflow's masker as well."""

from __future__ import annotations

import asyncio
import functools

from fapiao import redaction
from fapiao.airflow.compat import amask_secret, mask_secret

__all__ = ["mask_in_airflow"]

_under_way: set[asyncio.Task[None]] = set()


@functools.cache
def mask_in_airflow() -> None:
    """From now on, in this process, values registered with ``fapiao.redaction`` are masked by Airflow too."""
    redaction.on_register(_mask)


def _mask(value: str) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        mask_secret(value)
        return
    # In a triggerer: telling the supervisor synchronously would block the loop.
    task = loop.create_task(amask_secret(value))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
