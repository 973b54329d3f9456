"""易快报 / 合思 (ekuaibao) as a source of fapiao: a plugin without I/O."""

from __future__ import annotations

from fapiao_ekuaibao.source import Ekuaibao

__all__ = ["Ekuaibao", "plugin"]

plugin = Ekuaibao()
"""What the entry point ``ekuaibao`` of the group ``fapiao.sources`` names."""
