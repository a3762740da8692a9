"""When two project ids name one project."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import canonical_serial
from offset.registries.stated import same_project


@pytest.mark.parametrize(
    "registry, one, other",
    [
        ("verra", "934", "VCS934"),
        ("verra", "VCSOPR10", "VCSOPR10"),
        ("gold-standard", "1001", "GS1001"),
        ("gold-standard", "GS1001", "GLD1001"),
        ("acr", "ACR102", "ACR0102"),
        ("acr", "102", "acr 0102"),
        ("car", "1008", "CAR1008"),
        ("art", "130", "ART130"),
        ("puro", "517437", "0517437"),
        ("cercarbono", "CDC-1", "CDC_1"),
        ("cercarbono", "1", "CDC\u20131"),
        ("cercarbono", "CDC-1", "CCB1"),
        ("isometric", "prj_1K3V", " PRJ_1K3V "),
        ("arb", "CAOD1007", "caod1007"),
        ("acme", "P 1", "p  1"),
    ],
)
def test_two_spellings_of_one_project_are_the_same(registry: str, one: str, other: str) -> None:
    assert same_project(registry, one, other)
    assert same_project(registry, other, one)


@pytest.mark.parametrize(
    "registry, one, other",
    [
        ("verra", "VCSOPR10", "10"),
        ("verra", "VCSOPR10", "VCS10"),
        ("verra", "VCSOPR10", "VCSOPR1"),
        ("verra", "934", "GS934"),
        ("gold-standard", "1001", "VCS1001"),
        ("acr", "ACR102", "ACR1020"),
        ("acr", "ACR102", "CAR102"),
        ("car", "0", "CAR1"),
        ("cercarbono", "CDC-1", "CDC-1-1"),
        ("isometric", "prj_1", "prj_01"),
        ("arb", "CAOD1007", "CAOD01007"),
        ("acme", "P1", "1"),
        ("acme", "P1", "P 1"),
    ],
)
def test_two_projects_are_not_the_same(registry: str, one: str, other: str) -> None:
    assert not same_project(registry, one, other)
    assert not same_project(registry, other, one)


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\u200b"])
def test_a_blank_id_names_no_project(blank: str) -> None:
    assert not same_project("acr", blank, blank)
    assert not same_project("acr", blank, "0")


@given(
    registry=st.sampled_from(["verra", "acr", "cercarbono", "isometric", "acme"]),
    project=st.text() | st.from_regex(r"(VCS|ACR|CDC)?[-_ ]?0*[0-9]{1,6}", fullmatch=True),
)
def test_every_id_that_is_not_blank_names_the_same_project_as_itself(
    registry: str, project: str
) -> None:
    assert same_project(registry, project, project) == bool(canonical_serial(project))
