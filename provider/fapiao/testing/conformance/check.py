"""What a check is, and how its outcome is told: plugin, hook, what was seen, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from fapiao.errors import FapiaoError
from fapiao.testing.conformance.kit import Kit

__all__ = ["Breach", "Check", "NonConforming", "NotApplicable", "Stuck", "run"]

DOCUMENT = "docs/conformance"
"""The index is this with ``.md``; each check has its page in the folder of that name."""
_SHORTEST_REASON = 20


class Breach(msgspec.Struct, frozen=True):
    """One thing that is not as it must be."""

    hook: str
    """The hook at fault; ``kit`` where the declaration lacks something."""
    seen: str
    remedy: str


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check. ``id`` is for good: documents and skips name it."""

    id: str
    title: str
    """What holds when it passes, as a sentence."""
    examine: Callable[[Kit], Iterable[Breach]]
    live: bool = False
    """Talks to the real vendor, only where it is asked for."""


class NonConforming(AssertionError):
    """The plugin does not pass a check. The text is for its author."""

    def __init__(self, check: str, plugin: str, breaches: Iterable[Breach]) -> None:
        self.check = check
        self.breaches = tuple(breaches)
        lines = [
            f"{check}: source {plugin}, hook {breach.hook}: {breach.seen}. Remedy: {breach.remedy}"
            for breach in self.breaches
        ]
        super().__init__("\n".join([*lines, f"See {DOCUMENT}/{check}.md."]))


class NotApplicable(Exception):
    """The check is about something that this plugin does not have; the text says what."""


class Stuck(Exception):
    """The plugin does not get through an ordinary conversation, so there is nothing to examine."""

    def __init__(self, hook: str, seen: str) -> None:
        super().__init__(seen)
        self.hook = hook
        self.seen = seen


def run(check: Check, kit: Kit, known: Iterable[str]) -> None:
    """Examine.

    :param known: the ids of all checks.
    :raises NonConforming: it does not pass, or a skip has no reason.
    :raises NotApplicable: it cannot be passed, by nature or by ``Kit.skip``.
    """
    unknown = sorted(set(kit.skip) - set(known))
    if unknown:
        breach = Breach("kit", f"skip names {', '.join(unknown)}, which no check is called", f"see {DOCUMENT}.md")
        raise NonConforming(check.id, kit.plugin, [breach])
    if check.id in kit.skip:
        reason = kit.skip[check.id].strip()
        if len(reason) < _SHORTEST_REASON or " " not in reason:
            breach = Breach(
                "kit",
                f"the check is skipped with the reason {reason!r}",
                "write in a sentence what in the vendor's document makes it impossible to pass",
            )
            raise NonConforming(check.id, kit.plugin, [breach])
        raise NotApplicable(f"skipped: {reason}")
    try:
        breaches = list(check.examine(kit))
    except Stuck as stuck:
        breaches = [
            Breach(
                stuck.hook,
                stuck.seen,
                "the plugin must get through one ordinary conversation with the kit's vendor first: mend the hook, or the "
                "scenario and the arguments that the kit declares",
            )
        ]
    except FapiaoError as error:
        named = re.search(r"[Tt]he hook (\w+)", error.what)
        breaches = [
            Breach(
                named.group(1) if named else "kit",
                str(error),
                "mend what the kit declares, or the hook that the text names",
            )
        ]
    if breaches:
        raise NonConforming(check.id, _named(kit), breaches)


def _named(kit: Kit) -> str:
    try:
        return kit.name
    except FapiaoError:
        return kit.plugin
