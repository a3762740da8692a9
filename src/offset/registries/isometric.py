"""Isometric: its issuances and retirements have ids, its credits no serial numbers.

`iss_`, `ret_` and `prj_` before 16 capitals and digits (`iss_1AAAAAAAA1S0AAAA`) name an issuance, a
retirement and a project. An id states neither numbers nor anything else, so there is nothing to
read: a record's serial is opaque, unique by the id in it. Credits are counted in kilograms: of 200
rows of public exports of 2026, all 100 issuances and 23 of the 100 retirements are of a fraction of
a tonne.
"""

import re
from typing import Final

from offset.core.confusables import fold_confusables

REGISTRY: Final = "isometric"

# The part of an id that tells it apart, in folded text; 16 characters, with or without its kind.
_ID: Final = re.compile(
    r"(?<![0-9A-Z])(?:(?:1SS|CRD|RET|PRJ)[^0-9A-Z]*)?([0-9A-Z]{16})(?![0-9A-Z])"
)
_WHOLE: Final = re.compile(r"(?:1SS|CRD|RET)([0-9A-Z]{16})")
_LETTERS: Final = str.maketrans("OIL", "011")  # the ids have none of the three


def ids(text: str) -> tuple[str, ...]:
    """Return the ids in a canonical text, in one spelling and without their kind."""
    plain = fold_confusables(text).translate(_LETTERS)
    found = [match[1] for match in _ID.finditer(plain) if any(map(str.isdigit, match[1]))]
    if not found and (whole := _WHOLE.fullmatch(re.sub("[^0-9A-Z]", "", plain))):
        found = [whole[1]]
    return tuple(dict.fromkeys(found))
