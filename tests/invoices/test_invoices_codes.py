"""The canonical code tables hold together."""

from __future__ import annotations

import pytest

from fapiao.invoices.codes import (
    DOC_TYPES,
    MANAGEMENT_STATES,
    NOT_DEDUCTED_REASONS,
    SPECIAL_BUSINESS,
    SPECIAL_BUSINESS_BY_CODE,
    STATES,
    UNKNOWN,
    USAGES,
    DocType,
    Scheme,
)
from fapiao.invoices.rules import RULES


def test_every_table_has_the_unknown_it_needs() -> None:
    assert UNKNOWN in DOC_TYPES
    assert UNKNOWN in STATES
    assert UNKNOWN in MANAGEMENT_STATES


@pytest.mark.parametrize("kind", DOC_TYPES.values(), ids=list(DOC_TYPES))
def test_a_document_type_has_a_chinese_name_that_fits_its_column(kind: DocType) -> None:
    assert DOC_TYPES[kind.name] is kind
    assert not kind.title.isascii()
    assert len(kind.name) <= 32
    assert {*kind.needs, *kind.expects} <= {Scheme.DIGITAL20, Scheme.CODE_NO, Scheme.CUSTOMS, Scheme.CERTIFICATE}


def test_document_types_have_different_chinese_names() -> None:
    assert len({kind.title for kind in DOC_TYPES.values()}) == len(DOC_TYPES)


def test_paper_faces_of_digital_invoices_need_a_code_and_expect_twenty_digits() -> None:
    faces = [kind for kind in DOC_TYPES.values() if kind.name.startswith("digital_paper_")]
    assert len(faces) == 4
    assert {(kind.needs, kind.expects) for kind in faces} == {((Scheme.CODE_NO,), (Scheme.DIGITAL20,))}


def test_specific_businesses_have_the_bureaus_twenty_codes() -> None:
    assert sorted(SPECIAL_BUSINESS_BY_CODE) == [f"{number:02d}" for number in range(1, 21)]
    assert {SPECIAL_BUSINESS[name].code: name for name in SPECIAL_BUSINESS} == SPECIAL_BUSINESS_BY_CODE


def test_uses_and_reasons_have_chinese_names() -> None:
    assert all(not title.isascii() for table in (USAGES, NOT_DEDUCTED_REASONS, STATES) for title in table.values())


def test_rules_are_found_by_their_own_id_and_end_their_sentences() -> None:
    for id, rule in RULES.items():
        assert rule.id == id
        assert rule.sentence.endswith(".")
        assert len(id) <= 16
