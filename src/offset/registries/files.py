"""The words in which a registry's module describes the files that the registry publishes.

A registry's export is known by its headers, never by its name or the order of its columns. A
`FileKind` lists every header of one kind of file with what stands below it, or that nothing of it
is taken; a header that is not listed stops the import as soon as there is text below it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from offset.core.canonical import canonical_serial
from offset.core.serials import Serial


class Meaning(StrEnum):
    """What a row says of its credits now."""

    __hash__ = str.__hash__  # an Enum's own is written in Python, and every row is looked up by it

    ISSUED = "ISSUED"
    HELD = "HELD"
    RETIRED = "RETIRED"
    CANCELLED = "CANCELLED"


class Field(StrEnum):
    """What a column holds; a file has at most one column of each."""

    __hash__ = str.__hash__  # as in `Meaning`

    SERIAL = "serial"
    SERIAL_FIRST = "serial first"  # the range stands in columns of its own: Cercarbono
    SERIAL_LAST = "serial last"
    QUANTITY = "quantity"  # in tonnes
    QUANTITY_KG = "quantity in kilograms"  # Isometric
    PROJECT_ID = "project id"
    PROJECT_NAME = "project name"
    COUNTRY = "country"
    VINTAGE = "vintage"  # a year, a period or a day
    VINTAGE_START = "vintage start"
    VINTAGE_END = "vintage end"
    VINTAGE_PERIOD = "vintage period"  # beside the year: Cercarbono
    METHODOLOGY = "methodology"
    METHODOLOGY_VERSION = "methodology version"
    ISSUED_ON = "issue date"
    ENDED_ON = "end date"
    ACCOUNT = "account"
    STATUS = "status"  # a word that says what the row means: Gold Standard
    REASON = "reason"  # a word that says why the credits ended; kept in the details too
    PRODUCT = "product"  # a word that tells planned credits from others: Gold Standard
    CERTIFICATIONS = "certifications"  # standards beside the registry's own; blank for none: Verra
    ARB_ELIGIBLE = "eligible for ARB"  # the two together say where credits went: CAR
    ECOLOGY_ELIGIBLE = "eligible for WA Ecology"


@dataclass(frozen=True, slots=True)
class Detail:
    """A column whose text goes into the details of the end, under `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class CancelledTotal:
    """A column of an issuance that counts how much of it was cancelled so far.

    `key` is a cause of `offset.core.commands.CAUSES`, with the registry that the credits went to
    behind a colon where one is known: "converted:arb". A plain "converted" is told apart by the
    two columns of eligibility, where they can.
    """

    key: str


@dataclass(frozen=True, slots=True)
class RetiredTotal:
    """A column of an issuance that counts how much of it was retired so far.

    `key` is a purpose of `offset.core.commands.PURPOSES`. Columns with one key add up.
    """

    key: str


Column = Field | Detail | CancelledTotal | RetiredTotal | None
"""What is taken from a column; None for one that is known and of no use to a ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What a word of the registry says, in the ledger's words; None where it says nothing."""

    meaning: Meaning | None = None
    purpose: str | None = None  # of offset.core.commands.PURPOSES
    cause: str | None = None  # of offset.core.commands.CAUSES
    converted_to: str | None = None


NOTHING: Final = Says()


def _mends_nothing(_text: str) -> tuple[int, Serial | None] | None:
    return None


def _names_no_project(_text: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileKind:
    """One kind of file that a registry publishes.

    Headers and words are folded (`offset.core.canonical.canonical_text`). `registries` has more
    than one code where the serial number of each row decides. A file is of this kind if it has a
    column for every mark, each of them a header or a tuple of its spellings.

    `meaning` is None where the rows say nothing of credits: a list of projects. A row with a date
    of its end means `ended` instead, if that is given. A word in `statuses`, then
    one in `reasons`, outweighs both. A word that no table knows is an issue of its row, unless
    `open_reasons` says that a reason decides nothing in this kind of file.

    `clean` makes a canonical text of a serial number as the file writes it. `mend` reads what the
    registry's grammar refuses and only its files write: the number of credits that it states, and
    the serial number, if it is one. `project_of` tells the project that a serial number names,
    for files that name it nowhere else.
    """

    name: str
    registries: tuple[str, ...]
    marks: tuple[str | tuple[str, ...], ...]
    columns: Mapping[str, Column] = field(default_factory=dict)
    meaning: Meaning | None
    ended: Meaning | None = None
    issues: bool = False
    statuses: Mapping[str, Says] = field(default_factory=dict)
    reasons: Mapping[str, Says] = field(default_factory=dict)
    open_reasons: bool = False
    products: Mapping[str, bool] = field(default_factory=dict)  # whether such credits are planned
    clean: Callable[[str], str] = canonical_serial
    mend: Callable[[str], tuple[int, Serial | None] | None] = _mends_nothing
    project_of: Callable[[str], str | None] = _names_no_project

    @property
    def registry(self) -> str | None:
        """The code of the registry; None where the serial number of each row decides."""
        return self.registries[0] if len(self.registries) == 1 else None

    @property
    def title(self) -> str:
        """The kind for people: `acr retirements`."""
        return f"{'/'.join(self.registries)} {self.name}"


def unused(*headers: str) -> dict[str, Column]:
    """List columns that are known and of no use to a ledger."""
    return dict.fromkeys(headers)


def projects(registry: str, *marks: str | tuple[str, ...]) -> FileKind:
    """Describe a registry's list of projects, known by these marks."""
    return FileKind(
        name="projects",
        registries=(registry,),
        marks=marks,
        meaning=None,
    )
