"""California's Air Resources Board (ARB): its issuances have ids, its credits no public serials.

`CAOD9007-A` is the first issuance to the project CAOD9007: `OD` is for ozone depleting substances,
`FR` for forests, `LS` for livestock, `MM` for mine methane; the last letter goes on with each
issuance. An id states no numbers, so a record's serial is opaque, unique by the id in it. Ids such
as `CAFR9037-(zero)` and `CAFR9198-(reversal)` may occur twice. What the Board issues, its project's
own registry (ACR, the Climate Action Reserve) cancels: there it is a conversion.
"""

import re
from typing import Final

from offset.registries.spellings import fold_letters, hyphenate, readings

REGISTRY: Final = "arb"

# The kind of project, its number, and the issuance's letter, each with what is written for it.
_ID: Final = re.compile(
    r"(?<![0-9A-Z])(CA[0-9A-Z]{2})-?([0-9OQILSB]{4})-?([A-Z]{1,2}|[0158])(?![0-9A-Z])"
)
_AS_LETTERS: Final = str.maketrans("0158", "OISB")
_AS_DIGITS: Final = str.maketrans("OQILSB", "001158")


def ids(text: str) -> tuple[str, ...]:
    """Return the ids of issuances in a canonical text, in one spelling.

    CAFR9016-I and CAFR9016-L are two issuances: the last letter is only ever a letter.
    """
    forms = [hyphenate(fold_letters(reading)) for reading in readings(text)]
    found = [parts for form in forms for parts in _ID.findall(form)]
    if not found and (whole := _ID.fullmatch(forms[-1].replace("-", ""))):
        found = [whole.groups()]
    # A Cyrillic I is folded to the L that it looks like, so it may be either.
    either = "" if text.isascii() else "IL"
    return tuple(
        dict.fromkeys(
            f"{kind.translate(_AS_LETTERS)}{number.translate(_AS_DIGITS)}-{letter}"
            for kind, number, read in found
            for letter in (either if read in either else read.translate(_AS_LETTERS))
        )
    )
