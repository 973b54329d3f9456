"""What may be asked of which list: the table in the document, and one message with everything that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fapiao.errors import ConfigurationError
from fapiao.wire import Account, SyncQuery
from fapiao_jcsk import plugin

Accounts = Callable[..., Account]
Query = Callable[..., SyncQuery]
LISTS = ("10", "11", "12", "15", "17", "40")
VALUES = {
    "adapter": "1", "fpdm": "9900241160", "fphm": "00123456", "fplxdm": "81,82", "fpztdm": "0,2,7,8", "fxdjdm": "01,02,03",
    "gxrq_q": "2024-11-01", "gxrq_z": "2024-11-30", "pageSize": "100", "qdfphm": "24990000000000000001", "znxpz": "N",
}  # fmt: skip
DOCUMENTED = {
    "fpdm": {"10", "11"}, "fphm": {"10", "11"}, "qdfphm": {"10", "11"}, "fpztdm": {"10", "11"}, "fxdjdm": {"10", "11"},
    "fplxdm": {"10", "11"}, "gxrq_q": {"11"}, "gxrq_z": {"11"}, "znxpz": {"12"}, "adapter": {"40"}, "pageSize": set(LISTS),
}  # fmt: skip


@pytest.mark.parametrize("code", LISTS)
@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_a_filter_goes_with_the_lists_that_the_document_names(
    account: Accounts, query: Query, name: str, code: str
) -> None:
    filters = {name: VALUES[name]}
    if name.startswith("gxrq"):
        filters = {key: VALUES[key] for key in ("gxrq_q", "gxrq_z")}
    wish = query(code, filters=filters)
    if code in DOCUMENTED[name]:
        assert plugin.sync_query(account(), wish).filters == tuple(sorted(filters.items()))
    else:
        with pytest.raises(ConfigurationError, match=f"{name} does not go with the list {code}; it goes with"):
            plugin.sync_query(account(), wish)


def test_a_wish_keeps_its_values_to_the_letter(account: Accounts, query: Query) -> None:
    wish = query(
        "11", tax_period="202411", first_on="2024-11-01", last_on="2024-12-15", filters={"fpztdm": "2", "fxdjdm": "02"}
    )
    unordered = msgspec.structs.replace(wish, filters=wish.filters[::-1])
    assert plugin.sync_query(account(), unordered) == wish


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query": "99"}, "'99' is not known; known are 10"),
        ({"query": ""}, "is not known"),
        ({"taxpayer_no": "91-x"}, "taxpayer number"),
        ({"tax_period": "202413"}, "tax period"),
        ({"tax_period": "2024-11"}, "tax period"),
        ({"first_on": "2024-11-01"}, "only one end"),
        ({"last_on": "2024-11-01"}, "only one end"),
        ({"first_on": "2024-11-31", "last_on": "2024-12-01"}, "'2024-11-31', which is no day"),
        ({"first_on": "20241101", "last_on": "2024-W01-1"}, "'2024-W01-1', which is no day"),
        ({"first_on": "2024-11-02", "last_on": "2024-11-01"}, "before they begin"),
        ({"filters": (("gxrq_q", "2024-11-01"),)}, "selection dates .* only one end"),
        ({"filters": (("gxrq_q", "2024-11-01"), ("gxrq_z", "x"))}, "no day"),
        ({"filters": (("page", "2"),)}, "reads every page itself"),
        ({"filters": (("iszip", "1"),)}, "argument of its own"),
        ({"filters": (("rzzt", "1"),)}, "argument of its own"),
        ({"filters": (("skssq", "202411"),)}, "argument of its own"),
        ({"filters": (("rq_q", "2024-11-01"),)}, "argument of its own"),
        ({"filters": (("colour", "red"),)}, "'colour' is not known"),
        ({"filters": (("fpdm", ""),)}, "empty or unprintable"),
        ({"filters": (("fpdm", "1\n2"),)}, "empty or unprintable"),
        ({"filters": (("fpdm", "1"), ("fpdm", "2"))}, "given 2 times"),
        ({"filters": (("pageSize", "0"),)}, "pageSize"),
        ({"filters": (("pageSize", "100000"),)}, "pageSize"),
        ({"query": "40", "filters": (("adapter", "yes"),)}, "neither 0 nor 1"),
        ({"query": "12", "filters": (("znxpz", "1"),)}, "neither N nor Y"),
    ],
)
def test_a_fault_is_named(account: Accounts, query: Query, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        plugin.sync_query(account(), msgspec.structs.replace(query(), **change))


def test_all_faults_come_in_one_message(account: Accounts, query: Query) -> None:
    wish = query("99", taxpayer_no="?", tax_period="1", first_on="x", filters={"a": "1", "page": "1", "gxrq_q": "y"})
    with pytest.raises(ConfigurationError) as problem:
        plugin.sync_query(account(page_size=0), wish)
    assert problem.value.what.count(";") >= 8
    assert "page_size" in problem.value.what


def test_a_profile_adds_corrects_and_takes_away_lists(account: Accounts, query: Query) -> None:
    here = account(
        rzzt_profile='{"20": {"label": "未到期"}, "12": {"label": "退税, 未勾选", "confidence": "documented"}, "17": null}'
    )
    assert plugin.sync_query(here, query("20")).query == "20"
    assert plugin.sync_query(here, query("12", filters={"znxpz": "Y"})).filters == (("znxpz", "Y"),)
    with pytest.raises(ConfigurationError, match=r"'17' is not known; .*12 \(退税, 未勾选\).*20 \(未到期\)"):
        plugin.sync_query(here, query("17"))


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("[1]", "not a JSON object of codes"),
        ('{"20": "x"}', "is not a JSON object"),
        ('{"20": {}}', "label"),
        ('{"20": {"label": "x", "colour": 1}}', "colour"),
        ('{"20": {"label": "x", "dates": "never"}}', "issued, selected"),
        ('{"20": {"label": "x", "confidence": "sure"}}', "documented, inferred, guess"),
        ('{"2 0": {"label": "x"}}', "letters and digits"),
    ],
)
def test_a_wrong_profile_is_named(account: Accounts, query: Query, profile: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        plugin.sync_query(account(rzzt_profile=profile), query())
