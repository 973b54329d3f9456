"""Recorded conversations with a vendor, kept as files and played again to both drivers, without a network.

A :class:`Cassette` holds *logical* requests, as a flow yields them, and their final answers. Host, token, signature and
retried attempts are added after that point, so none of them can be in it.
"""

from __future__ import annotations

from fapiao.testing.cassettes.cassette import Cassette, Question, Recorded
from fapiao.testing.cassettes.masking import Masker
from fapiao.testing.cassettes.player import Player
from fapiao.testing.cassettes.recorder import Recorder
from fapiao.testing.cassettes.replaying import Replay

__all__ = ["Cassette", "Masker", "Player", "Question", "Recorded", "Recorder", "Replay"]
