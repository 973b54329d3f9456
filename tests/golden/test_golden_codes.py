"""Golden tests of codes that mean one thing at one vendor and another thing at the next."""

from __future__ import annotations

from dictating import Golden, certified, claimed, digital, listed, page, verified


def test_e16_code_83_is_a_vehicle_at_two_vendors_and_a_railway_ticket_at_the_third(golden: Golden) -> None:
    golden.collect({("83", "input"): [page([digital(1)])]})
    golden.sync({"11": [listed([certified(2, invoiceType="83")])]})
    golden.verify(claimed(3), verified(3, invoiceType="83"))
    golden.verify(claimed(4), verified(4, invoiceType="83", cllx="测试轿车", cjhm="TEST0000000000001"))
    assert golden.rows("invoice", "digital_number", "doc_type", "doc_type_raw") == [
        ("24990000000000000001", "digital_motor", "83"),
        ("24990000000000000002", "digital_motor", "83"),
        ("24990000000000000003", "rail_e", "83"),
        ("24990000000000000004", "digital_motor", "83"),
    ]
    assert golden.findings("C1") == []


def test_e17_states_1_2_and_3_of_three_vendors_are_one_state_where_the_truth_is_one(golden: Golden) -> None:
    """Each invoice is seen by every vendor that has a code for what became of it; no two of them use the same code."""
    truth = {
        1: ("voided", {"ekuaibao": "2", "jcsk": "1", "qixiangyun": "2"}),
        2: ("out_of_control", {"jcsk": "3", "qixiangyun": "1"}),
        3: ("red_unspecified", {"ekuaibao": "3", "jcsk": "2", "qixiangyun": "3"}),
    }
    for number, (_, said) in truth.items():
        if "ekuaibao" in said:
            golden.collect({("81", "input"): [page([digital(number, fpztDm=said["ekuaibao"])])]})
        golden.sync({"11": [listed([certified(number, state=said["jcsk"])])]})
        golden.verify(claimed(number), verified(number, state=said["qixiangyun"]))
    assert golden.rows("invoice", "digital_number", "state") == [
        (f"2499{number:016d}", state) for number, (state, _) in truth.items()
    ]
    assert golden.rows("invoice_state", "state", "state_raw", "source") == [
        ("voided", "2", "ekuaibao"),
        ("out_of_control", "3", "jcsk"),
        ("red_unspecified", "3", "ekuaibao"),
    ]
    assert golden.findings("C1", "M1") == []
