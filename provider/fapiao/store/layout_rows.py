"""Rows of layout tasks and links as answers bring them, inside the transaction of the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.verification_tables import layout_links, layout_tasks
from fapiao.wire import LayoutLink, LayoutTask

__all__ = ["add_links", "add_task"]


def add_task(connection: Connection, task: LayoutTask, now: float, here: Mapping[str, Any]) -> None:
    """Enter a task unless it is known: the same invoice checked again on the same day has the same one.

    :param here: ``source``, ``account`` and ``verification_id``.
    """
    table = layout_tasks.c
    known = sa.select(table.layout_task_id).where(
        table.source == here["source"], table.account == here["account"], table.task_id == task.task_id
    )
    if connection.execute(known).first() is None:
        connection.execute(
            layout_tasks.insert().values(
                task_id=task.task_id,
                taxpayer_no=task.taxpayer_no,
                number=task.number,
                state="waiting",
                opened_at=now,
                **here,
            )
        )


def add_links(
    connection: Connection, links: Sequence[LayoutLink], number: str, now: float, here: Mapping[str, Any]
) -> None:
    """Enter the links of one answer, each once."""
    table = layout_links.c
    for link in links:
        url = link.url.reveal()
        url_hash = hashlib.blake2b(url.encode(), digest_size=16).hexdigest()
        known = sa.select(table.layout_link_id).where(
            table.verification_id == here["verification_id"], table.kind == link.kind, table.url_hash == url_hash
        )
        if connection.execute(known).first() is None:
            connection.execute(
                layout_links.insert().values(
                    number=number,
                    kind=link.kind,
                    url=url,
                    url_hash=url_hash,
                    state="waiting",
                    tries=0,
                    received_at=now,
                    **here,
                )
            )
