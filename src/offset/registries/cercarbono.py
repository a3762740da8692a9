"""Cercarbono's serial numbers, with the range that its files keep in columns of their own.

    CDC_901_1_1_321_14_1_2009/1201-1450
    CDC_902_1_1_321_14_R1_XX_CO_1_2_BFC_2018/1-107

Cercarbono gives one text to a project's verification and vintage, and the numbers of a retirement
in the columns `from` and `to`; an importer puts them behind a slash. Without them the text says
nothing of its numbers: it is opaque, and names all of the issuance, of which no record may then
have a range, nor the reverse. After `CDC`, `CDC_R` or `IC` it holds: the project, four codes (the
fourth, two digits at most, is the sector), in newer ones a methodology's code, the country, the
verification, the year, and `BF`, `BFC` or `BFI` where the credits are a buffer's. Sources: 100
retirements of 2026 under 22 texts, whose ranges are their quantities, and the 890 texts that 50
projects list.

The series is the issuance, which the project, the verification, the year, the buffer and the
methodology tell apart in all 890 texts: `CDC_901_1_2009/`. `CDC` or `IC`, the four codes and the
country add nothing. Of a verification's year either all texts have a methodology or none has
(`Serial.facts`). The slash keeps the series apart from all opaque serials, so that none is in the
way of number 0: texts without a year may count from 0 (5 of the 100 rows), the others from 1.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
"""

import re
from typing import Final

from offset.core.serials import BY_SERIAL, LARGEST_NUMBER, WITHOUT_SERIALS, Serial, SerialFact
from offset.registries.spellings import DIGIT, fold_digits, hyphenate, squeeze
from offset.registries.stated import Stated

REGISTRY: Final = "cercarbono"

# Linear: every repetition is bounded, and ends at a character that it cannot contain itself.
# Leading zeros are not read, in the codes as in the range: one range, one text (0 of 890 has one).
_SERIAL: Final = re.compile(
    r"""
    (?P<text>
        (?: CDC (?:_R)? | IC )
        _ (?P<project> [1-9][0-9]{0,5} )
        (?: _ (?: 0 | [1-9][0-9]{0,2} ) ){3} _ (?: 0 | [1-9][0-9]? )
        (?: _ (?P<methodology> (?:R[0-9]|XX) _ [0-9A-Z]{2} ) )?
        (?: _ (?P<country> [A-Z]{2} ) _ (?: 0 | [1-9][0-9]{0,2} ) )?
        _ (?P<verification> 0 | [1-9][0-9]{0,2} )
        (?:
            _ (?P<vintage> (?:19|20|21)[0-9]{2} ) (?: _ (?P<buffer> BF ) )?
          | _ (?P<buffer_before> BF[CI] ) _ (?P<buffer_vintage> (?:19|20|21)[0-9]{2} )
          | _ (?P<buffer_alone> BF )
        )?
    )
    (?P<range>
        / (?P<first> 0 | [1-9][0-9]{0,15} ) - (?P<last> 0 | [1-9][0-9]{0,15} )
    )?
    """,
    re.ASCII | re.VERBOSE,
)

