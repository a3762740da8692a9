"""The published page and vectors, followed to the letter and without our code.

An error in the package cannot bless itself here: the expected forms and ids come from the tables
of the page, unicodedata, hashlib and another implementation of RFC 8785.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import (
    CanonicalRecord,
    canonical_fields,
    canonical_json,
    canonical_record,
    canonical_registry,
    canonical_serial,
    canonical_text,
)
from offset.core.confusables import CONFUSABLES
from offset.core.errors import OffsetError
from offset.core.quantities import grams
from offset.core.registry_names import GENERIC_WORDS, REGISTRY_NAMES, WHOLE_NAMES
from offset.core.unicode14 import DASH, INVISIBLE, WHITE_SPACE, characters

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "canonical-form.md").read_text(encoding="utf-8")
VECTORS: dict[str, Any] = json.loads(
    (DOCS / "canonical-form.json").read_text(encoding="utf-8"), parse_float=Decimal
)


def nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def table(heading: str) -> set[str]:
    """The characters that the page lists under this heading."""
    listed = re.search(rf"^### {heading}\n.*?```\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert listed
    ends = [entry.split("-") for entry in listed[1].split()]
    return {chr(point) for e in ends for point in range(int(e[0], 16), int(e[-1], 16) + 1)}


def listed_names() -> dict[str, list[str]]:
    """The codes of registries that the page lists, with their names."""
    rows = re.findall(r"^\| ([a-z-]+) \| (`.+`) \|$", PAGE, re.MULTILINE)
    return {code: re.findall("`([^`]+)`", names) for code, names in rows}


SPACES, DASHES, INVISIBLES = table("White space"), table("Dashes"), table("Invisible characters")
LOOKS_LIKE = {
    int(point, 16): character
    for character, points in VECTORS["confusables"].items()
    for point in points.split()
}
NO_CAPITAL = "\u019b\u0264\ua7d3\ua7d5"  # in Unicode 14.0; later versions gave them one


def name_words(text: str) -> list[str]:
    """The words of a registry's name, by the page."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(LOOKS_LIKE))
        bare = "".join(c for c in decomposed if not unicodedata.combining(c))
        plain = bare.translate(LOOKS_LIKE)
        text = "".join(c if c.isascii() else str(unicodedata.decimal(c, c)) for c in plain)
    words = re.findall("[0-9A-Z]+", text.upper().translate(LOOKS_LIKE))
    joined = re.sub(r"(?<!\S)(\S) (?=\S(?!\S))", r"\1", " ".join(words)).split()
    return [word.replace("O", "0").replace("I", "1").replace("L", "1") for word in joined]


PHRASES: dict[str, str] = {
    "".join(name_words(name)) + behind: code
    for code, names in VECTORS["registry_names"].items()
    for name in (code, *names)
    for behind in ("", "REG1STRY")
}
WHOLE: dict[str, str] = {
    "".join(name_words(name)): code for name, code in VECTORS["whole_names"].items()
}
GENERIC = {word for name in VECTORS["generic_words"] for word in name_words(name)}


def named(text: str) -> str | None:
    """The code of the registry that a name means, by the page."""
    if len(text) > 200:
        return None
    unmarked = re.sub("[\u00a9\u00ae\u2120\u2122]", " ", text)
    return meant(name_words(text)) or meant(name_words(unmarked))


def meant(words: list[str]) -> str | None:
    if "".join(words) in WHOLE:
        return WHOLE["".join(words)]
    read: set[str] = set()
    while words:
        lengths = [n for n in range(1, len(words) + 1) if "".join(words[:n]) in PHRASES]
        if lengths:
            read.add(PHRASES["".join(words[: lengths[-1]])])
        elif words[0] not in GENERIC:
            return None
        words = words[lengths[-1] if lengths else 1 :]
    return read.pop() if len(read) == 1 else None


def published_form(sent: Mapping[str, Any]) -> dict[str, str | int]:
    """Compute the canonical fields of a request as another system would."""

    def clean(text: str) -> str:
        spaced = "".join(" " if c in SPACES else c for c in text)
        return " ".join(word for word in spaced.split(" ") if word)

    def fold(text: str) -> str:
        return clean(nfkc(nfkc(text).casefold()))

    def visible(text: str) -> str:
        return "".join("-" if c in DASHES else c for c in text if c not in INVISIBLES)

    shown = visible(sent["registry"])
    registry = fold(shown)
    small = nfkc(visible(sent["serial_number"])).casefold()
    vintage = nfkc(str(sent["vintage"]))
    year = re.search("[0-9]{4}", vintage.lstrip("0"))
    assert year
    return {
        "project_name": fold(sent["project_name"]),
        "registry": named(registry) or named(shown) or registry,
        "vintage": int(year[0]),
        "quantity_g": int(Decimal(sent["quantity"]) * 1_000_000),
        "serial_number": clean(nfkc("".join(c if c in NO_CAPITAL else c.upper() for c in small))),
    }


