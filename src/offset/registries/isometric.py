"""Isometric: its issuances and retirements have ids, its credits no serial numbers.

`iss_`, `ret_` and `prj_` before 16 capitals and digits (`iss_1AAAAAAAA1S0AAAA`) name an issuance, a
retirement and a project. An id states neither numbers nor anything else, so there is nothing to
read: a record's serial is opaque, unique by the id in it. Credits are counted in kilograms: of 200
rows of public exports of 2026, all 100 issuances and 23 of the 100 retirements are of a fraction of
a tonne.
"""

import re
from typing import Final

from offset.registries.spellings import fold_letters

REGISTRY: Final = "isometric"

# The part of an id that tells it apart, in folded text; 16 characters, with or without its kind.
_ID: Final = re.compile(
    r"(?<![0-9A-Z])(?:(?:1SS|CRD|RET|PRJ)[^0-9A-Z]*)?([0-9A-Z]{16})(?![0-9A-Z])"
)
# The shape of all 374 ids in those exports: a 1 at the first and the tenth place, then S0.
_SHAPE: Final = re.compile(r"1[0-9A-Z]{8}1S0[0-9A-Z]{4}")
_LETTERS: Final = str.maketrans("OIL", "011")  # the ids have none of the three


def ids(text: str) -> tuple[str, ...]:
    """Return the ids in a canonical text, in one spelling and without their kind."""
    plain = fold_letters(text).translate(_LETTERS)
    found = [match[1] for match in _ID.finditer(plain) if any(map(str.isdigit, match[1]))]
    if not found:  # an id that is cut by separators
        found = _SHAPE.findall(re.sub("[^0-9A-Z]", "", plain))
    return tuple(dict.fromkeys(found))
