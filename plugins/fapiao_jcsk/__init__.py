"""金财数科 (JCSK) as a source of fapiao: a plugin without I/O."""

from __future__ import annotations

from fapiao_jcsk.source import Jcsk

__all__ = ["Jcsk", "plugin"]

plugin = Jcsk()
"""What the entry point ``jcsk`` of the group ``fapiao.sources`` names."""
