"""Codes that mean one thing at one vendor and another thing at the next: each keeps its own meaning."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.invoices.model import Invoice, NormalizeContext
from fapiao.registry import registry

NUMBER = "24991000000000000009"
TYPE_FIELDS = {
    "ekuaibao.collect": None,
    "qixiangyun.collect": None,
    "qixiangyun.verify": "invoiceType",
    "jcsk.sync": "invoiceType",
}
"""Where a record carries its type; None: the slice that was asked for tells it."""
STATE_FIELDS = {
    "ekuaibao.collect": "fpztDm",
    "qixiangyun.collect": "fpztDm",
    "qixiangyun.verify": "state",
    "jcsk.sync": "state",
}
NUMBER_FIELDS = {
    "ekuaibao.collect": "fphm",
    "qixiangyun.collect": "fphm",
    "qixiangyun.verify": "invoiceNumber",
    "jcsk.sync": "invoiceNumber",
}


def stated(interface: str, code: str, **more: Any) -> Invoice:
    """A record of the type ``code`` as the interface's plugin reads it."""
    source, _, api = interface.partition(".")
    field = TYPE_FIELDS[interface]
    record = {NUMBER_FIELDS[interface]: NUMBER} | ({field: code} if field else {}) | more
    context = NormalizeContext(
        source=source, api=api, taxpayer_no="91990000MA0000002E", invoice_month="202411",
        type="" if field else code, direction="input",
    )  # fmt: skip
    invoice = registry.get(source).normalize(record, context)
    assert isinstance(invoice, Invoice)
    return invoice


TYPES: dict[str, dict[str, str]] = {
    "83": {
        "ekuaibao.collect": "digital_motor", "qixiangyun.collect": "digital_motor", "qixiangyun.verify": "rail_e",
        "jcsk.sync": "digital_motor",
    },
    "84": {"ekuaibao.collect": "digital_paper_special", "qixiangyun.collect": "digital_paper_special"},
    "85": {
        "ekuaibao.collect": "digital_paper_ordinary", "qixiangyun.collect": "digital_paper_ordinary",
        "qixiangyun.verify": "digital_paper_special", "jcsk.sync": "digital_paper_special",
    },
    "86": {"qixiangyun.verify": "digital_paper_ordinary", "jcsk.sync": "digital_paper_ordinary"},
    "70": {"ekuaibao.collect": "digital_used_car", "qixiangyun.collect": "digital_used_car"},
    "88": {"ekuaibao.collect": "digital_paper_used_car", "qixiangyun.collect": "digital_paper_used_car"},
    "09": {"qixiangyun.verify": "digital_generic", "jcsk.sync": "digital_special"},
    "90": {"jcsk.sync": "digital_ordinary"},
    "0910": {"qixiangyun.verify": "digital_ordinary"},
    "0920": {"qixiangyun.verify": "digital_special"},
    "10xdp": {"qixiangyun.verify": "digital_ordinary"},
    "08xdp": {"qixiangyun.verify": "digital_special"},
    "51": {"ekuaibao.collect": "rail_e", "qixiangyun.collect": "rail_e", "qixiangyun.verify": "rail_e", "jcsk.sync": "rail_e"},
    "61": {"ekuaibao.collect": "air_e", "qixiangyun.collect": "air_e", "qixiangyun.verify": "air_e", "jcsk.sync": "air_e"},
    "17": {"ekuaibao.collect": "customs_vat", "jcsk.sync": "customs_vat"},
    "18": {"jcsk.sync": "tax_certificate"},
    "8208": {"ekuaibao.collect": "digital_toll", "qixiangyun.verify": "digital_toll", "jcsk.sync": "digital_toll"},
}  # fmt: skip

STATES: dict[str, dict[str, str]] = {
    "0": dict.fromkeys(STATE_FIELDS, "normal"),
    "1": {"qixiangyun.verify": "out_of_control", "jcsk.sync": "voided", "ekuaibao.collect": "unknown"},
    "2": {
        "ekuaibao.collect": "voided", "qixiangyun.collect": "voided", "qixiangyun.verify": "voided",
        "jcsk.sync": "red_unspecified",
    },
    "3": {
        "ekuaibao.collect": "red_unspecified", "qixiangyun.collect": "red_unspecified",
        "qixiangyun.verify": "red_unspecified", "jcsk.sync": "out_of_control",
    },
    "4": {"jcsk.sync": "abnormal", "ekuaibao.collect": "unknown"},
    "7": dict.fromkeys(STATE_FIELDS, "red_partial"),
    "8": dict.fromkeys(STATE_FIELDS, "red_full"),
    "80": {"jcsk.sync": "red_pending", "ekuaibao.collect": "unknown"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("interface", "code", "doc_type"),
    [(interface, code, name) for code, of in TYPES.items() for interface, name in of.items()],
)
def test_e16_a_type_code_means_what_its_own_vendor_says(interface: str, code: str, doc_type: str) -> None:
    invoice = stated(interface, code)
    assert (invoice.doc_type, invoice.doc_type_raw) == (doc_type, code)


@pytest.mark.parametrize(
    ("interface", "code", "state"),
    [(interface, code, name) for code, of in STATES.items() for interface, name in of.items()],
)
def test_e17_a_state_code_means_what_its_own_vendor_says(interface: str, code: str, state: str) -> None:
    invoice = stated(interface, "81", **{STATE_FIELDS[interface]: code})
    assert (invoice.state, invoice.state_raw) == (state, code)


@pytest.mark.parametrize("interface", TYPE_FIELDS)
def test_a_code_that_nobody_knows_is_kept_and_reported(interface: str) -> None:
    invoice = stated(interface, "7777", **{STATE_FIELDS[interface]: "66"})
    assert (invoice.doc_type, invoice.doc_type_raw, invoice.state, invoice.state_raw) == (
        "unknown", "7777", "unknown", "66",
    )  # fmt: skip
    assert {(found.rule, found.field) for found in invoice.findings} >= {("C1", "doc_type"), ("C1", "state")}
