"""A cassette in the vendor's place: the kit examines a plugin by what was recorded."""

from __future__ import annotations

import pytest

from fapiao.testing.cassettes import Cassette, Player, Question, Recorder
from fapiao.testing.conformance import CHECKS, Kit, NonConforming, run
from fapiao.testing.conformance.conversation import Conversation
from fapiao.testing.conformance.tour import tour_of
from toy_kit import toy_kit

IDS = {check.id for check in CHECKS}
BY_ID = {check.id: check for check in CHECKS}


def recorded(kit: Kit) -> Cassette:
    """The kit's own conversation as a cassette."""
    recorder = Recorder(None)
    tour = tour_of(kit)
    for visit in tour.visits:
        for request, answer in zip(visit.requests, visit.answers, strict=True):
            recorder(visit.hook, request, answer)
    conversation = Conversation(kit)
    question = Question(kind="collect", taxpayer_no=kit.taxpayer_no, invoice_month=kit.invoice_month)
    return recorder.cassette(conversation.source, conversation.account, question, plugin="toy 1.0", recorded_at=0.0)


@pytest.fixture(scope="module")
def played() -> Kit:
    cassette = recorded(toy_kit())
    return toy_kit(vendor=lambda clock: Player(cassette))


@pytest.mark.parametrize(
    "check", ["A8", "B1", "B3", "B6", "B7", "C1", "C2", "C7", "C8", "D3", "D5", "D6", "D7", "S1", "F1", "G1"]
)
def test_the_good_plugin_passes_by_its_recording(played: Kit, check: str) -> None:
    run(BY_ID[check], played, IDS)


def test_what_was_not_recorded_is_said_to_be_missing(played: Kit) -> None:
    with pytest.raises(NonConforming, match="was not recorded"):
        run(BY_ID["C4"], played, IDS)
