"""Rows of layout tasks and links as answers bring them, inside the transaction of the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.tables.verifications import layout_links, layout_tasks
from fapiao.wire import LayoutLink, LayoutTask

__all__ = ["add_links", "add_task", "hash_of"]


def add_task(connection: Connection, task: LayoutTask, now: float, here: Mapping[str, Any]) -> bool:
    """Enter a task unless it is known: the same invoice checked again on the same day has the same one.

    :param here: ``source``, ``account`` and ``verification_id``.
    :return: whether it was not known.
    """
    table = layout_tasks.c
    known = sa.select(table.layout_task_id).where(
        table.source == here["source"], table.account == here["account"], table.task_id == task.task_id
    )
    if connection.execute(known).first() is not None:
        return False
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
    return True


def hash_of(link: LayoutLink) -> str:
    """What tells addresses apart after they were forgotten."""
    return hashlib.blake2b(link.url.reveal().encode(), digest_size=16).hexdigest()


def add_links(
    connection: Connection, links: Sequence[LayoutLink], number: str, now: float, here: Mapping[str, Any]
) -> int:
    """Enter the links of one answer, each once. Returns how many were not known."""
    table = layout_links.c
    new = 0
    for link in links:
        url, url_hash = link.url.reveal(), hash_of(link)
        known = sa.select(table.layout_link_id).where(
            table.verification_id == here["verification_id"], table.kind == link.kind, table.url_hash == url_hash
        )
        if connection.execute(known).first() is None:
            new += 1
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
    return new
