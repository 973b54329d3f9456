"""From where a file may be fetched: judged by scheme, name and every address behind the name."""

from __future__ import annotations

from typing import Any

import pytest

from bureau import Bureau
from fapiao.engine.host_rules import HostRules, Refused

RULES = HostRules(hosts=frozenset({"files.vendor.test", "*.cdn.vendor.test"}))
PUBLIC = "93.184.215.14"


def judge(url: str, *addresses: str, rules: HostRules = RULES) -> Any:
    return rules.judge(url, lambda host, port: list(addresses or (PUBLIC,)))


def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    target = judge("https://files.vendor.test/a.pdf?sign=1")
    assert (target.address, target.host, target.port, target.path) == (
        PUBLIC,
        "files.vendor.test",
        443,
        "/a.pdf?sign=1",
    )
    assert "sign" not in repr(target)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.test/a.pdf",
        "https://files.vendor.test.elsewhere.test/a.pdf",
        "https://cdn.vendor.test/a.pdf",
        "https://files.vendor.test@elsewhere.test/a.pdf",
        "https://elsewhere.test\\@files.vendor.test/a.pdf",
        "https://files.vendor.test\t.elsewhere.test/",
        "https://127.0.0.1/a.pdf",
        "https://2130706433/a.pdf",
        "https://[::1]/a.pdf",
        "ftp://files.vendor.test/a.pdf",
        "file:///etc/passwd",
        "//files.vendor.test/a.pdf",
        "https:///a.pdf",
        "https://files.vendor.test:99999/a.pdf",
        "https://ｆiles.vendor.test/a.pdf",
        "",
    ],
)
def test_what_is_not_an_allowed_host_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        judge(url)
    assert refused.value.final


def test_a_star_stands_for_every_host_below() -> None:
    assert judge("https://a.b.CDN.vendor.test./x").host == "a.b.cdn.vendor.test"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_a_name_that_leads_into_the_own_network_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="allow_private_hosts"):
        judge("https://files.vendor.test/a.pdf", address)


def test_one_private_address_among_public_ones_refuses_all() -> None:
    with pytest.raises(Refused, match="private or local network"):
        judge("https://files.vendor.test/a.pdf", PUBLIC, "10.0.0.1")


def test_private_addresses_and_http_can_be_allowed() -> None:
    rules = HostRules(hosts=frozenset({"gateway"}), allow_private=True, allow_http=True)
    assert judge("http://gateway:8080/a.pdf", "10.0.0.1", rules=rules).port == 8080


def test_http_is_refused_unless_allowed() -> None:
    with pytest.raises(Refused, match="allow_http_files"):
        judge("http://files.vendor.test/a.pdf")


def test_a_name_that_cannot_be_looked_up_may_be_one_later() -> None:
    def fails(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(Refused) as refused:
        RULES.judge("https://files.vendor.test/a.pdf", fails)
    assert not refused.value.final


def test_the_rules_of_an_account_come_from_its_connection() -> None:
    account = Bureau().account(allowed_file_hosts="Files.vendor.test, *.cdn.vendor.test", allow_http_files=True)
    rules = HostRules.of(account)
    assert rules.hosts == {"bureau.test", "files.vendor.test", "*.cdn.vendor.test"}
    assert (rules.allow_http, rules.allow_private) == (True, False)
