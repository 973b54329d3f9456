"""Plugins that are broken in a way that no recording shows: one misspeaks to its vendor, one says nothing of itself."""

from __future__ import annotations

from fapiao import hookimpl
from fapiao.spec import Descriptor
from fapiao.wire import Account, Flow, Request, Secret, Token
from fapiao_ekuaibao import Ekuaibao

__all__ = ["Mute", "plugin"]


class Misspeaking(Ekuaibao):
    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        body = {"key": account.login, "secret": account.secret}
        path = "/api/openapi/v1/auth/getAccessToken"
        response = yield Request(method="POST", path=path, json=body, authorized=False)
        return Token(value=Secret(response.json()["value"]["accessToken"]))


class _Mute(Ekuaibao):
    @hookimpl
    def describe(self) -> Descriptor:
        raise KeyError("name")


plugin = Misspeaking()
Mute = _Mute()
