"""Every registry by its samples, and which texts are read, refused or opaque."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.core.errors import RegistryMismatch, SerialMalformed
from offset.core.serials import Serial
from offset.registries import REGISTRIES, find_serial, read_serial

SAMPLES = Path(__file__).parent
FOLDERS = sorted(path for path in SAMPLES.iterdir() if path.is_dir() and path.name[0] not in "._")
VERRA = "90001-5000001-5000250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1"


def outcome(registry: str, text: str) -> dict[str, object]:
    try:
        return {"text": text, **asdict(read_serial(registry, text))}
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
        VERRA.replace("VCU", "V\u0421U"),  # a Cyrillic letter that looks like a C
        VERRA.replace("VCU", "VGU"),
        VERRA.replace("5000001", "5000251"),
        VERRA.replace("31122020", "31112020"),
        VERRA[:40],
        VERRA[24:],
    ],
)
def test_a_text_with_a_serial_in_it_is_refused(registry: str, text: str) -> None:
    with pytest.raises(SerialMalformed) as refusal:
        read_serial(registry, text)
    assert refusal.value.facts == {"registry": "verra", "serial": text}


def test_a_character_beyond_ascii_is_refused_only_where_a_grammar_is_known() -> None:
    text = "LOS-\u0416-17"
    with pytest.raises(SerialMalformed) as refusal:
        read_serial("verra", text)
    assert refusal.value.facts == {"registry": "verra", "serial": text}
    assert read_serial("acme", text) == Serial.opaque(registry="acme", text=text)


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
