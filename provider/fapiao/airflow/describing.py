"""What a vendor plugin says about itself, asked for in a way that cannot hurt the process that asks."""

from __future__ import annotations

import logging
import threading

import msgspec

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

    The plugin is imported in a thread and with a registry of its own: one that never returns costs :data:`PATIENCE`
    seconds once, and holds no lock that a running collection waits for.

    :raises SourceUnavailable: it cannot be imported, does not keep the contract, or takes too long.
    """
    if name not in _known:
        _known[name] = _ask(name)
        problem = _known[name]
        if isinstance(problem, SourceUnavailable):
            log.warning("The fapiao source %s gives no connection form: %s", name, problem)
    known = _known[name]
    if isinstance(known, SourceUnavailable):
        raise known
    return known


def _ask(name: str) -> Descriptor | SourceUnavailable:
    answers: list[Descriptor | SourceUnavailable] = []

    def describe() -> None:
        try:
            descriptor = Registry().get(name).descriptor
            # Structs do not check types when they are built, so a careless plugin may hold anything.
            answers.append(msgspec.convert(msgspec.to_builtins(descriptor), Descriptor))
        except SourceUnavailable as problem:
            answers.append(problem)
        except BaseException as problem:  # noqa: BLE001 - a plugin may even call exit(); it is named in what is raised
            answers.append(_unavailable(name, f"{type(problem).__name__}: {problem}"))

    worker = threading.Thread(target=describe, name=f"fapiao-describe-{name}", daemon=True)
    worker.start()
    worker.join(PATIENCE)
    return answers[0] if answers else _unavailable(name, f"it was not described within {PATIENCE:.0f} seconds")


def _unavailable(name: str, reason: str) -> SourceUnavailable:
    return SourceUnavailable(f"The source plugin {name} cannot be used: {reason}", source=name)
