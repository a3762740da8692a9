"""Every registry by its samples, and which texts are read, refused or opaque."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_serials import PURO_ISSUANCE
from offset.core.canonical import canonical_serial
from offset.core.errors import RegistryMismatch, SerialMalformed
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.serials import BY_SERIAL, WITHOUT_SERIALS, SerialClaim, SerialFact
from offset.registries import REGISTRIES, find_serial, opaque_lines, read_serial

SAMPLES = Path(__file__).parent
FOLDERS = sorted(path for path in SAMPLES.iterdir() if path.is_dir() and path.name[0] not in "._")
VERRA = "90001-5000001-5000250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1"


def outcome(registry: str, text: str) -> dict[str, object]:
    try:
        read = {"text": text, **asdict(read_serial(registry, text))}
        return json.loads(json.dumps(read))  # type: ignore[no-any-return]
    except (RegistryMismatch, SerialMalformed) as refusal:
        return {"text": text, "refused": refusal.code}


def test_every_registry_has_a_folder_of_samples_and_every_folder_a_registry() -> None:
    folders = [path.name for path in FOLDERS if path.name != "__pycache__"]
    assert folders == sorted(REGISTRIES)
    assert [registry.code for registry in REGISTRIES.values()] == list(REGISTRIES)


@pytest.mark.parametrize("registry", sorted(REGISTRIES))
def test_the_samples_are_read_as_expected_and_no_file_is_left_over(registry: str) -> None:
    folder = SAMPLES / registry
    assert sorted(path.name for path in folder.iterdir()) == ["serials.json", "serials.txt"]
    texts = (folder / "serials.txt").read_text(encoding="utf-8").splitlines()
    expected = json.loads((folder / "serials.json").read_text(encoding="utf-8"))
    assert [outcome(registry, text) for text in texts] == expected


def test_a_serial_of_the_named_registry_is_read() -> None:
    serial = read_serial("verra", VERRA)
    assert (serial.registry, serial.series, serial.parsed) == ("verra", "VCS-VCU", True)
    assert (serial.first, serial.last, serial.count) == (5000001, 5000250, 250)


@pytest.mark.parametrize("registry", ["gold-standard", "acme"])
def test_a_serial_of_another_registry_is_refused(registry: str) -> None:
    with pytest.raises(RegistryMismatch) as refusal:
        read_serial(registry, VERRA)
    assert refusal.value.facts == {"registry": registry, "other": "verra"}


@pytest.mark.parametrize("registry", ["verra", "gold-standard", "acme"])
@pytest.mark.parametrize(
    "text",
    [
        f"{VERRA}.",
        f"VERRA: {VERRA}",
        f"{VERRA} {VERRA}",
        f"{VERRA}; SN-1-100",
        VERRA.replace("-", " "),
        VERRA.replace("-", "/"),
        VERRA.replace("-", " - "),
        VERRA.replace("-", ""),
        VERRA.replace("-", "|"),
        VERRA.replace("0", "O").replace("1", "I"),
        VERRA.replace("-5000001", "-00005000001"),
        VERRA.replace("01012020", "1 JAN 2020"),
        VERRA.replace("01012020", "2020-01-01"),
        VERRA.replace("VCU", "V\u0421U"),  # a Cyrillic letter that looks like a C
        VERRA.replace("VCU", "V\u0106U"),  # an accent
        VERRA.replace("0", "\u0660"),  # a digit of another script
        VERRA.replace("5000001", "5000251"),
        VERRA.replace("31122020", "31112020"),
    ],
)
def test_a_text_with_a_whole_serial_in_it_is_refused(registry: str, text: str) -> None:
    with pytest.raises(SerialMalformed) as refusal:
        read_serial(registry, text)
    assert refusal.value.facts == {"registry": "verra", "serial": text}


@pytest.mark.parametrize("text", [VERRA.replace("VCU", "VGU"), VERRA[:40], VERRA[24:]])
def test_a_part_of_a_serial_is_refused_only_where_a_grammar_is_known(text: str) -> None:
    for registry in ("verra", "gold-standard"):
        with pytest.raises(SerialMalformed) as refusal:
            read_serial(registry, text)
        assert refusal.value.facts == {"registry": "verra", "serial": text}
    assert not read_serial("acme", text).parsed


def test_a_character_beyond_ascii_is_refused_only_where_a_grammar_is_known() -> None:
    text = "LOS-\u0416-17"
    with pytest.raises(SerialMalformed) as refusal:
        read_serial("verra", text)
    assert refusal.value.facts == {"registry": "verra", "serial": text}
    assert read_serial("acme", text).text == text


@pytest.mark.parametrize(
    "registry, text, count",
    [
        ("verra", "15001-16000", 1_000),
        ("verra", "VCU 15,001 to 16,000", 1_000),
        ("verra", "SERIALS 15 001 TO 16 000, BATCH 9001", 1_000),
        ("verra", "1500116000", 1_000),
        ("verra", "15OO1/I6OOO", 1_000),
        ("verra", "15A001-16000", 1_000),
        ("gold-standard", "GS901 / 20258 / 1 - 1000", 1_000),
        ("cdm", "900001 - 900250", 250),
        ("car", "6115-18001 TO 19000", 1_000),
        ("art", "GY-101-2019-1-1/1000", 1_000),
        ("ucr", "015001 016186", 1_186),
        ("acr", "SN-7-7", 1),
    ],
)
def test_a_range_in_disguise_is_refused_where_a_grammar_is_known(
    registry: str, text: str, count: int
) -> None:
    for code in (registry, "verra"):
        with pytest.raises(SerialMalformed) as refusal:
            read_serial(code, text, count * GRAMS_PER_CREDIT)
        assert refusal.value.facts == {"registry": code, "serial": text}
    for quantity_g in (None, count * GRAMS_PER_CREDIT + 1, (count + 1) * GRAMS_PER_CREDIT):
        assert not read_serial(registry, text, quantity_g).parsed
    assert not read_serial("acme", text, count * GRAMS_PER_CREDIT).parsed


@pytest.mark.parametrize("count", [1, 2, 345, 12_345, 10**9])
@pytest.mark.parametrize("text", ["VCS-12345", "LOT-A", "VCU", "VCS-001"])
def test_a_text_of_one_number_is_opaque_whatever_the_quantity(text: str, count: int) -> None:
    assert not read_serial("verra", text, count * GRAMS_PER_CREDIT).parsed


def test_the_id_of_an_issuance_alone_is_refused_where_it_is_one() -> None:
    for text in (PURO_ISSUANCE.upper(), f"LOT 7 {PURO_ISSUANCE.upper().replace('-', '')}"):
        with pytest.raises(SerialMalformed) as refusal:
            read_serial("puro", text)
        assert refusal.value.facts == {"registry": "puro", "serial": text}
        assert not read_serial("verra", text).parsed


def claims(registry: str, text: str) -> set[SerialClaim]:
    """Return what a text of one's own claims; its registry may have ids."""
    return set(read_serial(registry, text).claims)


