"""What one row of a registry's export says, in the ledger's words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from offset.cells import (
    Order,
    Unreadable,
    folded_word,
    is_unnamed,
    listed_words,
    read_date,
    read_grams,
    read_grams_of_kilograms,
    read_period,
    read_total_grams,
    read_vintage,
    read_whole,
    short,
    without_fraction,
)
from offset.core.errors import RegistryMismatch, SerialMalformed
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes_text
from offset.core.serials import Serial
from offset.countries import country_code
from offset.registries import IDS, find_serial, parse_serial, read_serial
from offset.registries.files import (
    NOTHING,
    CancelledTotal,
    Detail,
    Field,
    FileKind,
    Meaning,
    RetiredTotal,
    Says,
)
from offset.sheets import Line

LONGEST_SERIAL: Final = 500  # characters, as many as the ledger takes
_LONGEST_ID: Final = 200  # characters of a cell that may be an id or a serial number
_MOST_CELLS: Final = 100  # of a row whose cells may stand anywhere

# Why a row is not taken. A code never changes its meaning.
ISSUES: Final[Mapping[str, str]] = {
    "field-count": "The row has another number of cells than the header.",
    "unclosed-quote": "A quote of the row is not closed, so where its cells end is not known.",
    "unnamed-column": "There is text in a column without a name.",
    "no-quantity": "The row states no quantity.",
    "invalid-quantity": "The quantity is not a number of credits.",
    "quantity-mismatch": "The quantity is not the number of credits that the serial number covers.",
    "ended-exceeds-issued": "More of the issuance is retired and cancelled than was issued.",
    "no-serial": "The row states no serial number.",
    "serial-malformed": "A serial number is in the text, but the text is not one.",
    "registry-mismatch": "The serial number is another registry's.",
    "unknown-registry": "The serial number does not tell which registry's it is.",
    "invalid-date": "A date cannot be read.",
    "invalid-vintage": "The vintage is neither a year nor a period.",
    "unknown-status": "The status is none that is known.",
    "unknown-reason": "The reason is none that is known, and it decides what the row means.",
    "unknown-product": "The kind of credit is none that is known.",
}


class Row(NamedTuple):
    """What one row of an export says of its credits.

    `line` counts rows, the header being 1; `text` is the row as it stood, on one line. `issues`
    tells whether a row of this kind may make a record where nothing covers its serial numbers.

    `serial_text` is the registry's own, with the range behind it where columns of their own have
    it; the text before the range is `issuance_text` then. `serial` is None where the file has no
    serial numbers, and opaque where no grammar reads the text. `project_name` is the project's id
    where the file has no names, and the serial's text where it has neither. A day is YYYY-MM-DD.
    `certified` tells whether the row names a second standard; None where the file has no column.

    `cancelled_totals_g` and `retired_totals_g` count what became of an issuance so far, by cause
    (with the registry that credits were converted to: `converted:arb`) and by purpose.
    """

    line: int
    text: str
    registry: str
    meaning: Meaning
    issues: bool
    serial_text: str | None
    serial: Serial | None
    issuance_text: str | None
    quantity_g: int
    project_id: str | None
    project_name: str
    country: str | None
    vintage: int
    vintage_start: str | None
    vintage_end: str | None
    methodology: str | None
    issued_on: str | None
    ended_on: str | None
    account: str | None
    details: Mapping[str, str]
    purpose: str | None
    cause: str | None
    converted_to: str | None
    planned: bool
    certified: bool | None
    cancelled_totals_g: Mapping[str, int]
    retired_totals_g: Mapping[str, int]


class Listed(NamedTuple):
    """The credits that a row lists which is not taken, as far as it can be read.

    Where no serial number can be, they are credits of one of the `projects`, of the `vintage`, or
    of any if that cannot be read either.
    """

    serials: tuple[Serial, ...] = ()
    projects: tuple[str, ...] = ()
    vintage: int | None = None


class RowIssue(NamedTuple):
    """A row that cannot be taken: a code of `ISSUES`, and a sentence that names the fact.

    The row is in the file all the same: `listed` are the credits that it may be about.
    """

    line: int
    code: str
    text: str
    detail: str
    listed: Listed = Listed()


class RowReader:
    """Reads the rows of one file, of which the kind, the header and the order of dates are known.

    Args:
        kind: what the file is.
        header: its folded header.
        orders: how the dates of a column are written, by its place; not there where nothing tells.
    """

    def __init__(self, kind: FileKind, header: Sequence[str], orders: Mapping[int, Order]) -> None:
        self._kind = kind
        self._header = header
        self._orders = orders
        columns = [kind.columns.get(name) for name in header]
        self._at = {one: place for place, one in enumerate(columns) if isinstance(one, Field)}
        self._details = [(c.name, i) for i, c in enumerate(columns) if isinstance(c, Detail)]
        self._cancelled = [
            (c.key, i) for i, c in enumerate(columns) if isinstance(c, CancelledTotal)
        ]
        self._retired = [(c.key, i) for i, c in enumerate(columns) if isinstance(c, RetiredTotal)]
        self._unnamed = [i for i, name in enumerate(header) if is_unnamed(name)]

    def read(self, line: Line) -> Row | RowIssue:
        """Say what a line means, or why it cannot be taken."""
        try:
            self._check_shape(line)
            return self._row(line)
        except Unreadable as refusal:
            code, detail = refusal.code, refusal.detail
        except (SerialMalformed, RegistryMismatch) as refusal:
            code, detail = refusal.code, refusal.detail
        return RowIssue(
            line=line.number, code=code, text=line.text, detail=detail, listed=self._listed(line)
        )

    def _check_shape(self, line: Line) -> None:
        if line.torn:
            raise Unreadable(
                "unclosed-quote", "a quote of the row is not closed: where its cells end is unknown"
            )
        if len(line.cells) != len(self._header):
            raise Unreadable(
                "field-count",
                f"the row has {len(line.cells)} cells, the header {len(self._header)}",
            )
        for place in self._unnamed:
            if line.cells[place].strip():
                raise Unreadable(
                    "unnamed-column",
                    f"{short(line.cells[place])!r} stands in column {place + 1}, which has no name",
                )

    def _row(self, line: Line) -> Row:
        cells, kind = line.cells, self._kind
        quantity_g = self._quantity(cells)
        registry, serial_text, serial = self._serial(cells, quantity_g)
        ended_on = self._day(cells, Field.ENDED_ON)
        issued_on = self._day(cells, Field.ISSUED_ON)
        vintage, vintage_start, vintage_end = self._vintage(cells, issued_on)
        meaning, says = self._meaning(cells, ended_on)
        ended = meaning in {Meaning.RETIRED, Meaning.CANCELLED}
        cancelled, retired = self._totals(cells, quantity_g)
        range_apart = Field.SERIAL_FIRST in self._at
        project_id = without_fraction(self._text(cells, Field.PROJECT_ID)) or (
            kind.project_of(serial.text) if serial else None
        )
        return Row(
            line=line.number,
            text=line.text,
            registry=registry,
            meaning=meaning,
            issues=kind.issues,
            serial_text=serial_text,
            serial=serial,
            issuance_text=self._text(cells, Field.SERIAL) if range_apart else None,
            quantity_g=quantity_g,
            project_id=project_id,
            project_name=self._text(cells, Field.PROJECT_NAME) or project_id or serial_text or "",
            country=country_code(self._text(cells, Field.COUNTRY)),
            vintage=vintage,
            vintage_start=vintage_start,
            vintage_end=vintage_end,
            methodology=self._methodology(cells),
            issued_on=issued_on,
            ended_on=ended_on if ended else None,
            account=self._text(cells, Field.ACCOUNT) or None,
            details=self._detail_texts(cells),
            purpose=says.purpose if meaning is Meaning.RETIRED else None,
            cause=(says.cause or "other") if meaning is Meaning.CANCELLED else None,
            converted_to=says.converted_to if meaning is Meaning.CANCELLED else None,
            planned=self._planned(cells),
            certified=self._certified(cells),
            cancelled_totals_g=cancelled,
            retired_totals_g=retired,
        )

    def _text(self, cells: Sequence[str], one: Field) -> str:
        place = self._at.get(one)
        return "" if place is None else cells[place].strip()

    def _day(self, cells: Sequence[str], one: Field) -> str | None:
        place = self._at.get(one)
        if place is None:
            return None
        try:
            return read_date(cells[place], self._orders.get(place))
        except Unreadable as refusal:
            detail = f"column {self._header[place]!r}: {refusal.detail}"
            raise Unreadable(refusal.code, detail) from None

    def _quantity(self, cells: Sequence[str]) -> int:
        """Read the grams; where tonnes and kilograms both stand there, they have to agree."""
        tonnes, kilograms = self._at.get(Field.QUANTITY), self._at.get(Field.QUANTITY_KG)
        if kilograms is None:
            return read_grams(cells[self._at[Field.QUANTITY]])
        quantity_g = read_grams_of_kilograms(cells[kilograms])
        if tonnes is not None and read_grams(cells[tonnes]) != quantity_g:
            raise Unreadable(
                "quantity-mismatch",
                f"the row says {short(cells[tonnes])} t and {short(cells[kilograms])} kg",
            )
        return quantity_g

    def _serial(
        self, cells: Sequence[str], quantity_g: int
    ) -> tuple[str, str | None, Serial | None]:
        """Read the registry, the serial number's text and the serial number."""
        kind = self._kind
        place = self._at.get(Field.SERIAL)
        if place is None:
            return kind.registries[0], None, None
        text, canonical = self._serial_texts(cells)
        registry, count, serial = self._read_serial(canonical)
        if count is not None and count * GRAMS_PER_CREDIT != quantity_g:
            raise Unreadable(
                "quantity-mismatch",
                f"serial {canonical} states {count} credits, the quantity is "
                f"{tonnes_text(quantity_g)}",
            )
        if serial is None:
            raise Unreadable(
                "serial-malformed",
                f"serial {canonical}: its two ends do not say the same, or not enough",
            )
        return registry, text, serial

    def _serial_texts(self, cells: Sequence[str]) -> tuple[str, str]:
        """Read the text of the serial number, its range behind it, and its canonical form."""
        text = cells[self._at[Field.SERIAL]]
        if not text.strip():
            raise Unreadable("no-serial", "the row states no serial number")
        if Field.SERIAL_FIRST in self._at:
            first = read_whole(self._text(cells, Field.SERIAL_FIRST), what="first number")
            last = read_whole(self._text(cells, Field.SERIAL_LAST), what="last number")
            text = f"{text.strip()}/{first}-{last}"
        _check_length(text.strip())  # a longer text takes long to clean, see LONGEST_WORD
        canonical = self._kind.clean(text)
        _check_length(canonical)
        return text, canonical

    def _listed(self, line: Line) -> Listed:
        """Read which credits a row is about that is not taken.

        Where its cells may stand in other columns than their own, every cell is looked at.
        """
        cells = line.cells
        if line.torn or len(cells) != len(self._header):
            short_cells = [cell.strip() for cell in cells[:_MOST_CELLS] if len(cell) <= _LONGEST_ID]
            found = (self._serial_in(cell) for cell in short_cells)
            serials = tuple(serial for serial in found if serial is not None)
            return Listed(serials) if serials else Listed((), tuple(filter(None, short_cells)))
        if Field.SERIAL in self._at:
            try:
                _, canonical = self._serial_texts(cells)
                if (serial := self._read_serial(canonical)[2]) is not None:
                    return Listed((serial,))
            except (Unreadable, SerialMalformed, RegistryMismatch):
                pass
        try:
            vintage = self._vintage(cells, self._day(cells, Field.ISSUED_ON))[0]
        except Unreadable:
            vintage = None
        project = without_fraction(self._text(cells, Field.PROJECT_ID))
        return Listed((), (project,) if project else (), vintage)

    def _serial_in(self, cell: str) -> Serial | None:
        """Read a cell that may be a serial number; an id of letters and digits may be one, too."""
        canonical = self._kind.clean(cell)
        for registry in self._kind.registries:
            if (serial := parse_serial(registry, canonical)) is not None:
                return serial
            if registry in IDS and IDS[registry](canonical):
                return read_serial(registry, canonical)
        return None

    def _read_serial(self, canonical: str) -> tuple[str, int | None, Serial | None]:
        """Read the registry, how many credits the text states, and the serial number if it is one.

        Raises:
            SerialMalformed, RegistryMismatch: as `read_serial`.
        """
        kind = self._kind
        if kind.registry is None:
            serial = find_serial(canonical)
            if serial is None or serial.registry not in kind.registries:
                raise Unreadable(
                    "unknown-registry",
                    f"serial {canonical}: it is a serial number of none of "
                    f"{', '.join(kind.registries)}",
                )
            return serial.registry, serial.count, serial
        if (serial := parse_serial(kind.registry, canonical)) is not None:
            return kind.registry, serial.count, serial
        mended = kind.mend(canonical)
        if mended is not None:
            return kind.registry, *mended
        serial = read_serial(kind.registry, canonical)
        return kind.registry, serial.count, serial

    def _vintage(
        self, cells: Sequence[str], issued_on: str | None
    ) -> tuple[int, str | None, str | None]:
        """Read the vintage's year, first and last day.

        Without a vintage the year is that of its first day; without that, the year of issue.
        """
        start, end = self._day(cells, Field.VINTAGE_START), self._day(cells, Field.VINTAGE_END)
        if (place := self._at.get(Field.VINTAGE_PERIOD)) is not None:
            start, end = read_period(cells[place], self._orders.get(place))
        year: int | None = None
        if (place := self._at.get(Field.VINTAGE)) is not None:
            year, first, last = read_vintage(cells[place], self._orders.get(place))
            start, end = start or first, end or last
        if start and end and end < start:
            raise Unreadable("invalid-vintage", f"the vintage ends on {end}, before {start}")
        if year is None:
            day = start or issued_on
            if day is None:
                raise Unreadable("invalid-vintage", "the row states no vintage")
            year = int(day[:4])
        return year, start, end

    def _meaning(self, cells: Sequence[str], ended_on: str | None) -> tuple[Meaning, Says]:
        """Read what the row means, and what its words say of the end."""
        kind = self._kind
        assert kind.meaning is not None  # such a file has no rows
        status = self._word(cells, Field.STATUS, kind.statuses, "unknown-status")
        reason = self._word(cells, Field.REASON, kind.reasons, "unknown-reason")
        by_date = kind.ended if ended_on else None
        meaning = status.meaning or reason.meaning or by_date or kind.meaning
        return meaning, reason if reason.cause or not status.cause else status

    def _word(self, cells: Sequence[str], one: Field, table: Mapping[str, Says], code: str) -> Says:
        if one not in self._at:
            return NOTHING
        text = self._text(cells, one)
        says = table.get(folded_word(text))
        if says is not None:
            return says
        if one is Field.REASON and self._kind.open_reasons:
            return NOTHING
        column = self._header[self._at[one]]
        raise Unreadable(code, f"column {column!r}: {short(text)!r} is no word that is known there")

    def _planned(self, cells: Sequence[str]) -> bool:
        if Field.PRODUCT not in self._at:
            return False
        text = self._text(cells, Field.PRODUCT)
        planned = self._kind.products.get(folded_word(text))
        if planned is None:
            raise Unreadable(
                "unknown-product", f"product {short(text)!r}: not a kind that is known"
            )
        return planned

    def _certified(self, cells: Sequence[str]) -> bool | None:
        if Field.CERTIFICATIONS not in self._at:
            return None
        return self._text(cells, Field.CERTIFICATIONS) != ""

    def _methodology(self, cells: Sequence[str]) -> str | None:
        name = self._text(cells, Field.METHODOLOGY)
        version = self._text(cells, Field.METHODOLOGY_VERSION)
        return f"{name} - {version}" if name and version else name or None

    def _detail_texts(self, cells: Sequence[str]) -> dict[str, str]:
        texts = {name: cells[place].strip() for name, place in self._details}
        texts["reason"] = listed_words(self._text(cells, Field.REASON))
        return {name: text for name, text in texts.items() if text}

    def _totals(
        self, cells: Sequence[str], quantity_g: int
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Add up what was cancelled and retired of an issuance so far, by key; no zeros."""
        if not self._cancelled and not self._retired:
            return {}, {}
        cancelled = _sums((key, read_total_grams(cells[place])) for key, place in self._cancelled)
        retired = _sums((key, read_total_grams(cells[place])) for key, place in self._retired)
        ended_g = sum(cancelled.values()) + sum(retired.values())
        if ended_g > quantity_g:
            raise Unreadable(
                "ended-exceeds-issued",
                f"{tonnes_text(ended_g)} are retired or cancelled, of "
                f"{tonnes_text(quantity_g)} issued",
            )
        if "converted" in cancelled and (target := self._converted_to(cells)):
            cancelled[f"converted:{target}"] = cancelled.pop("converted")
        return cancelled, retired

    def _converted_to(self, cells: Sequence[str]) -> str | None:
        """Tell where credits were converted to, by what they are eligible for.

        Without a yes it is California: of 1,037 issuances that were cancelled for it in 2021, 165
        were of early projects, which it took without calling them eligible.
        """
        arb = folded_word(self._text(cells, Field.ARB_ELIGIBLE)) == "yes"
        ecology = folded_word(self._text(cells, Field.ECOLOGY_ELIGIBLE)) == "yes"
        if ecology:
            return None if arb else "wa-ecology"
        return "arb"


def _check_length(serial_text: str) -> None:
    if len(serial_text) > LONGEST_SERIAL:
        raise Unreadable(
            "serial-malformed",
            f"the serial number has {len(serial_text)} characters, at most {LONGEST_SERIAL} are "
            "read",
        )


def _sums(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for key, amount_g in amounts:
        if amount_g:
            sums[key] = sums.get(key, 0) + amount_g
    return sums
