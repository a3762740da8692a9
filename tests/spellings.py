"""Second spellings: texts that a person could have meant as a serial number that is given.

`second_spelling` makes one or two changes of the kinds that people and programs make. A change that
could make it another number is left out by construction: no digit is edited, nor a letter of an id.

Run as a script it tries a number of random spellings of every registry and prints those that a
ledger would accept beside the first:

    PYTHONPATH=src:tests python tests/spellings.py 100000
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final
from unicodedata import normalize

from offset.core.canonical import canonical_registry, canonical_serial
from offset.core.errors import OffsetError
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.registry_names import REGISTRY_NAMES
from offset.core.serials import Serial
from offset.registries import read_serial


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """A serial number in one spelling, under one name of its registry, and where its parts are.

    `words` are the text's segments and `gaps` what stands before, between and behind them. The
    segments `first` and `last` are the two numbers of the range, from which to which there are
    `count` credits; an id has none. `fixed` are segments in which no letter is edited, because
    another letter there makes another number; `needed` must not be dropped for the same reason.
    `dates` are segments DDMMYYYY. `whole` tells that nothing was lost, so that all separators may
    be left out; `glued` that they were. `split` tells that a separator was put into a segment,
    `lost` that a segment was dropped: both together would make a serial number of other segments.
    """

    registry: str
    words: tuple[str, ...]
    gaps: tuple[str, ...]
    count: int
    first: int | None = None
    last: int | None = None
    fixed: frozenset[int] = frozenset()
    needed: frozenset[int] = frozenset()
    dates: frozenset[int] = frozenset()
    whole: bool = True
    glued: bool = False
    split: bool = False
    lost: bool = False

    @property
    def text(self) -> str:
        """The spelling itself."""
        between = zip(self.words, self.gaps[1:], strict=True)
        return self.gaps[0] + "".join(word + gap for word, gap in between)


def _spelling(
    registry: str,
    text: str,
    count: int,
    *,
    numbers: tuple[int, int] | None = None,
    fixed: Sequence[int] = (),
    needed: Sequence[int] = (),
    dates: Sequence[int] = (),
) -> Spelling:
    """Cut a text into its words. The places of words count from the back if they are negative."""
    words = re.findall(r"[0-9A-Za-z+(]+\)?", text)
    gaps = re.split(r"[0-9A-Za-z+(]+\)?", text)
    ends = [place % len(words) for place in numbers or ()]

    def places(given: Sequence[int]) -> frozenset[int]:
        return frozenset(place % len(words) for place in given)

    return Spelling(
        registry=registry,
        words=tuple(words),
        gaps=tuple(gaps),
        count=count,
        first=ends[0] if ends else None,
        last=ends[1] if ends else None,
        fixed=places(fixed),
        needed=places(needed),
        dates=places(dates),
    )


# First spellings: serial numbers as their registries write them.


def _range(random: Random) -> tuple[int, int, int]:
    """Draw a first and a last number, and how many there are."""
    first = random.randint(1, 10 ** random.randint(1, 9))
    count = random.choice([1, 2, 17, 250, 1_000, 1_000, 25_000, random.randint(1, 10**6)])
    return first, first + count - 1, count


def _country(random: Random) -> str:
    return random.choice(["KE", "BR", "IN", "US", "CO", "IO", "SB", "LS", "TH"])


def _days(random: Random) -> str:
    year = random.randint(2008, 2023)
    month = random.randint(1, 12)
    return f"01{month:02}{year}-{random.randint(10, 28)}{month:02}{year + random.randint(0, 2)}"


def _verra(random: Random) -> Spelling:
    first, last, count = _range(random)
    number, project = random.randint(1, 9999), random.randint(1, 5000)
    series = random.choice(["VCS-VCU", "VCS-VCU", "VCU", "PWRP-WRC"])
    scope = random.choice(["14-", "3-", "1-", ""])
    operator = random.choice(["VER", "MER", "APX", "TZ1"])
    tail = f"{number}-{operator}-{_country(random)}-{scope}{project}-{_days(random)}"
    tail += "-LDPE,PET-EOL2,EOL6" if series == "PWRP-WRC" else ""
    text = f"{random.randint(1000, 19999)}-{first}-{last}-{series}-{tail}-{random.randint(0, 1)}"
    fixed = (4,) if series == "PWRP-WRC" else ()
    dates = (-7, -6) if series == "PWRP-WRC" else (-3, -2)
    return _spelling("verra", text, count, numbers=(1, 2), fixed=fixed, dates=dates)


def _gold_standard(random: Random) -> Spelling:
    first, last, count = _range(random)
    project = f"{random.choice(['GS', ''])}{random.randint(337, 12999)}"
    text = (
        f"GS1-1-{_country(random)}-{project}-{random.randint(1, 22)}-{random.randint(2008, 2026)}"
    )
    text += f"-{random.randint(3, 31000)}-{first}-{last}"
    return _spelling("gold-standard", text, count, numbers=(-2, -1))


def _cdm(random: Random) -> Spelling:
    first, last, count = _range(random)
    country, period = _country(random), random.randint(1, 2)
    tail = f"-{period}-{period}-0-{random.randint(1, 10999)}"
    text = f"{country}-5-{first}{tail} - {country}-5-{last}{tail}"
    return _spelling(random.choice(["cdm", "gold-standard"]), text, count, numbers=(2, 9))


def _batch(random: Random, registry: str, program: str) -> Spelling:
    first, last, count = _range(random)
    text = f"{program}-{_country(random)}-{random.randint(100, 1300)}-{random.randint(2003, 2025)}"
    text += f"-{random.randint(1, 3100)}-{first} to {last}"
    made = _spelling(registry, text, count, numbers=(-2, -1))
    return _joined(made, len(made.words) - 3, " to ")


def _joined(made: Spelling, place: int, gap: str) -> Spelling:
    """Make a word, as "to" between two numbers, a part of the gap."""
    return replace(
        made,
        words=made.words[: place + 1] + made.words[place + 2 :],
        gaps=(*made.gaps[: place + 1], gap, *made.gaps[place + 3 :]),
        first=len(made.words) - 3,
        last=len(made.words) - 2,
    )


def _acr(random: Random) -> Spelling:
    return _batch(random, "acr", "ACR")


def _art(random: Random) -> Spelling:
    return _batch(random, "art", random.choice(["ART", "FCPF"]))


def _car(random: Random) -> Spelling:
    first, last, count = _range(random)
    text = f"CAR-{random.choice(['1', 'ROC'])}-US-{random.randint(101, 2056)}"
    text += f"-{random.randint(1, 129)}-{random.randint(1, 2283)}-{_country(random)}"
    text += f"-{random.randint(2003, 2025)}-{random.randint(1, 9205)}-{first} to {last}"
    made = _spelling("car", text, count, numbers=(-2, -1))
    return _joined(made, len(made.words) - 3, " to ")


def _puro(random: Random) -> Spelling:
    first, last, count = _range(random)
    uuid = "".join(random.choice("0123456789abcdef") for _ in range(32))
    issuance = "-".join([uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]])
    credit = random.choice(["CORC", "CORC20+", "CORC100+", "CORC1000+"])
    text = f"PURO_PR_{credit}_{random.choice(['NA', 'FI', 'US'])}_{random.randint(10**5, 10**6)}"
    text += f"_{random.randint(2019, 2026)}_{issuance}_"
    if random.random() < 0.5:
        text += f"{first}-{last}"
    else:
        gsrn = f"6430024{random.randint(10**10, 10**11 - 1)}"
        text += f"{gsrn}{first:012}-{gsrn}{last:012}"
    places = tuple(range(-7, -2))
    return _spelling("puro", text, count, numbers=(-2, -1), fixed=places, needed=places)


def _cercarbono(random: Random) -> Spelling:
    first, last, count = _range(random)
    number = str(random.randint(1, 99))
    text = f"{random.choice(['CDC', 'CDC', 'CDC_R', 'IC'])}_{number}"
    text += f"_{random.randint(1, 7)}_{random.randint(1, 11)}_{random.randint(321, 331)}"
    text += f"_{random.choice([14, 14, 1])}"
    methodology = random.choice(["", "", "_R1_XX", "_R4_2X", "_XX_XX"])
    text += methodology
    text += f"{random.choice(['', '_CO_1', '_CO_2'])}_{random.randint(1, 6)}"
    verification = len(re.findall("[0-9A-Z]+", text)) - 1
    kind = random.choice(["", "_{}", "_{}", "_{}_BF", "_BFC_{}", "_BF"])
    text += kind.format(random.randint(2005, 2025))
    words = re.findall("[0-9A-Za-z]+", text)
    # Another project, verification, methodology, year or buffer makes another issuance.
    tail = [
        place for place in range(6, len(words)) if kind and re.fullmatch("BF.?|20..", words[place])
    ]
    coded = [place for place, word in enumerate(words) if word in {"R1", "XX", "R4", "2X"}]
    return _spelling(
        "cercarbono",
        f"{text}/{first}-{last}",
        count,
        numbers=(-2, -1),
        fixed=[*tail, *coded],
        needed=[words.index(number, 1), verification, *tail, *coded],
    )


def _biocarbon(random: Random) -> Spelling:
    first, last, count = _range(random)
    year = random.randint(13, 24)
    project = random.choice(["BCR-CO-{}", "BCR-BR-{}", "PCR-CO-ABC"]).format(random.randint(9, 999))
    text = f"{project}-{random.choice([1, 3, 14])}-{random.randint(1, 99):03}"
    text += f"-{random.randint(1, 5)}-{year}01-{year + random.randint(0, 1)}12"
    text += f"-{first:07}-{last:07}"
    return _spelling("biocarbon", text, count, numbers=(-2, -1), fixed=(2,))


def _social_carbon(random: Random) -> Spelling:
    first, last, count = _range(random)
    text = f"SCU-SOCIALCARBON-{random.randint(1, 999)}-{random.choice(['BRA', 'IND', 'Brazil'])}"
    text += f"-{random.randint(2015, 2024)}-{random.randint(10, 28)}05202514"
    text += f"{random.randint(1000, 5959)}-{first}-{last}"
    return _spelling("social-carbon", text, count, numbers=(-2, -1))


def _plan_vivo(random: Random) -> Spelling:
    first, last, count = _range(random)
    text = f"PV-{random.choice(['f', 'v', 'r', ''])}PVC-{_country(random)}"
    text += f"-{random.choice([1, 9])}{random.randint(10**10, 10**14):014}-{_days(random)}"
    text += f"-{first}-{last}-{random.choice(['SPG', 'MER-0-A'])}"
    return _spelling("plan-vivo", text, count, numbers=(6, 7), dates=(4, 5))


def _ucr(random: Random) -> Spelling:
    first, last, count = _range(random)
    text = f"0001-{first:06}-{last:06}-UCR-CoU-IN-{random.randint(1, 999)}-{_days(random)}"
    return _spelling("ucr", text, count, numbers=(1, 2), dates=(-2, -1))


def _isometric(random: Random) -> Spelling:
    drawn = "".join(random.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(12))
    text = f"{random.choice(['iss', 'iss', 'ret'])}_1{drawn[:8]}1S0{drawn[8:]}"
    return _spelling("isometric", text, random.randint(1, 1000), fixed=(1,), needed=(1,))


def _arb(random: Random) -> Spelling:
    text = f"CA{random.choice(['OD', 'FR', 'LS', 'MM'])}{random.randint(5000, 9999)}"
    text += f"-{random.choice('ABCDEHIL')}"
    return _spelling("arb", text, random.randint(1, 1000), fixed=(0, 1), needed=(0, 1))


def _own(random: Random) -> Spelling:
    """Draw a serial number of one's own, under a registry that is known or not."""
    text = random.choice(["LOT-{}-{}", "SN {}/{}", "INV {} {}", "WCC-PIU-{}-{}", "A{}-B{}"])
    numbers = random.randint(1, 9999), random.randint(1, 9999)
    registry = random.choice(["acme", "woodland carbon code", "verra", "acr", "cercarbono"])
    places = range(len(re.findall("[0-9A-Z]+", text.format(1, 1))))
    # Its letters and digits are all that it is known by.
    made = _spelling(registry, text.format(*numbers), random.randint(1, 10**6), fixed=places)
    return replace(made, needed=made.fixed)