@pytest.mark.parametrize("registry", ["acme", "verra", "arb"])
@pytest.mark.parametrize(
    "first, second",
    [
        ("LOT-1-11", "LOT 1/11"),
        ("LOT-1-11", "LOT--1__11"),
        ("LOT-1-11", "LOT1-11"),
        ("LOT-1-11", "L0T-I-1l".upper()),
        ("LOT-1-11", "LOT-01-011"),
        ("LOT-1-11", "(LOT-1-11)."),
        ("LOT-550-28", "LOT-55O-28"),
        ("A1O-5", "A1O5"),
    ],
)
def test_two_spellings_of_a_text_of_ones_own_claim_the_same(
    registry: str, first: str, second: str
) -> None:
    assert claims(registry, first) & claims(registry, second)


@pytest.mark.parametrize("registry", ["acme", "verra", "arb"])
@pytest.mark.parametrize(
    "first, second",
    [
        ("LOT-1-11", "LOT-11-1"),
        ("LOT-1-11", "LOT-111"),
        ("LOT-1-11", "LOT-1-1-1"),
        ("LOT-1-11", "LOT-1-10"),
        ("LOT-1-11", "LOT-1-11-A"),
        ("LOT-55", "LOT-SS"),  # a 5 is an S only where a number is expected
    ],
)
def test_two_texts_of_ones_own_are_two(registry: str, first: str, second: str) -> None:
    assert not claims(registry, first) & claims(registry, second)


def test_two_registries_that_are_not_known_have_texts_of_their_own() -> None:
    assert claims("acme", "LOT-1") == {SerialClaim("ACME", "10T1", 0, 0)}
    assert claims("acme registry", "LOT-1") == claims("acme", "LOT-1")
    assert not claims("acme", "LOT-1") & claims("other", "LOT-1")


ISSUED = "ISS_1ABCDEFGH1S0WXYZ"


@pytest.mark.parametrize(
    "text",
    [
        "ISS-1ABCDEFGH1S0WXYZ",
        "1ABCDEFGH1S0WXYZ",
        "ISS_1ABCDEFGH1SOWXYZ",
        "ISS_LABCDEFGHIS0WXYZ",
        "ISSUANCE ISS_1ABCDEFGH1S0WXYZ.",
        "RET_1ABCDEFGH1S0WXYZ",
        "HTTPS://REGISTRY.ISOMETRIC.COM/ISSUANCE/ISS_1ABCDEFGH1S0WXYZ",
        "ISS_1ABC DEFG H1S0 WXYZ",
        "ISS1ABCDEFGH1S0WXYZ",
    ],
)
def test_an_id_of_isometrics_is_one_in_every_spelling(text: str) -> None:
    assert claims("isometric", text) == claims("isometric", ISSUED)
    assert claims("isometric", ISSUED) == {SerialClaim("isometric", "1ABCDEFGH1S0WXYZ", 0, 0)}


