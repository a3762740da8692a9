"""A serial number as registries count it: a series, the numbers it covers, and its own text.

A registry's module (``offset.registries``) reads a text into a `Serial`; everything else in the
ledger works on the value: which credits it covers, what it claims, and how any part of it is
written.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from offset.core.errors import SerialOutsideRecord

# A project's vintage is issued in one of two forms, which a `SerialFact` states.
BY_SERIAL: Final = "serials"
WITHOUT_SERIALS: Final = "pool"

MOST_CLAIMS: Final = 64  # of one serial number
LARGEST_NUMBER: Final = 2**53 - 1  # so that a serial number survives JSON


class SerialClaim(NamedTuple):
    """The serial numbers `first` to `last`, both included, of a series of a registry.

    No two records of a ledger have claims that overlap.
    """

    registry: str
    series: str
    first: int
    last: int


class SerialFact(NamedTuple):
    """What a record states of a subject on which all records of a registry have to agree.

    An issuance has one GSRN; a project's vintage is issued by serial numbers or without.
    """

    registry: str
    subject: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """The serial numbers `first` to `last`, both included, of one series of one registry.

    The text is ``head + first + infix + last + tail``, with the numbers padded to `width` digits:

        16684- 788318277 - 788319735 -VCS-VCU-1491-VER-NG-3-2673-07052022-31102022-1
        head   first infix last      tail

    `also` names other series in which the same numbers are counted, so that a text that is wrong
    about its series is known all the same. `keys` are the claims of a text that no grammar reads.
    `facts` are what other records have to agree with.
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
    also: tuple[str, ...] = ()
    keys: tuple[SerialClaim, ...] = ()
    facts: tuple[SerialFact, ...] = ()

    @classmethod
    def opaque(
        cls,
        *,
        registry: str,
        text: str,
        keys: tuple[SerialClaim, ...] = (),
        facts: tuple[SerialFact, ...] = (),
    ) -> "Serial":
        """Make the serial of a text that no grammar reads: its numbers are not known.

        Args:
            registry: a canonical code.
            text: a canonical serial text.
            keys: what it claims; without them it is unique as text.
            facts: what other records have to agree with.
        """
        return cls(
            registry=registry,
            series=text,
            first=0,
            last=0,
            unit="credit",
            head=text,
            parsed=False,
            keys=keys,
            facts=facts,
        )

    @property
    def claims(self) -> tuple[SerialClaim, ...]:
        """What no other record may claim; the first one is its `key`."""
        if self.keys:
            return self.keys
        own = SerialClaim(self.registry, self.series, self.first, self.last)
        if not self.also:
            return (own,)
        return (
            own,
            *[SerialClaim(own.registry, series, own.first, own.last) for series in self.also],
        )

    @property
    def key(self) -> SerialClaim:
        """The claim that stands for the serial number itself."""
        return self.claims[0]

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