FIRST_SPELLINGS: Final[Mapping[str, Callable[[Random], Spelling]]] = {
    "verra": _verra,
    "gold-standard": _gold_standard,
    "cdm": _cdm,
    "acr": _acr,
    "art": _art,
    "car": _car,
    "puro": _puro,
    "cercarbono": _cercarbono,
    "biocarbon": _biocarbon,
    "social-carbon": _social_carbon,
    "plan-vivo": _plan_vivo,
    "ucr": _ucr,
    "isometric": _isometric,
    "arb": _arb,
    "own": _own,
}
WITHOUT_RANGE: Final = ("isometric", "arb", "own")

# Changes: each takes a spelling and returns another of the same number, or the same if it cannot.

DASHES: Final = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_GAPS: Final = (*DASHES, *"/_. :\\|+;", "--", " - ", "  ", "\u00a0", "\t", "\u00b7", ", ")
_LETTERS: Final = "ACGHKRTUVWXYZ"
_SYMBOLS: Final = "-/_ .,:*#'\"()\u200b\u0301\u0421\u00e9"
_SCRIPTS: Final = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10, 0x1D7CE, 0x1D7F6)
_LOOKALIKES: Final = str.maketrans(
    "ABCEHIKMOPSTXYVbcegiopsxy",
    "\u0410\u0412\u0421\u0415\u041d\u0406\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u03a5\u0474"
    "\u042c\u0441\u0435\u0261\u0456\u043e\u0440\u0455\u0445\u0443",
)
_ACCENTS: Final = "\u0300\u0301\u0302\u0308\u0327\u0323"