@pytest.mark.parametrize(
    "text",
    [
        *("CAOD9007 A", "CAOD9O07-A", "CA-OD-9007-A", "CAOD9007A", "CA0D9007-A", "CAOD|9007|A"),
        *("ISSUANCE CAOD9007-A", "(CAOD9007-A)", "CAOD90-07-A", "C\u0410OD9007-A"),
    ],
)
def test_an_id_of_arbs_is_one_in_every_spelling(text: str) -> None:
    assert claims("arb", text) == {SerialClaim("arb", "CAOD9007-A", 0, 0)}


def test_the_last_letter_of_an_id_of_arbs_is_a_letter() -> None:
    texts = [f"CAFR9016-{letter}" for letter in "ABDEIKLOSZ"]
    for text in texts:
        assert claims("arb", text) == {SerialClaim("arb", text, 0, 0)}
    assert claims("arb", "CAFR9016-1") == claims("arb", "CAFR9016-I")
    # A Cyrillic I looks like both.
    assert claims("arb", "CAFR9016-\u0406") == claims("arb", texts[4]) | claims("arb", texts[6])


def test_a_text_of_the_importers_own_is_exact() -> None:
    pool = "ACR-ISSUANCE:ACR901/2019/2020-08-02/3081/1"
    assert claims("acr", pool) == {SerialClaim("acr", pool, 0, 0)}
    for other in (f"{pool}1", pool.replace("/1", "/2"), pool.replace("3081", "30.81")):
        assert not claims("acr", pool) & claims("acr", other)
    assert read_serial("acr", pool, GRAMS_PER_CREDIT).text == pool
    assert claims("acme", pool) == claims("acme registry", f"({pool})")  # not an importer's


@pytest.mark.parametrize(
    "registry, serial, pool, subject",
    [
        (
            "acr",
            "ACR-US-901-2019-9001-1 TO 5",
            "ACR-ISSUANCE:ACR0901/2019/2020-08-02/3081/1",
            "ACR901, vintage 2019",
        ),
        (
            "art",
            "FCPF-CI-930-2023-9020-1 TO 46000",
            "ART-ISSUANCE:ART930/2023/2024-08-02/3081",
            "ART930, vintage 2023",
        ),
        (
            "car",
            "CAR-ROC-US-9056-129-9283-WV-2025-9969-1 TO 2",
            "CAR-ISSUANCE:CAR9056/2025/2026-08-02/3081.5/2",
            "CAR9056, vintage 2025",
        ),
    ],
)
def test_a_projects_vintage_is_stated_to_be_issued_in_one_of_two_forms(
    registry: str, serial: str, pool: str, subject: str
) -> None:
    by_serial, without = read_serial(registry, serial), read_serial(registry, pool)
    assert by_serial.facts == (SerialFact(registry, subject, BY_SERIAL),)
    assert without.facts == (SerialFact(registry, subject, WITHOUT_SERIALS),)
    project, _, vintage = subject.partition(", vintage ")
    own = read_serial(registry, "LOT-A", None, project, int(vintage))
    assert own.facts == without.facts
    assert read_serial(registry, "LOT-A", None, None, int(vintage)).facts == ()
    assert read_serial(registry, "LOT-A", None, project, None).facts == ()


def test_only_registries_that_issue_in_both_forms_state_one() -> None:
    assert read_serial("verra", VERRA).facts == ()
    assert read_serial("verra", "LOT-A", None, "VCS901", 2019).facts == ()
    assert read_serial("acme", "LOT-A", None, "901", 2019).facts == ()


def test_the_series_of_a_text_that_no_grammar_reads_are_listed() -> None:
    assert opaque_lines("verra", "LOT-1") == {("verra", "10T1")}
    assert opaque_lines("isometric", ISSUED) == {("isometric", "1ABCDEFGH1S0WXYZ")}
    assert (None, "CAOD9007-A") in opaque_lines(None, "CAOD9007 A")
    assert (None, "1ABCDEFGH1S0WXYZ") in opaque_lines(None, ISSUED)
    assert (None, "CDC_901_1_2009") in opaque_lines(None, "CDC_901_1_1_321_14_1_2009")


def test_a_serial_is_found_without_naming_its_registry() -> None:
    assert find_serial(VERRA) == read_serial("verra", VERRA)
    one_credit = read_serial("verra", VERRA).part(5000007, 5000007)
    assert find_serial(one_credit.text) == one_credit
    assert find_serial("SN-1-100") is None
    assert find_serial(f"{VERRA}.") is None


@given(registry=st.sampled_from([*REGISTRIES, "acme"]), text=st.text(max_size=500))
def test_any_text_is_read_or_refused_by_name(registry: str, text: str) -> None:
    try:
        serial = read_serial(registry, text)
    except (RegistryMismatch, SerialMalformed):
        return
    assert serial.registry == registry
    assert text in (serial.text, canonical_serial(serial.text))
