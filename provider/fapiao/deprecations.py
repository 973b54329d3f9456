"""How the plugin specification takes its leave of a hook or a parameter: plugins that still use it are warned by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import msgspec

__all__ = ["Deprecation", "warn"]


class Deprecation(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the next major version of the specification will not have."""

    hook: str
    parameter: str = ""
    """Empty: the hook itself."""
    since: str
    """The release of fapiao that says so first."""
    instead: str
    """What to do, as a sentence."""

    def sentence(self, plugin: str) -> str:
        what = f"takes the parameter {self.parameter} of {self.hook}" if self.parameter else f"implements {self.hook}"
        return f"The source plugin {plugin} {what}, which is deprecated since fapiao {self.since}. {self.instead}"


def warn(plugin: str, hooks: Any, deprecations: Iterable[Deprecation]) -> None:
    """Warn (``DeprecationWarning``) once for each deprecated hook or parameter that a registered plugin uses.

    :param hooks: the ``hook`` of the plugin's manager.
    """
    for part in deprecations:
        for implementation in getattr(hooks, part.hook).get_hookimpls():
            if not part.parameter or part.parameter in implementation.argnames:
                warnings.warn(part.sentence(plugin), DeprecationWarning, stacklevel=3)