def _gaps(made: Spelling) -> Sequence[str]:
    """Return what may stand between words: no bar where bars are digits."""
    return [gap for gap in _GAPS if gap != "|" or "|" not in made.text]


def _edit(random: Random, made: Spelling) -> Spelling:
    """Insert, delete or replace one character that is no digit."""
    place = random.randrange(len(made.words))
    word = made.words[place]
    at = random.randrange(len(word) + 1)
    stray = random.choice(_LETTERS + _SYMBOLS)
    deletes, replaces = random.random() < 0.3, random.random() < 0.5
    if (
        place in made.fixed
        or re.fullmatch(r"[\dOoQIl|SB]+", re.sub(r"[\W_]", "", word))
        or random.random() < 0.4
    ):
        stray = random.choice(_SYMBOLS[:-2]) if place in made.fixed else stray
        near = re.sub(r"\W", "", word[:at])[-1:] + re.sub(r"\W", "", word[at:])[:1]
        if made.first is None and re.fullmatch(r"[\dOoQIl]{2}", near):
            return made  # 1-11 is not 11-1
        splits = not stray.isalnum() and 0 < at < len(word)
        if splits and made.lost:
            return made
        made = replace(made, split=made.split or splits)
        return _with_word(made, place, word[:at] + stray + word[at:])
    if deletes or at == len(word):
        return _with_word(made, place, (word[:at] + word[at + 1 :]) if at < len(word) else word)
    return _with_word(made, place, word[:at] + stray + word[at + replaces :])


