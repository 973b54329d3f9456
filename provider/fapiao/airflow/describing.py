"""What a vendor plugin says about itself, asked for in a way that cannot hurt the process that asks."""

from __future__ import annotations

import logging

from fapiao.errors import SourceUnavailable
from fapiao.registry import Registry
from fapiao.spec import Descriptor

__all__ = ["PATIENCE", "descriptor_of"]

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that a plugin may take to be imported and described."""

_known: dict[str, Descriptor | SourceUnavailable] = {}


def descriptor_of(name: str) -> Descriptor:
    """The descriptor of an installed source; asked for once per process, a failure is remembered and warned about once.

    It is asked through a registry of its own: a plugin that never comes back costs :data:`PATIENCE` seconds here, while a
    running collection gives it the time it needs.

    :raises SourceUnavailable: it cannot be imported, does not keep the contract, or takes too long.
    """
    if name not in _known:
        try:
            _known[name] = Registry(patience=PATIENCE).get(name).descriptor
        except SourceUnavailable as problem:
            _known[name] = problem
            log.warning("The fapiao source %s gives no connection form: %s", name, problem)
    known = _known[name]
    if isinstance(known, SourceUnavailable):
        raise known
    return known
