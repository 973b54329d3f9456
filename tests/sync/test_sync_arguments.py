"""What a sync is asked for is one text in the ledger, and is checked before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.errors import ConfigurationError
from fapiao.registry import Source
from fapiao.sync_arguments import SyncRequest, filter_pairs, sync_request
from fapiao.wire import Account, Secret, SliceKey
from fapiao_jcsk import plugin

SOURCE = Source.of(plugin)
ACCOUNT = Account(
    source="jcsk", name="demoappid01", base_url="http://127.0.0.1:9", login="demoappid01", secret=Secret("demosecret01"),
    settings={"group_tax_no": "91000000TESTGRP01X"},
)  # fmt: skip


def ask(**wish: Any) -> SyncRequest:
    return sync_request(SOURCE, ACCOUNT, **({"taxpayer_no": "91990000000000027W", "queries": ["11"]} | wish))


def test_a_taxpayer_number_may_be_written_as_people_do() -> None:
    assert ask(taxpayer_no=" 91990000 0000-00027w ").taxpayer_no == "91990000000000027W"


def test_lists_are_one_question_in_any_order() -> None:
    one, other = ask(queries=["11", "10"]), ask(queries=[" 10", "11", "11"])
    assert one.text == other.text == "10,11"
    assert one.slices == (SliceKey("10", "input"), SliceKey("11", "input"))
    assert one.query(one.slices[1]).query == "11"


def test_how_an_answer_is_packed_is_not_part_of_the_question() -> None:
    assert ask(zipped=True).text == ask().text


def test_filters_are_part_of_it_in_any_order() -> None:
    pairs = [("fpztdm", "0"), ("fplxdm", "81")]
    assert ask(filters=pairs).text == ask(filters=pairs[::-1]).text == "11 fplxdm=81 fpztdm=0"


def test_what_a_template_renders_to_nothing_is_not_given() -> None:
    assert ask(tax_period="", first_on="None", last_on=" ").text == "11"


def test_a_long_question_fits_its_column_and_stays_distinct() -> None:
    texts = {ask(filters=[("qdfphm", ",".join(["24990000000000000001"] * count))]).text for count in (20, 21)}
    assert len(texts) == 2
    assert max(map(len, texts)) == 255


def test_no_list_at_all_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="No list is asked for") as problem:
        ask(queries=[])
    assert "10, 11, 12, 15, 17, 40" in str(problem.value)


def test_what_is_wrong_with_several_lists_is_said_once() -> None:
    with pytest.raises(ConfigurationError) as problem:
        ask(queries=["98", "99"], tax_period="2024")
    assert "'98'" in problem.value.what
    assert "'99'" in problem.value.what


@pytest.mark.parametrize("texts", [["a"], ["=1"], ["a", "b", "c=1"]])
def test_a_filter_without_name_or_value_is_refused(texts: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="no value"):
        filter_pairs(texts)


def test_a_filter_may_hold_further_equals_signs() -> None:
    assert filter_pairs(["a=b=c", " d = e "]) == [("a", "b=c"), ("d", "e")]