def _edit_gap(random: Random, made: Spelling) -> Spelling:
    """Replace what stands between two words by something else, or by nothing."""
    place = random.randrange(1, len(made.words)) if len(made.words) > 1 else 0
    if not place:
        return made
    gap = random.choice(_gaps(made))
    if made.first is None and not gap.strip("\u200b"):
        gap = " "
    if random.random() < 0.3 and made.whole and made.first is not None:
        gap = random.choice(["", random.choice(_LETTERS)])
    gaps = (*made.gaps[:place], gap, *made.gaps[place + 1 :])
    return replace(made, gaps=gaps, glued=not gap or gap.isalpha())


def _with_word(made: Spelling, place: int, word: str) -> Spelling:
    return replace(made, words=(*made.words[:place], word, *made.words[place + 1 :]))


def _map_words(made: Spelling, change: Callable[[str], str]) -> Spelling:
    return replace(made, words=tuple(map(change, made.words)))


def _case(random: Random, made: Spelling) -> Spelling:
    return _map_words(made, random.choice([str.lower, str.upper, str.title, str.swapcase]))


def _like_digits(random: Random, made: Spelling) -> Spelling:
    """Write letters for digits: everywhere, in numbers alone, or here and there."""
    pairs = [("0", "O"), ("0", "o"), ("1", "I"), ("1", "l"), ("01", "OI"), ("01", "ol")]
    if made.first is not None:
        pairs += [("5", "S"), ("8", "B"), ("1", "|"), ("0", "Q")]
    old, new = random.choice(pairs)
    table = str.maketrans(old, new)
    some = random.random() < 0.5

    def change(place: int, word: str) -> str:
        if place in made.fixed and old in "58":  # of a UUID, B is a digit of its own
            return word
        if not word.isdigit() and random.random() < 0.5:
            return word
        return "".join(
            letter if some and random.random() < 0.5 else letter.translate(table) for letter in word
        )

    words = tuple(change(place, word) for place, word in enumerate(made.words))
    return replace(made, words=words)


