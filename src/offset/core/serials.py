"""A serial number as registries count it: a series, the numbers it covers, and its own text.

A registry's module (``offset.registries``) reads a text into a `Serial`; everything else in the
ledger works on the value: which credits it covers, and how any part of it is written.
"""

from dataclasses import dataclass, replace
from typing import Final

from offset.core.errors import SerialOutsideRecord

LARGEST_NUMBER: Final = 2**53 - 1  # so that a serial number survives JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """The serial numbers `first` to `last`, both included, of one series of one registry.

    The text is ``head + first + infix + last + tail``, with the numbers padded to `width` digits:

        16684- 788318277 - 788319735 -VCS-VCU-1491-VER-NG-3-2673-07052022-31102022-1
        head   first infix last      tail
    """

    registry: str
    series: str
    first: int
    last: int
    unit: str
    head: str
    infix: str = ""
    tail: str = ""
    width: int = 1
    parsed: bool = True

    @classmethod
    def opaque(cls, *, registry: str, text: str) -> "Serial":
        """Make the serial of a text that no grammar reads: a series of its own, unique as text."""
        return cls(
            registry=registry,
            series=text,
            first=0,
            last=0,
            unit="credit",
            head=text,
            parsed=False,
        )

    @property
    def count(self) -> int | None:
        """The number of credits that the serial itself states; None where it states none."""
        return self.last - self.first + 1 if self.parsed else None

    @property
    def text(self) -> str:
        """The serial number in the registry's own words."""
        return self.written(self.first, self.last) if self.parsed else self.head

    def written(self, first: int, last: int) -> str:
        """Write the serial numbers `first` to `last` of the series as this text writes its own."""
        return serial_text(self.head, first, self.infix, last, self.tail, width=self.width)

    def part(self, first: int, last: int) -> "Serial":
        """Cut out the serial numbers `first` to `last`, both included.

        Raises:
            SerialOutsideRecord: the serial has no numbers, or does not cover all of these.
        """
        if not self.parsed:
            raise SerialOutsideRecord(
                f"serial {self.head}: its numbers are not known, so no part of it can be named",
                serial=self.head,
            )
        if not self.first <= first <= last <= self.last:
            raise SerialOutsideRecord(
                f"serial numbers {first} to {last}: the record covers {self.first} to {self.last}",
                serial_first=self.first,
                serial_last=self.last,
            )
        return replace(self, first=first, last=last)


def serial_text(head: str, first: int, infix: str, last: int, tail: str, width: int) -> str:
    """Write a serial number, its two numbers padded to `width` digits."""
    return f"{head}{first:0{width}}{infix}{last:0{width}}{tail}"
