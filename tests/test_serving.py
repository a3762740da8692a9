"""`offset serve` speaks HTTP as uvicorn does, and sends each answer in one piece."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from offset.serving import Joining


class Transport:
    """What asyncio's transports are asked for, and a list of what came."""

    def __init__(self) -> None:
        self.sent: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.sent.append("closed")

    def abort(self) -> None:
        self.sent.append("aborted")

    def is_closing(self) -> bool:
        return "closed" in self.sent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1)}.get(name, default)


def joined(act: Callable[[Joining], None]) -> list[bytes | str]:
    """Have a transport told something in one turn of a loop; what reaches the real one."""
    real = Transport()

    async def turn() -> None:
        act(Joining(cast(asyncio.Transport, real), asyncio.get_running_loop()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(turn())
    return real.sent


def test_what_is_written_in_one_turn_leaves_together() -> None:
    def act(transport: Joining) -> None:
        for piece in (b"head", b"", bytearray(b"body"), memoryview(b"end")):
            transport.write(piece)

    assert joined(act) == [b"headbodyend"]


def test_closing_sends_what_was_written_before() -> None:
    def act(transport: Joining) -> None:
        transport.write(b"last words")
        assert not transport.is_closing()
        transport.close()
        assert transport.is_closing()

    assert joined(act) == [b"last words", "closed"]


def test_a_client_that_is_gone_is_sent_nothing() -> None:
    real = Transport()

    async def turn() -> None:
        transport = Joining(cast(asyncio.Transport, real), asyncio.get_running_loop())
        transport.write(b"too late")
        real.close()  # by what the loop learned meanwhile
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert real.sent == ["closed"]


def test_aborting_sends_nothing_more() -> None:
    def act(transport: Joining) -> None:
        transport.write(b"never said")
        transport.abort()

    assert joined(act) == ["aborted"]


def test_who_is_there_is_told_by_the_connection_itself() -> None:
    def act(transport: Joining) -> None:
        assert transport.get_extra_info("peername") == ("127.0.0.1", 1)
        assert transport.get_extra_info("cipher", "none") == "none"

    assert joined(act) == []