def _scripts(random: Random, made: Spelling) -> Spelling:
    zero = random.choice(_SCRIPTS)
    table = {ord("0") + digit: zero + digit for digit in range(10)}
    return _map_words(made, lambda word: word.translate(table))


def _letters(random: Random, made: Spelling) -> Spelling:
    """Write letters that look alike, in full width or with accents."""
    kind = random.randrange(3)
    some = random.random() < 0.5

    def letter(character: str) -> str:
        if not character.isalpha() or (some and random.random() < 0.5):
            return character
        if kind == 0:
            return character.translate(_LOOKALIKES)
        if kind == 1:
            return chr(ord(character) + 0xFEE0) if character.isascii() else character
        return normalize("NFC", character + random.choice(_ACCENTS))

    return _map_words(made, lambda word: "".join(map(letter, word)))


def _marks(random: Random, made: Spelling) -> Spelling:
    mark = random.choice("\u200b\u00ad\u0301\u0307\u0332\u2060\ufeff\u20d2")
    place = random.randrange(len(made.words))
    word = made.words[place]
    at = random.randrange(len(word) + 1)
    return _with_word(made, place, word[:at] + mark + word[at:])


def _drop(random: Random, made: Spelling) -> Spelling:
    """Drop a segment that is no number of the range."""
    place = random.randrange(len(made.words))
    if (
        place in made.needed
        or place in (made.first, made.last)
        or len(made.words) < 3
        or made.split
    ):
        return made
    return _cut(made, [one for one in range(len(made.words)) if one != place])


def _cut(made: Spelling, kept: Sequence[int]) -> Spelling:
    """Keep some of the words, each with the gap before it."""
    new = {old: place for place, old in enumerate(kept)}

    def places(old: frozenset[int]) -> frozenset[int]:
        return frozenset(new[place] for place in old if place in new)

    gaps = ["" if not place else made.gaps[old] for place, old in enumerate(kept)]
    return replace(
        made,
        words=tuple(made.words[old] for old in kept),
        gaps=(*gaps, made.gaps[-1]),
        first=None if made.first is None else new.get(made.first),
        last=None if made.last is None else new.get(made.last),
        fixed=places(made.fixed),
        needed=places(made.needed),
        dates=places(made.dates),
        whole=False,
        lost=True,
    )


def _part(random: Random, made: Spelling) -> Spelling:
    """Keep only the numbers, or cut the front, the back or both off."""
    if made.first is None or made.last is None:
        return made
    front, back = random.randint(0, made.first), random.randint(made.last, len(made.words) - 1)
    if random.random() < 0.3:
        front, back = made.first, made.last
    kept = list(range(front, back + 1))
    if made.last > made.first + 1 and random.random() < 0.5:  # CERs: as if of one end
        kept = [one for one in kept if not made.first < one < made.last]
    if len(kept) == len(made.words) or not made.needed <= set(kept):
        return made
    return _cut(made, kept)


