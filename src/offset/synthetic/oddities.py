"""The oddities of real exports, put into rows: each is a change to one cell.

Rates are the shares of rows counted in public exports.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final

SCALE: Final = 1 << 20  # an oddity is drawn with 20 bits

# What text processors, spreadsheets and people make of a name or a note.
_NON_ASCII: Final = (
    *("São João", "Côte", "Peñas", "Ñandú", "Müller", "Forêt", "Água Azul", "Ødegård"),
    *("Rüzgâr", "Dağ", "Đồng Nai", "Şehir", "Łąka", "林业", "碳汇"),
)
_MOJIBAKE: Final = (" â€“ ", " Ã© ", " Ã£ ", " â€™ ", " Ã¼ ")


class Oddities:
    """Chooses a row's oddity by its bits, and the words by the file's encoding."""

    def __init__(self, rates: Mapping[str, float], encoding: str) -> None:
        self._names = list(rates)
        self._limits = [round(limit * SCALE) for limit in accumulate(rates.values())]
        self.limit = self._limits[-1] if self._limits else 0
        self._words = [word for word in _NON_ASCII if _fits(word, encoding)]

    def put(self, row: list[str], places: Sequence[int], bits: int) -> str:
        """Put an oddity into one of the cells with text at these places; give its name.

        Only where the upper 20 of the 64 bits are below `limit`.
        """
        name = self._names[bisect_right(self._limits, bits >> 44)]
        longest = places[-1]
        if name in _IN_NOTES and row[longest]:
            place = longest
        else:
            filled = [place for place in places if row[place]]
            place = filled[(bits >> 40) % len(filled)]
        row[place] = self._spoilt(row[place], name, bits)
        return name

    def _spoilt(self, text: str, name: str, bits: int) -> str:
        pick = bits >> 34 & 63
        first, _, rest = text.partition(" ")
        match name:
            case "non-ascii":
                return f"{text} {self._words[pick % len(self._words)]}"
            case "double-space":
                return f"{first}  {rest or 'II'}"
            case "dash":
                return f"{first} {'–—'[pick % 2]} {rest or 'II'}"
            case "curly-quotes":
                return f"“{first}” {rest}"
            case "mojibake":
                return f"{first}{_MOJIBAKE[pick % len(_MOJIBAKE)]}{rest}"
            case "outer-space":
                return f" {text}" if pick % 2 else f"{text} "
            case "no-break-space":
                return f"{first}\xa0{rest or 'II'}"
            case "html-entity":
                return f"{text} Green&#8208;on"
            case "newline":
                return f"{text}\n"
            case _:
                assert name == MISQUOTED
                return f'Retired for the "{first} Day", {rest}'


# Written by a program that does not double the quotes inside a cell: the row has a cell too many.
MISQUOTED: Final = "misquoted"
_IN_NOTES: Final = frozenset({MISQUOTED, "newline", "outer-space", "html-entity"})


def _fits(word: str, encoding: str) -> bool:
    try:
        word.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