# A text without a range is not to be found, so that each anchor asks for a half of the text and
# for what a text alone never has: a slash, or a number that something else than "_" sets apart,
# which stands in a range twice. The first has the beginning; the second, which shares no character
# with that, the middle and the whole range; the third stands for other characters than "_".
# Linear: all but runs of separators and digits is bounded, and each of those is read a bounded
# number of times.
_ANCHOR: Final = re.compile(
    r"""
      (?<![0-9A-Z]) (?:CDC(?:_R)?|IC) _[0-9]{1,9} _[0-9] .{0,80}? (?: / | [^0-9A-Z_][0-9] )
    | (?<![0-9A-Z]) [0-9]{1,3} _[0-9]{2,3} _[0-9]{1,2} _[0-9A-Z_]{1,80}+
      [^0-9A-Z_]++ [0-9]++ [^0-9A-Z_]++ [0-9]
    | (?<![0-9A-Z]) CDC [_ -][0-9]{1,9} [_ -][0-9]{1,3} [_ -][0-9A-Z_ -]{1,80}+ /[ ]?[0-9]
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)

# A whole serial number, with or without its range, in folded and hyphenated text.
_SPELLED: Final = re.compile(
    rf"\b(?:CDC|[I1]C)-(?:R-)?{DIGIT}{{1,7}}(?:-{DIGIT}{{1,4}}){{3}}-{DIGIT}{{1,3}}-[0-9A-Z]"
)

# The same in squeezed text: the codes, of which the third is 320 to 339, and what may follow them.
_GLUED: Final = re.compile(
    rf"""
    (?: CDCR? | 1C ) {DIGIT}{{3,12}}? 3[23]{DIGIT} {DIGIT}{{1,2}}?
    (?: (?:R{DIGIT}|XX) [0-9A-Z]{{2}} )? (?: [A-Z0][A-Z0]{DIGIT} )?
    {DIGIT}{{1,7}}? (?: BF[C1]? )? {DIGIT}{{2}}
    """,
    re.ASCII | re.VERBOSE,
)


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number with its range; None for any other."""
    match = _match(text)
    if match is None or match["range"] is None:
        return None
    return Serial(
        registry=REGISTRY,
        series=f"{_issuance(match)}/",
        first=int(match["first"]),
        last=int(match["last"]),
        unit="Carboncer",
        head=f"{match['text']}/",
        infix="-",
        facts=(SerialFact(REGISTRY, _issuance(match), BY_SERIAL), _methodology(match)),
    )


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits, with or without a range behind it.

    Many say neither country nor vintage. None for what is no serial number of Cercarbono's.
    """
    match = _match(serial_text)
    if match is None:
        return None
    vintage = match["vintage"] or match["buffer_vintage"]
    return Stated(
        project=match["project"],
        country=match["country"],
        vintage=int(vintage) if vintage else None,
        period=None,
    )


def names_of_issuance(text: str) -> tuple[str, ...]:
    """Return the names of an issuance, of which a text without a range names all.

    The first is the text with underscores for hyphens and spaces, the second what is left of it
    without the parts that add nothing. There are none for any other text.
    """
    match = _match_whole(text)
    return (match["text"], _issuance(match)) if match is not None else ()


def facts_of_issuance(text: str) -> tuple[SerialFact, ...]:
    """Return what a text without a range states of its issuance; nothing for any other text."""
    match = _match_whole(text)
    if match is None:
        return ()
    return SerialFact(REGISTRY, _issuance(match), WITHOUT_SERIALS), _methodology(match)


def is_spelled_in(text: str) -> bool:
    """Check whether a whole serial number stands in a text in any spelling.

    Without separators IC looks like a number: there it has to begin a word, or to follow a letter.
    """
    squeezed, starts = squeeze(text)
    for match in _GLUED.finditer(squeezed):
        place = match.start()
        if place in starts or match[0][0] == "C" or squeezed[place - 1].isalpha():
            return True
    return _SPELLED.search(hyphenate(fold_digits(text))) is not None


def finds(text: str) -> bool:
    """Tell whether a serial number with a range is in the text, or was before a stray character.

    True for every text that `parse` reads, and for none that is a serial number without a range.
    """
    return _ANCHOR.search(text) is not None


def _match(text: str) -> re.Match[str] | None:
    """Match a serial number with a range that runs forwards, or without one."""
    match = _SERIAL.fullmatch(text)
    if match is None or match["range"] is None:
        return match
    return match if int(match["first"]) <= int(match["last"]) <= LARGEST_NUMBER else None


def _match_whole(text: str) -> re.Match[str] | None:
    """Match a serial number without a range; hyphens and spaces count as underscores."""
    match = _SERIAL.fullmatch(re.sub("[ _-]+", "_", text))
    return match if match is not None and match["range"] is None else None


def _issuance(match: re.Match[str]) -> str:
    """Name an issuance by the parts of its text that no other issuance has all of."""
    parts = (_verification(match), match["methodology"])
    return "_".join(filter(None, parts))


def _verification(match: re.Match[str]) -> str:
    """Name all issuances of a verification's year, or those for its buffer."""
    vintage = match["vintage"] or match["buffer_vintage"]
    buffer = match["buffer"] or match["buffer_before"] or match["buffer_alone"]
    parts = ("CDC", match["project"], match["verification"], vintage, buffer)
    return "_".join(filter(None, parts))


def _methodology(match: re.Match[str]) -> SerialFact:
    """State whether a verification's texts have a methodology: in no verification some have one."""
    has_one = "with" if match["methodology"] else "without"
    return SerialFact(REGISTRY, f"methodology of {_verification(match)}", has_one)
