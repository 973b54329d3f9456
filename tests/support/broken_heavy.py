"""A plugin that brings an HTTP library along."""

from __future__ import annotations

import requests

from toy_source import Toy

__all__ = ["plugin"]


class Heavy(Toy):
    session = requests.Session


plugin = Heavy()
