"""企享云 (Qixiangyun) as a source of fapiao: a plugin without I/O."""

from __future__ import annotations

from fapiao_qixiangyun.source import Qixiangyun

__all__ = ["Qixiangyun", "plugin"]

plugin = Qixiangyun()
"""What the entry point ``qixiangyun`` of the group ``fapiao.sources`` names."""
