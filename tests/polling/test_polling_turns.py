"""Work that is spread over the turns of an event loop."""

from __future__ import annotations

import asyncio

from fapiao.polling.turns import AT_ONCE, Turns, turns_of_loop


def done_in_turns(*lanes: str) -> list[str]:
    """What is done, with ``|`` wherever somebody else in the loop had a turn; one letter is one piece of work."""
    done: list[str] = []

    async def run() -> None:
        turns = Turns()
        for pieces in lanes:
            lane = turns.lane()
            for piece in pieces:
                lane.ask(lambda piece=piece: done.append(piece))  # type: ignore[misc]  # bound for the loop's sake
        while len(done) - done.count("|") < sum(map(len, lanes)):
            await asyncio.sleep(0)
            done.append("|")

    asyncio.run(run())
    return done


def test_work_is_done_in_order_with_turns_for_others_in_between() -> None:
    pieces = "abcdefghijklm"
    done = done_in_turns(pieces)
    assert "".join(done).replace("|", "") == pieces
    assert all(len(turn) <= AT_ONCE for turn in "".join(done).split("|"))


def test_a_long_queue_in_one_lane_does_not_delay_another_lane() -> None:
    done = [piece for piece in done_in_turns("a" * 100, "b") if piece != "|"]
    assert done.index("b") == 1


def test_work_that_asks_for_more_stands_behind_the_others() -> None:
    done: list[str] = []

    async def run() -> None:
        turns = turns_of_loop()
        greedy, modest = turns.lane(), turns.lane()

        def again() -> None:
            done.append("greedy")
            if len(done) < 50:
                greedy.ask(again)

        greedy.ask(again)
        modest.ask(lambda: done.append("modest"))
        while len(done) < 50:  # noqa: ASYNC110 - turns are what is counted here
            await asyncio.sleep(0)

    asyncio.run(run())
    assert done.index("modest") == 1


def test_the_turns_of_a_loop_are_one_and_those_of_closed_loops_are_forgotten() -> None:
    from fapiao.polling import turns

    async def mine() -> tuple[Turns, Turns]:
        return turns_of_loop(), turns_of_loop()

    first, second = asyncio.run(mine()), asyncio.run(mine())
    assert first[0] is first[1]
    assert second[0] is not first[0]
    assert len([loop for loop in turns._turns if loop.is_closed()]) <= 1
