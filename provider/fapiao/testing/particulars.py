"""What only some documents have: vehicles, customs payments, journeys and the elements of a specific business."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from fapiao.invoices.model import Customs, Line, SpecialBusiness, Trip, Vehicle
from fapiao.testing.draws import Draws
from fapiao.testing.lines import AMOUNTS, money, rate_of, tax_on
from fapiao.testing.names import CARRIERS, PERSONS, PLACES, VEHICLES
from fapiao.testing.parties import Party

__all__ = ["customs_payment", "fare_lines", "special_businesses", "toll_lines", "trips", "vehicle"]

_VIN = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"


def vehicle(words: tuple[int, ...], seller: Party, *, used: bool) -> Vehicle:
    """A car; a used one is described by less (二手车)."""
    kind, model = VEHICLES[words[2] % len(VEHICLES)]
    vin = "TEST" + "".join(_VIN[word % 33] for word in words[3:16])
    trade = {
        "vehicle_type": kind,
        "brand_model": model,
        "vin": vin,
        "buyer_id_no": f"TEST{words[4] % 10**14:014d}" if words[4] & 1 else None,
        "tax_class_code": "1090305000000000000",
        "seller_address": seller.address,
        "seller_phone": seller.phone,
        "seller_bank": seller.bank,
        "seller_account": seller.account,
    }
    if used:
        return Vehicle(**trade)
    imported = words[5] % 10 == 0
    return Vehicle(
        **trade,
        origin_place="虚构市",
        certificate_no=None if imported else f"TESTHGZ{words[6] % 10**8:08d}",
        import_certificate_no=f"TESTJK{words[6] % 10**8:08d}" if imported else None,
        inspection_no=f"TESTSJ{words[7] % 10**8:08d}" if imported else None,
        engine_no=f"TEST{words[8] % 10**7:07d}",
        tonnage="0" if words[9] % 3 else "1.495",
        seat_limit="5" if words[9] % 4 else "7",
    )


def customs_payment(
    words: tuple[int, ...], draws: Draws, index: int, owner: Party, other: Party, issued_on: date
) -> tuple[Customs, tuple[Line, ...], int, int]:
    """A customs payment (海关缴款书) with its goods, dutiable value and tax in fen. One in ten names two payers."""
    count = 1 + (words[2] % 4 == 0) + (words[2] % 16 == 0) * 3
    lines: list[Line] = []
    total = total_tax = 0
    for position in range(count):
        pool = draws.words(index, 100 + position)
        fen = AMOUNTS[pool[0] % len(AMOUNTS)] * 50
        rate = rate_of(1300 if pool[1] % 8 else 900)
        tax = tax_on(fen, rate[3])
        total += fen
        total_tax += tax
        quantity = 1 + pool[2] % 500
        lines.append(
            Line(
                line_no=position + 1,
                item_name=("测试集成电路", "样例轴承", "虚构葡萄酒", "演示面料")[pool[3] % 4],
                unit=("千克", "个", "升", "米")[pool[3] % 4],
                quantity=money(quantity * 100),
                quantity_text=f"{quantity}.00",
                amount_excl_tax=money(fen),
                tax_rate=rate[0],
                tax_rate_kind=rate[2],
                tax_amount=money(tax),
                tariff_no=f"99{pool[4] % 10**8:08d}",
            )
        )
    first, second = (other, owner) if words[3] % 20 == 0 else (owner, other if words[3] % 20 == 1 else None)
    due = issued_on + timedelta(days=15)
    customs = Customs(
        payer1_tax_no=first.tax_no,
        payer1_name=first.name,
        payer2_tax_no=second.tax_no if second else None,
        payer2_name=second.name if second else None,
        port_code=f"99{words[4] % 100:02d}",
        tariff_info=lines[0].tariff_no,
        revenue_authority="中央金库",
        budget_account="101010301",
        treasury_code="虚构中心支库",
        trade_mode="一般贸易",
        applicant_code=f"99{words[5] % 10**8:08d}",
        declaration_no=f"9999{words[6] % 10**9:09d}{words[7] % 10**5:05d}",
        contract_no=f"TEST-{words[8] % 10**6:06d}" if words[8] & 1 else None,
        transport_tool="测试轮/V999",
        payment_due_on=due,
        payment_due_text=due.isoformat(),
        bill_of_lading=f"TEST{words[9] % 10**8:08d}",
    )
    return customs, tuple(lines), total, total_tax


def trips(words: tuple[int, ...], number: str, issued_at: datetime, *, air: bool) -> tuple[Trip, ...]:
    """The legs of one ticket: one for rail, up to three by air."""
    legs = 1 + (words[2] % 5 == 0) + (words[2] % 25 == 0) if air else 1
    person = PERSONS[words[3] % len(PERSONS)]
    legs_of_ticket = []
    for leg in range(legs):
        day = issued_at.date() + timedelta(days=words[4] % 20 + leg)
        origin = PLACES[(words[5] + leg) % len(PLACES)]
        destination = PLACES[(words[5] + leg + 1) % len(PLACES)]
        legs_of_ticket.append(
            Trip(
                trip_no=leg + 1,
                origin=origin,
                destination=destination,
                passenger_name=person,
                passenger_id=f"9999**********{words[6] % 10_000:04d}",
                digital_number=number,
                flight_no=f"TT{words[7] % 9000 + 1000 + leg}" if air else None,
                carrier=CARRIERS[words[8] % len(CARRIERS)] if air else None,
                train_no=None if air else f"G{words[7] % 9000 + 1000}",
                departs_on=day,
                departs_on_text=day.isoformat(),
                departs_at=f"{words[9] % 24:02d}:{words[9] // 24 % 60:02d}",
                recorded_at=issued_at + timedelta(seconds=words[10] % 86_400),
            )
        )
    return tuple(legs_of_ticket)


def fare_lines(words: tuple[int, ...], *, air: bool, sign: int) -> tuple[tuple[Line, ...], int, int]:
    """Fares and surcharges at 9 %, and the aviation fund that bears no tax."""
    parts = [("*旅客运输*票价", AMOUNTS[words[11] % len(AMOUNTS)] + 2_000, 900)]
    if air:
        parts.append(("*旅客运输*燃油附加费", 2_000 + words[12] % 8 * 1_000, 900))
        parts.append(("*旅客运输*民航发展基金", 5_000, 0))
    lines: list[Line] = []
    total = total_tax = 0
    for name, fen, ten_thousandths in parts:
        fen *= sign
        tax = tax_on(fen, ten_thousandths)
        total += fen
        total_tax += tax
        fraction, printed, kind, _ = rate_of(ten_thousandths)
        lines.append(
            Line(
                line_no=len(lines) + 1,
                item_name=name,
                tax_class_code="3010103010100000000",
                amount_excl_tax=money(fen),
                tax_rate=fraction if ten_thousandths else money(0) * 0,
                tax_rate_text=printed if ten_thousandths else "不征税",
                tax_rate_kind=kind if ten_thousandths else "not_taxed",
                tax_amount=money(tax),
            )
        )
    return tuple(lines), total, total_tax


def toll_lines(words: tuple[int, ...], *, sign: int) -> tuple[tuple[Line, ...], int, int]:
    """A passage through a toll road (通行费) with the plate as its specification."""
    rate = rate_of((300, 500, 900)[words[11] % 3])
    fen = sign * (500 + words[12] % 60_000)
    tax = tax_on(fen, rate[3])
    line = Line(
        line_no=1,
        item_name="*经营租赁*通行费",
        tax_class_code="3040502020200000000",
        spec_model=f"测A{words[13] % 100_000:05d}",
        unit="客车",
        amount_excl_tax=money(fen),
        tax_rate=rate[0],
        tax_rate_kind=rate[2],
        tax_amount=money(tax),
    )
    return (line,), fen, tax


def special_businesses(words: tuple[int, ...], issued_on: date) -> tuple[str | None, tuple[SpecialBusiness, ...]]:
    """The specific business (特定业务) of one digital invoice in fifteen, as (raw code, elements)."""
    if words[13] % 15:
        return None, ()
    word = words[14]
    which = word % 6
    if which == 0:
        return "03", (SpecialBusiness(seq=1, construction_place="虚构省样例市", project_name=f"测试工程{word % 97}期"),)
    if which == 1:
        return "04", tuple(
            SpecialBusiness(
                seq=seq,
                vehicle_kind="公路运输",
                plate_no=f"测B{(word + seq) % 100_000:05d}",
                ship_from=PLACES[word % len(PLACES)],
                destination=PLACES[(word + seq) % len(PLACES)],
                cargo_name="样例货物",
            )
            for seq in range(1, 2 + word // 6 % 3)
        )
    if which == 2:
        code = "05" if word & 64 else "06"
        return code, (SpecialBusiness(seq=1, property_certificate_no=f"测(2020)不动产权第{word % 10**7:07d}号"),)
    if which == 3:
        return "09", tuple(
            SpecialBusiness(
                seq=seq,
                traveller=PERSONS[(word + seq) % len(PERSONS)],
                traveller_id=f"9999**********{(word + seq) % 10_000:04d}",
                travel_on=issued_on,
                travel_on_text=issued_on.isoformat(),
                origin=PLACES[word % len(PLACES)],
                destination=PLACES[(word + 3) % len(PLACES)],
                seat_class="二等座",
                transport_type="火车",
            )
            for seq in range(1, 2 + word // 6 % 2)
        )
    return ("01", "16", "18", "19")[word // 6 % 4], ()
