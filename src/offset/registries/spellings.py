"""Second spellings: how a text is folded before it is searched for a serial number.

People and programs write one serial number in many ways: with O for 0, in another script's digits,
with a letter that only looks Latin, without separators, with words around it. Every reading here
serves to find such a spelling and refuse it, or to know two opaque texts as one. None is stored.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from offset.core.confusables import fold_confusables

# A run of what people write for digits that has a digit in it, or is a whole word.
_LIKE_DIGITS: Final = re.compile(r"[0-9OQIL|]+")
_DIGIT: Final = re.compile("[0-9]")
_AS_DIGIT: Final = str.maketrans("OQIL|", "00111")
_FIVE_EIGHT: Final = str.maketrans("SB", "58")
# Where a digit is expected, in a text of which O, Q, I, L and | are folded already.
DIGIT: Final = "[0-9SB]"
# What people write between two numbers, squeezed.
TO: Final = "(?:T0|UNT11|B1S|THR0UGH|AND)?"
COUNTRY: Final = "[A-Z01]{2}"
YEAR: Final = f"(?:19|20|21){DIGIT}{{2}}"

_ALL_DIGITS: Final = _AS_DIGIT | _FIVE_EIGHT
_LIKE_NUMBER: Final = re.compile(r"(?<![0-9A-Z])[0-9OQIL|SB]++(?![0-9A-Z])")
_MONTHS: Final = [
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JU1",
    "AUG",
    "SEP",
    "0CT",
    "N0V",
    "DEC",
]
_MONTH: Final = "|".join(_MONTHS).translate({ord("0"): "[0O]", ord("1"): "[1L]"})
_NAMED_MONTH: Final = re.compile(
    rf"(?<![0-9])([0-9]{{1,2}})[^0-9A-Z]{{0,3}}({_MONTH})[A-Z]{{0,6}}[^0-9A-Z]{{0,3}}([0-9]{{4}})"
)
_NEAR_DIGITS: Final = re.compile(r"(?<![OQIL|SB])[OQIL|SB]*+[0-9][0-9OQIL|SB]*+")
_PADDED: Final = re.compile("(?<![0-9])0+(?=[0-9])")
_NOT_WORD: Final = re.compile(r"[^\w|]|_")
_WORDS: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile("[0-9]+")
_LONGEST_NUMBER: Final = 30  # digits: a Puro number
_LONGEST_COUNTER: Final = 12  # of these digits
_LONGEST_RUN: Final = 64  # digits
_MOST_CHUNKS: Final = 4  # into which separators or a stray character cut one number
_SHORTEST_GLUED: Final = 4  # digits of a number that is found inside a longer run


def fold_letters(text: str) -> str:
    """Return `text` in ASCII capitals where it can be.

    A canonical text is in capitals, and some letters look like an ASCII one in lower case alone.
    """
    plain = fold_confusables(text)
    if plain.isascii():
        return plain
    return "".join(
        letter if letter.isascii() else fold_confusables(letter.lower()) for letter in plain
    )


def fold_digits(text: str) -> str:
    """Return `text` in ASCII capitals where it can be, with O, Q, I, L and | for digits as digits.

    A letter counts as a digit in a run with a digit (9OO1), or as a word of such letters (IOOO).
    """
    plain = fold_letters(text)

    def folded(match: re.Match[str]) -> str:
        run, (start, end) = match[0], match.span()
        alone = not (plain[start - 1 : start].isalnum() or plain[end : end + 1].isalnum())
        return run.translate(_AS_DIGIT) if alone or _DIGIT.search(run) else run

    return _LIKE_DIGITS.sub(folded, plain)


def readings(text: str) -> tuple[str, ...]:
    """Return a canonical text as it is and as it may be meant: bars for spaces, months for numbers.

    A bar looks like a 1, as which the other functions here take it; 1 JUN 2020 is 01062020.
    """
    forms = [text, text.replace("|", " ")]
    for form in (*forms,):
        numbered, count = _NAMED_MONTH.subn(_numbered_month, fold_digits(form))
        forms += [numbered] if count else []
    return tuple(dict.fromkeys(forms))


def _numbered_month(match: re.Match[str]) -> str:
    return f"{match[1]:0>2}{_MONTHS.index(match[2].translate(_AS_DIGIT)) + 1:02}{match[3]}"


def fold_five_eight(text: str) -> str:
    """Return `text` with S as 5 and B as 8 in words of letters for digits, and digits, alone.

    The text is as `fold_digits` returns it.
    """
    return _LIKE_NUMBER.sub(_all_digits, text)


def _all_digits(match: re.Match[str]) -> str:
    return match[0].translate(_ALL_DIGITS)


def unpadded(text: str) -> str:
    """Return `text` with its numbers without leading zeros."""
    return _PADDED.sub("", text)


def hyphenate(text: str) -> str:
    """Return `text` with one hyphen for whatever stands between its words."""
    return "-".join(_WORDS.findall(text))


@lru_cache(maxsize=8)  # each grammar asks for the same text
def squeeze(text: str) -> tuple[str, frozenset[int]]:
    """Return the letters and digits of `text`, wholly folded, and where in them a word begins.

    All of O, Q, I, L and | become digits, so a pattern for the result writes C0RC for CORC.
    """
    words = _NOT_WORD.sub(" ", fold_letters(text)).translate(_AS_DIGIT).split()
    starts: set[int] = set()
    place = 0
    for word in words:
        starts.add(place)
        place += len(word)
    return "".join(words), frozenset(starts)


def skeletons(text: str) -> tuple[str, ...]:
    """Return the forms in which a text that no grammar reads is unique: one to three.

    Letters and digits only, O as 0, I and L as 1, numbers without leading zeros. Separators count
    between two digits, and there as one: LOT-1-11 is not LOT-11-1, and LOT-1 is LOT1. Whether a
    letter O beside a separator is a digit cannot be told: such a text has several forms, in which
    it is one always, beside another digit (55O-28), or never.
    """
    words = _WORDS.findall(fold_letters(text))
    folded = [word.translate(_AS_DIGIT) for word in words]
    forms = (_joined(folded, judged) for judged in (folded, [*map(fold_digits, words)], words))
    return tuple(dict.fromkeys(form for form in forms if form)) or (text,)


def _joined(words: list[str], judged: list[str]) -> str:
    """Join words, with a hyphen where a digit meets a digit in the same words as judged."""
    text = ""
    before = ""
    for word, shown in zip(words, judged, strict=True):
        if before[-1:].isdigit() and shown[:1].isdigit():
            text += "-"
        text += word.lstrip("0") or "0" if word.isdigit() else word
        before = shown
    return text


def spans(text: str, count: int) -> tuple[int, int] | None:
    """Find two numbers in `text` from one of which to the other there are `count` credits.

    A range in disguise: 15001 and 16000 for 1,000 credits, also cut by separators (15,001) or glued
    together (1500116000). The numbers may stand anywhere in the text, in either order; of several
    pairs the one of the largest numbers is returned.
    """
    plain = fold_digits(text)
    # 519B is a number in any case; in 5V19B, with a stray letter, it is a part of one.
    forms = {fold_five_eight(plain), _NEAR_DIGITS.sub(_all_digits, plain)}
    pairs = [pair for form in forms for pair in _pairs(_NUMBER.findall(form), count)]
    return max(pairs, default=None)


def _pairs(chunks: list[str], count: int) -> list[tuple[int, int]]:
    """Find all pairs of numbers in chunks of digits that span a number of credits."""
    pairs = [pair for chunk in chunks if (pair := _glued(chunk, count)) is not None]
    ends: dict[int, int] = {}  # of a number: the first chunk that ends one
    for end in range(len(chunks)):
        numbers = list(_numbers_at(chunks, end))
        pairs += [
            (min(other, number), max(other, number))
            for number, start in numbers
            for other in (number - count + 1, number + count - 1)
            if ends.get(other, end) < start
        ]
        for number, _ in numbers:
            ends.setdefault(number, end)
    return pairs


def _numbers_at(chunks: list[str], end: int) -> Iterator[tuple[int, int]]:
    """Iterate over the numbers that a chunk of digits ends, each with the chunk that begins it."""
    digits = ""
    for start in range(end, max(end - _MOST_CHUNKS, -1), -1):
        digits = chunks[start] + digits
        if len(digits) > _LONGEST_NUMBER:
            return
        yield int(digits), start
        if len(digits) == _LONGEST_NUMBER:
            yield int(digits[-_LONGEST_COUNTER:]), start


def _glued(digits: str, count: int) -> tuple[int, int] | None:
    """Find a first and a last number that end a run of digits, as in 1500116000."""
    if not 2 * _SHORTEST_GLUED <= len(digits) <= _LONGEST_RUN:
        return None
    for size in range(_SHORTEST_GLUED, len(digits) - _SHORTEST_GLUED + 1):
        last = int(digits[-size:])
        first = str(last - count + 1)
        if last >= count and len(first) >= _SHORTEST_GLUED and digits[:-size].endswith(first):
            return last - count + 1, last
    return None
