"""California's Air Resources Board (ARB): its issuances have ids, its credits no public serials.

`CAOD9007-A` is the first issuance to the project CAOD9007: `OD` is for ozone depleting substances,
`FR` for forests, `LS` for livestock, `MM` for mine methane; the last letter goes on with each
issuance. An id states no numbers, so a record's serial is opaque, unique by the id in it. Ids such
as `CAFR9037-(zero)` and `CAFR9198-(reversal)` may occur twice. What the Board issues, its project's
own registry (ACR, the Climate Action Reserve) cancels: there it is a conversion.
"""

import re
from typing import Final

from offset.registries.spellings import fold_digits, hyphenate, readings

REGISTRY: Final = "arb"

_ID: Final = re.compile(r"(?<![0-9A-Z])(CA[0-9A-Z]{2})-?([0-9SB]{4})-?([A-Z]{1,2})(?![0-9A-Z])")
_LETTERS: Final = str.maketrans("01", "OI")
_DIGITS: Final = str.maketrans("SB", "58")


def ids(text: str) -> tuple[str, ...]:
    """Return the ids of issuances in a canonical text, in one spelling."""
    forms = [hyphenate(fold_digits(reading)) for reading in readings(text)]
    found = [parts for form in forms for parts in _ID.findall(form)]
    if not found and (whole := _ID.fullmatch(forms[-1].replace("-", ""))):
        found = [whole.groups()]
    return tuple(
        dict.fromkeys(
            f"{project.translate(_LETTERS)}{number.translate(_DIGITS)}-{letter}"
            for project, number, letter in found
        )
    )