def record_of(sent: Mapping[str, Any]) -> CanonicalRecord:
    """What the ledger makes of a request, control characters included that no client may send."""
    texts = {field: sent[field] for field in ("project_name", "registry", "serial_number")}
    return canonical_record(**texts, vintage=sent["vintage"], quantity_g=grams(sent["quantity"]))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: ascii(case["name"]))
def test_a_vector_has_its_canonical_form_and_its_id(case: dict[str, Any]) -> None:
    published = published_form(case["input"])
    encoded = rfc8785.dumps(published)
    assert case["canonical"] == published
    assert case["canonical_json"].encode() == encoded
    assert case["id"] == sha256(b"offset-record/v1\n" + encoded).hexdigest()

    record = record_of(case["input"])
    assert canonical_fields(record) == case["canonical"]
    assert canonical_json(canonical_fields(record)) == encoded
    assert record.record_id.hex() == case["id"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: ascii(case["name"]))
def test_a_refused_vector_is_refused_with_its_code(case: dict[str, Any]) -> None:
    with pytest.raises(OffsetError) as refusal:
        record_of(case["input"])
    assert refusal.value.code == case["code"]
    refusal.value.detail.encode()  # a message never holds what cannot be sent


def test_the_vectors_spell_one_quantity_in_every_way() -> None:
    raw = (DOCS / "canonical-form.json").read_text(encoding="utf-8")
    for spelling in ("10", "10.0", "1e1", '"10.00"'):
        assert f'"quantity": {spelling},' in raw


def test_the_vectors_are_published_for_this_version() -> None:
    assert VECTORS["version"] == "offset-record/v1"
    assert len(VECTORS["cases"]) >= 60
    assert {case["code"] for case in VECTORS["refused"]} == {
        "invalid-text",
        "invalid-vintage",
        "invalid-quantity",
    }


def test_every_space_every_dash_and_every_registry_has_a_vector() -> None:
    names = "".join(case["input"]["project_name"] for case in VECTORS["cases"])
    serials = "".join(case["input"]["serial_number"] for case in VECTORS["cases"])
    assert set(names) >= SPACES
    assert set(serials) >= DASHES
    codes = {case["canonical"]["registry"] for case in VECTORS["cases"]}
    assert codes >= REGISTRY_NAMES.keys()


def test_the_example_of_the_page_has_the_id_that_the_page_gives() -> None:
    example = re.search(r"```json\n(.*?)\n```\n\nhas the id `([0-9a-f]{64})`", PAGE)
    assert example
    assert sha256(b"offset-record/v1\n" + example[1].encode()).hexdigest() == example[2]


# The code against the page


def test_the_page_lists_the_tables_that_the_code_has() -> None:
    assert sorted(characters(WHITE_SPACE)) == sorted(SPACES)
    assert sorted(characters(DASH)) == sorted(DASHES)
    assert sorted(characters(INVISIBLE)) == sorted(INVISIBLES)
    names = {code: list(names) for code, names in REGISTRY_NAMES.items()}
    assert listed_names() == VECTORS["registry_names"] == names
    assert VECTORS["whole_names"] == WHOLE_NAMES
    assert VECTORS["generic_words"] == GENERIC_WORDS.split()
    listed = [f"{character} {points}" for character, points in VECTORS["confusables"].items()]
    assert " ".join(listed) == " ".join(CONFUSABLES.split())


# Text in which a rule is likely to matter: marks, case, compatibility forms, spaces, dashes.
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cn", "Cs"]),
        st.sampled_from(
            "aAß\u1e9eıİΣςι\u0345\u0301\u0323\u0307\u030cﬁŉΐᾳ각\u1100\u1161\u11a8 \u00a0"
        ),
        st.sampled_from(characters(WHITE_SPACE + " " + DASH) + "\u00ad\u034f\u200b\u200d\u3164"),
    )
)


# Names of registries and generic words in a row, which are what the rule of registries reads.
NAMES = st.lists(
    st.one_of(
        st.sampled_from([*VECTORS["generic_words"], *VECTORS["whole_names"]]),
        st.sampled_from([name for names in VECTORS["registry_names"].values() for name in names]),
        st.sampled_from(["V.C.S.", "Ver-ra", "B", "Fund", "\u0421AR", "\u00ae", "\u2122", "'s"]),
    ),
    max_size=5,
)
SEPARATED = st.builds(str.join, st.sampled_from([" ", "", "-", ".", " / ", "\u2013"]), NAMES)


@given(st.text(st.characters(max_codepoint=0x7F)) | TEXTS | SEPARATED)
def test_every_text_has_the_forms_that_the_page_describes(text: str) -> None:
    published = published_form(
        {
            "project_name": text,
            "registry": text,
            "vintage": 2020,
            "quantity": 1,
            "serial_number": text,
        }
    )
    assert canonical_text(text) == published["project_name"]
    assert canonical_registry(text) == published["registry"]
    assert canonical_serial(text) == published["serial_number"]