def _wrap(random: Random, made: Spelling) -> Spelling:
    before, behind = random.choice(
        [
            *[("Serial no. ", ""), ("Serial number: ", ""), ("SN", ""), ("#", ""), ("No ", "")],
            *[("(", ")"), ("[", "]"), ('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("<", ">")],
            *[("", "."), ("", ";"), ("", " (copy)"), ("", " sold"), ("", "!"), ("\u2116 ", "")],
            ("https://registry.example.org/credit?serial=", ""),
            ("https://registry.example.org/credits/", "?tab=1"),
            *[("units ", ""), ("credits ", " retired"), ("lot 7: ", ""), ("", " / lot 7")],
        ]
    )
    if made.first is None:
        choices = [("(", ")"), ("", "."), ('"', '"'), ("[", "]"), ("#", ""), ("", "!"), ("'", "'")]
        before, behind = random.choice(choices)
    gaps = (before + made.gaps[0], *made.gaps[1:-1], made.gaps[-1] + behind)
    return replace(made, gaps=gaps)


def _separators(random: Random, made: Spelling) -> Spelling:
    """Write one separator everywhere, or another in every place; none only where all is there."""
    gaps = _gaps(made)
    gap = random.choice(gaps)
    inner = len(made.words) - 1
    if random.random() < 0.2 and made.whole and made.first is not None:
        return replace(made, gaps=(made.gaps[0], *[""] * inner, made.gaps[-1]), glued=True)
    mixed = random.random() < 0.3
    between = tuple(random.choice(gaps) if mixed else gap for _ in range(inner))
    return replace(made, gaps=(made.gaps[0], *between, made.gaps[-1]))


def _between(random: Random, made: Spelling) -> Spelling:
    """Write something else between the two numbers."""
    if made.first is None or made.last is None:
        return made
    words = ("-", " to ", "/", ",", ", ", " \u2013 ", "..", "...", " through ", ":", " & ", ">")
    gap = random.choice([*words, " and ", " bis ", " - ", " \u2192 ", "~", "\u2014", " until "])
    # Of CERs it stands between two ends that say the same.
    place = made.first + 5 if made.last == made.first + 7 else made.last
    return replace(made, gaps=(*made.gaps[:place], gap, *made.gaps[place + 1 :]))


def _zeros(random: Random, made: Spelling) -> Spelling:
    """Write zeros before one or all numbers, or leave them out."""
    if made.first is None:
        return made
    how = random.randrange(4)
    chosen = {random.choice([made.first, made.last]), random.randrange(len(made.words))}

    def change(place: int, word: str) -> str:
        if not (word.isascii() and word.isdigit()) or place in made.dates | made.fixed:
            return word
        if how == 0:
            return word.lstrip("0") or word
        if how == 1:
            return word.zfill(9)
        return "0" * random.randint(1, 3) + word if place in chosen or how == 2 else word

    words = tuple(change(place, word) for place, word in enumerate(made.words))
    return replace(made, words=words)


def _thousands(random: Random, made: Spelling) -> Spelling:
    if made.first is None or made.last is None:
        return made
    mark = random.choice(",. '\u2019\u00a0\u202f_")

    def change(word: str) -> str:
        if not (word.isascii() and word.isdigit()) or len(word) > 16:
            return word
        return f"{int(word):,}".replace(",", mark)

    for place in (made.first, made.last):
        made = _with_word(made, place, change(made.words[place]))
    return made


_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def _date(random: Random, made: Spelling) -> Spelling:
    """Write the dates in another order."""
    how = random.randrange(7)

    def change(word: str) -> str:
        day, month, year = word[:2], word[2:4], word[4:]
        if not word.isdigit() or len(word) != 8:
            return word
        return (
            f"{year}-{month}-{day}",
            f"{year}{month}{day}",
            f"{day}/{month}/{year}",
            f"{day}.{month}.{year}",
            f"{int(day)} {_MONTHS[int(month) - 1]} {year}",
            f"{month}/{day}/{year}",
            f"{year}/{int(month)}/{int(day)}",
        )[how]

    words = [change(word) if place in made.dates else word for place, word in enumerate(made.words)]
    return replace(made, words=tuple(words), dates=frozenset())


def _alias(random: Random, made: Spelling) -> Spelling:
    """Write another name of the registry."""
    names = REGISTRY_NAMES.get(made.registry)
    if names is None:
        return replace(made, registry=made.registry.title()) if made.registry == "acme" else made
    name = random.choice([made.registry, *names])
    name = random.choice(["{}", "{}", "{} Registry", "{} (registry)", "the {}", "{}.org"]).format(
        name
    )
    name = random.choice([str.lower, str.upper, str.title])(name)
    if random.random() < 0.2:
        name = "".join(
            letter.translate(_LOOKALIKES) if letter in "aceopABCEO" else letter for letter in name
        )
    return replace(made, registry=name)


CHANGES: Final[Mapping[str, Callable[[Random, Spelling], Spelling]]] = {
    "edit": _edit,
    "gap": _edit_gap,
    "case": _case,
    "digits": _like_digits,
    "scripts": _scripts,
    "letters": _letters,
    "marks": _marks,
    "drop": _drop,
    "part": _part,
    "wrap": _wrap,
    "separators": _separators,
    "between": _between,
    "zeros": _zeros,
    "thousands": _thousands,
    "date": _date,
    "alias": _alias,
}


# No person could tell what such a change did to a text without separators.
UNREADABLE_GLUED: Final = ("edit", "gap", "drop", "part", "zeros", "thousands", "date", "between")


def second_spelling(random: Random, first: Spelling) -> tuple[Spelling, str]:
    """Change a spelling once or twice, and name the changes."""
    kinds = [random.choice(list(CHANGES)) for _ in range(random.randint(1, 2))]
    second = first
    for kind in kinds:
        if not (second.glued and kind in UNREADABLE_GLUED):
            second = CHANGES[kind](random, second)
            second = replace(second, whole=second.whole and kind not in UNREADABLE_GLUED)
    return second, "+".join(kinds)


def read(made: Spelling) -> Serial | OffsetError:
    """Read a spelling as a ledger does, or return its refusal."""
    quantity_g = made.count * GRAMS_PER_CREDIT
    try:
        return read_serial(
            canonical_registry(made.registry), canonical_serial(made.text), quantity_g
        )
    except OffsetError as refusal:
        return refusal


def is_beside(first: Serial, second: Serial) -> bool:
    """Check whether a ledger that has the first takes the second."""
    overlap = any(
        one[:2] == other[:2] and one.first <= other.last and other.first <= one.last
        for one in first.claims
        for other in second.claims
    )
    stated = {fact[:2]: fact.value for fact in first.facts}
    contradiction = any(stated.get(fact[:2], fact.value) != fact.value for fact in second.facts)
    return not overlap and not contradiction


def accepted(random: Random, name: str) -> tuple[str, str, str] | None:
    """Draw a serial number and a second spelling; return both if a ledger takes both."""
    first = FIRST_SPELLINGS[name](random)
    one = read(first)
    assert isinstance(one, Serial), (first.text, one)
    assert one.count in (None, first.count), first.text
    second, kinds = second_spelling(random, first)
    other = read(second)
    if isinstance(other, OffsetError) or not is_beside(one, other):
        return None
    if other.count not in (None, first.count):
        return None  # a record is refused whose quantity is not what its serial number counts
    return kinds, f"{first.registry}: {first.text}", f"{second.registry}: {second.text}"


# Changes that leave all of a serial number there, so that it is known under any registry.
_WHOLE: Final = ("case", "digits", "scripts", "letters", "marks", "separators", "between", "date")


def accepted_elsewhere(random: Random, name: str) -> tuple[str, str, str] | None:
    """Draw a second spelling under a registry that is not known; return both if it is accepted."""
    first = FIRST_SPELLINGS[name](random)
    kind = random.choice(_WHOLE)
    second = replace(CHANGES[kind](random, first), registry="woodland carbon code")
    if isinstance(read(second), OffsetError):
        return None
    return kind, f"{first.registry}: {first.text}", f"{second.registry}: {second.text}"


def main(count: int, seed: int = 0) -> None:
    """Try random spellings of every registry and print those that are accepted."""
    random = Random(seed)
    found: Counter[str] = Counter()
    names = list(FIRST_SPELLINGS)
    for number in range(count):
        name = names[number % len(names)]
        pair = accepted(random, name)
        if pair is not None:
            found[f"{name} {pair[0]}"] += 1
            if found[f"{name} {pair[0]}"] <= 2:
                sys.stdout.write("\n    ".join(pair) + "\n")
    sys.stdout.write(f"{count} tried, {found.total()} accepted\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(int, sys.argv[2:]))
