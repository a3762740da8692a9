"""The grammars under test: texts that each reads, serial numbers drawn from their parts, words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from hypothesis import strategies as st

from offset.core.serials import BY_SERIAL, LARGEST_NUMBER, Serial, SerialFact
from offset.registries import REGISTRIES
from offset.registries.stated import Stated

Made = tuple[str, Serial, Stated]  # as the registry writes it, and what has to be read from it

numbers = st.integers(1, 2_000_000_000) | st.integers(1, LARGEST_NUMBER)
countries = st.from_regex(r"[A-Z]{2}", fullmatch=True)
vintages = st.integers(1900, 2199)
days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
_material = st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True)
materials = st.lists(_material, min_size=1, max_size=4).map(",".join)


@st.composite
def verra_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    start, end = sorted((draw(days), draw(days)))
    series = draw(st.sampled_from(["VCU", "VCS-VCU", "PWRP-WRC", "PWRP-WCC"]))
    country, certified = draw(countries), draw(st.booleans())
    project = draw(st.from_regex(r"[0-9]{1,6}", fullmatch=True))
    dates = "-".join(f"{day.day:02}{day.month:02}{day.year:04}" for day in (start, end))
    tail = draw(st.from_regex(r"-[0-9]{1,6}-(VER|MER|APX|TZ1)-", fullmatch=True)) + country
    tail += draw(st.from_regex(r"(-[0-9]{1,2})?", fullmatch=True)) + f"-{project}-{dates}"
    if series.startswith("PWRP"):
        tail += f"-{draw(materials)}-{draw(materials)}"
    batch = draw(st.integers(0, 999_999_999))
    serial = Serial(
        registry="verra",
        series=series,
        first=first,
        last=last,
        unit=series[-3:],
        head=f"{batch}-",
        infix="-",
        tail=f"-{series}{tail}-{'1' if certified else '0'}",
        also=() if series.startswith("PWRP") else (f"BATCH-{batch}",),
    )
    says = Stated(
        project=project,
        country=country,
        vintage=start.year,
        period=(start, end),
        certified=certified,
    )
    return f"{serial.head}{first}-{last}{serial.tail}", serial, says


@st.composite
def gold_standard_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    country, vintage = draw(countries), draw(vintages)
    project = str(draw(st.integers(100, 9_999_999)))
    batch = draw(st.integers(1, 999_999_999))
    prefix, kind = draw(st.sampled_from(["GS", ""])), draw(st.integers(1, 99))
    serial = Serial(
        registry="gold-standard",
        series=f"GS1-{batch}",
        first=first,
        last=last,
        unit="VER",
        head=f"GS1-1-{country}-{prefix}{project}-{kind}-{vintage}-{batch}-",
        infix="-",
    )
    says = Stated(project=project, country=country, vintage=vintage, period=None)
    return f"{serial.head}{first}-{last}", serial, says


@st.composite
def cdm_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    country = draw(countries)
    period, project = draw(st.sampled_from("12")), draw(st.integers(1, 9_999_999))
    tail = f"-{period}-{period}-0-{project}"
    serial = Serial(
        registry="cdm",
        series=f"CDM-{country}",
        first=first,
        last=last,
        unit="CER",
        head=f"{country}-5-",
        infix=f"{tail} - {country}-5-",
        tail=tail,
    )
    says = Stated(project=None, country=country, vintage=None, period=None)
    return f"{country}-5-{first}{tail} - {country}-5-{last}{tail}", serial, says


@st.composite
def batch_serials(draw: st.DrawFn, registry: str, units: Mapping[str, str]) -> Made:
    """Of ACR's form; `units` are what the registry's programs call a credit."""
    first, last = sorted((draw(numbers), draw(numbers)))
    program, unit = draw(st.sampled_from(sorted(units.items())))
    country, vintage = draw(countries), draw(vintages)
    project, batch = draw(st.integers(1, 99_999)), draw(st.integers(1, 999_999))
    serial = Serial(
        registry=registry,
        series=f"{program}-{project}-{vintage}-{batch}",
        first=first,
        last=last,
        unit=unit,
        head=f"{program}-{country}-{project}-{vintage}-{batch}-",
        infix=" to ",
    )
    says = Stated(project=str(project), country=country, vintage=vintage, period=None)
    return f"{serial.head}{first} to {last}", serial, says


@st.composite
def car_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    kind, unit = draw(st.sampled_from([("1", "CRT"), ("ROC", "ROC")]))
    country, state, vintage = draw(countries), draw(countries), draw(vintages)
    project, batch = draw(st.integers(1, 99_999)), draw(st.integers(1, 999_999))
    protocol, developer = draw(st.integers(1, 999)), draw(st.integers(1, 99_999))
    serial = Serial(
        registry="car",
        series=str(batch),
        first=first,
        last=last,
        unit=unit,
        head=f"CAR-{kind}-{country}-{project}-{protocol}-{developer}-{state}-{vintage}-{batch}-",
        infix=" to ",
    )
    says = Stated(project=str(project), country=country, vintage=vintage, period=None)
    return f"{serial.head}{first} to {last}", serial, says


@st.composite
def puro_serials(draw: st.DrawFn) -> Made:
    gsrn = draw(st.just("") | st.from_regex(r"[0-9]{18}", fullmatch=True))
    of = st.integers(1, 10**12 - 1) if gsrn else numbers
    first, last = sorted((draw(of), draw(of)))
    credit = draw(st.sampled_from(PURO_CLASSES))
    country, vintage = draw(countries), draw(vintages)
    facility = draw(st.integers(1, 999_999))
    issuance = str(UUID(int=draw(st.integers(0, 2**128 - 1))))
    serial = Serial(
        registry="puro",
        series=issuance,
        first=first,
        last=last,
        unit=credit,
        head=f"PURO_PR_{credit}_{country}_{facility}_{vintage}_{issuance}_{gsrn}",
        infix=f"-{gsrn}",
        width=12 if gsrn else 1,
        facts=(SerialFact("puro", issuance, gsrn),) if gsrn else (),
    )
    says = Stated(project=str(facility), country=country, vintage=vintage, period=None)
    digits = [f"{gsrn}{n:012}" if gsrn else str(n) for n in (first, last)]
    front = f"PURO_PR_{credit}_{country}_{facility}_{vintage}_{issuance}"
    return f"{front}_{digits[0]}-{digits[1]}", serial, says


@st.composite
def cercarbono_serials(draw: st.DrawFn) -> Made:
    of = st.just(0) | numbers
    first, last = sorted((draw(of), draw(of)))
    project, verification = draw(st.integers(1, 99_999)), draw(st.integers(0, 99))
    country = draw(st.sampled_from([None, "CO", "MX"]))
    vintage = draw(st.none() | vintages)
    text = f"{draw(st.sampled_from(['CDC', 'CDC_R', 'IC']))}_{project}"
    codes = ((0, 99), (0, 99), (10, 999), (0, 99))
    text += "".join(f"_{draw(st.integers(*ends))}" for ends in codes)
    methodology = draw(st.sampled_from(["", "R1_XX", "R4_2B", "XX_XX"]))
    text += f"_{methodology}" if methodology else ""
    text += f"_{verification}" if country is None else f"_{country}_1_{verification}"
    kinds = [("", "_{}"), ("BF", "_{}_BF"), ("BFC", "_BFC_{}"), ("BFI", "_BFI_{}")]
    buffer, end = draw(st.sampled_from(kinds if vintage else [("", ""), ("BF", "_BF")]))
    text += end.format(vintage)
    verified = "_".join(
        map(str, filter(None, ("CDC", project, str(verification), vintage, buffer)))
    )
    issuance = f"{verified}_{methodology}" if methodology else verified
    has_one = "with" if methodology else "without"
    serial = Serial(
        registry="cercarbono",
        series=f"{issuance}/",
        first=first,
        last=last,
        unit="Carboncer",
        head=f"{text}/",
        infix="-",
        facts=(
            SerialFact("cercarbono", issuance, BY_SERIAL),
            SerialFact("cercarbono", f"methodology of {verified}", has_one),
        ),
    )
    says = Stated(project=str(project), country=country, vintage=vintage, period=None)
    return f"{text}/{first}-{last}", serial, says


def padded(first: int, last: int, width: int) -> tuple[str, int]:
    """Write a range padded to a width, and return the width that is read from it, too."""
    text = f"{first:0{width}}-{last:0{width}}"
    return text, min(map(len, text.split("-")))


@st.composite
def biocarbon_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    program, holder = draw(
        st.sampled_from([("BCR", str(draw(st.integers(100, 999)))), ("PCR", "ABC")])
    )
    country, sector = draw(countries), draw(st.sampled_from(["14", "1", "03"]))
    place = draw(st.integers(1, 999))
    project = f"{program}-{country}-{holder}-{sector}-{place:03}"
    verification = draw(st.integers(1, 20))
    start, end = sorted((draw(st.integers(8, 40)), draw(st.integers(8, 40))))
    period = f"{start:02}01-{end:02}12"
    head = f"{project}-{verification}-{period}-"
    text, width = padded(first, last, 7)
    serial = Serial(
        registry="biocarbon",
        series=f"{holder}-{int(sector)}-{place}-{verification}-{period}",
        first=first,
        last=last,
        unit="VCC",
        head=head,
        infix="-",
        width=width,
    )
    says = Stated(
        project=project,
        country=country,
        vintage=2000 + start,
        period=(date(2000 + start, 1, 1), date(2000 + end, 12, 31)),
    )
    return f"{head}{text}", serial, says


@st.composite
def social_carbon_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    project, year = draw(st.integers(1, 999)), draw(vintages)
    country = draw(st.sampled_from(["BRA", "BRAZIL", "SOUTH AFRICA"]))
    issued = f"{draw(days):%d%m%Y}{draw(st.times()):%H%M%S}"
    head = f"SCU-SOCIALCARBON-{project}-{country}-{year}-{issued}-"
    serial = Serial(
        registry="social-carbon",
        series=f"{project}-{year}-{issued}",
        first=first,
        last=last,
        unit="SCU",
        head=head,
        infix="-",
    )
    says = Stated(project=str(project), country=None, vintage=year, period=None)
    return f"{head}{first}-{last}", serial, says


@st.composite
def plan_vivo_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    start, end = sorted((draw(days), draw(days)))
    country, project = draw(countries), f"{draw(st.integers(1, 10**15 - 1)):015}"
    letter, tail = draw(st.sampled_from([("f", "-SPG"), ("", "-MER-0-A"), ("v", "-SPG")]))
    head = f"PV-{letter}PVC-{country}-{project}-{start:%d%m%Y}-{end:%d%m%Y}-"
    serial = Serial(
        registry="plan-vivo",
        series=f"{project}-{start.year}",
        first=first,
        last=last,
        unit="PVC",
        head=head,
        infix="-",
        tail=tail,
    )
    says = Stated(project=project, country=country, vintage=start.year, period=(start, end))
    return f"{head}{first}-{last}{tail}", serial, says


@st.composite
def ucr_serials(draw: st.DrawFn) -> Made:
    first, last = sorted((draw(numbers), draw(numbers)))
    start, end = sorted((draw(days), draw(days)))
    country, project = draw(countries), f"{draw(st.integers(1, 999)):03}"
    text, width = padded(first, last, 6)
    tail = f"-UCR-CoU-{country}-{project}-{start:%d%m%Y}-{end:%d%m%Y}"
    serial = Serial(
        registry="ucr",
        series=f"CoU-{int(project)}",
        first=first,
        last=last,
        unit="CoU",
        head="0001-",
        infix="-",
        tail=tail,
        width=width,
    )
    says = Stated(project=project, country=country, vintage=start.year, period=(start, end))
    return f"0001-{text}{tail}", serial, says


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """A grammar as its module has it, and what its tests are made of.

    `texts` are canonical, of every form that it reads; `words` is what texts like them are made
    of. `lowest` is the first number that it reads. With `bare` it knows serial numbers without
    numbers too: they say what they say and are opaque.
    """

    parse: Callable[[str], Serial | None]
    finds: Callable[[str], bool]
    stated: Callable[[str], Stated | None]
    serials: st.SearchStrategy[Made]
    texts: tuple[str, ...]
    words: tuple[str, ...]
    lowest: int = 1
    bare: bool = False


PURO_CLASSES: Final = ("CORC", "CORC20+", "CORC100+", "CORC1000+", "CORC_100")
PURO_ISSUANCE: Final = "0f0e0d0c-1b2a-4394-8586-a7b8c9d0e1f2"  # Puro's shape, not Puro's own
PURO_OTHER: Final = "9f8e7d6c-5b4a-4930-8271-605f4e3d2c1b"
PURO_GSRN: Final = "643002409999000010"
_OLDER: Final = f"{PURO_OTHER.upper()}_{PURO_GSRN}"

TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "verra": (
        "90001-5000001-5000250-VCS-VCU-901-VER-KE-14-9001-01012020-31122020-1",
        "1401-7-7-VCU-091-MER-AU-14-901-16042012-15042013-0",
        "90002-12-345-VCS-VCU-500-VER-US-90021-01012024-31122024-0",
        "90003-1-75-PWRP-WCC-9196-VER-TH-9003-01012021-31052021-RIGID,PET-EOL2,EOL6-0",
    ),
    "gold-standard": (
        "GS1-1-KE-GS99001-16-2025-90001-101-350",
        "GS1-1-KH-990-4-2012-302-7-7",
    ),
    "cdm": (
        "RW-5-900001-2-2-0-99207 - RW-5-900250-2-2-0-99207",
        "LS-5-1-1-1-0-9 - LS-5-12-1-1-0-9",
    ),
    "acr": (
        "ACR-US-901-2019-9001-120000095 TO 120000156",
        "ACR-FR-9129-2025-9917-7 TO 7",
        "ACR-CA-2015-2010-2012-2000 TO 2020",  # numbers like years
    ),
    "art": (
        "ART-GY-902-2021-9011-2700001 TO 2701000",
        "FCPF-CI-930-2023-9020-1 TO 46000",
    ),
    "car": (
        "CAR-1-US-9008-27-945-WA-2015-9010-1 TO 8600",
        "CAR-ROC-US-9056-129-9283-WV-2025-9969-60000 TO 60294",
        "CAR-1-MX-2012-42-2013-EM-2018-2010-2000 TO 2000",  # numbers like years
    ),
    "puro": (
        f"PURO_PR_CORC100+_NA_990001_2025_{PURO_ISSUANCE.upper()}_775-784",
        f"PURO_PR_CORC_NO_990002_2022_{_OLDER}000000097989-{PURO_GSRN}000000102683",
        f"PURO_PR_CORC_100_NA_990001_2025_{PURO_ISSUANCE.upper()}_775-784",
    ),
    "cercarbono": (
        "CDC_901_1_1_321_14_1/0-9515",
        "CDC_901_1_1_321_14_1_2009/4426-4971",
        "CDC_907_3_1_323_14_CO_1_2_2020/13430-28892",
        "CDC_R_922_2_11_322_14_R4_2X_CO_1_2_BFC_2015/7-7",
        "IC_915_1_1_321_14_CO_1_1_2008_BF/1-71",
    ),
    "biocarbon": (
        "BCR-CO-905-14-002-2-2101-2112-0000001-0299564",
        "PCR-CO-ABC-14-001-1-1301-1312-0000101-0001000",
        "BCR-TR-952-1-001-11-2310-2312-0043804-12043903",
    ),
    "social-carbon": (
        "SCU-SOCIALCARBON-907-BRA-2020-14052025145100-101-10121",
        "SCU-SOCIALCARBON-9-SOUTH AFRICA-2020-14052025145100-7-7",
    ),
    "plan-vivo": (
        "PV-FPVC-KE-900000000012345-01012020-31122020-101-250-SPG",
        "PV-PVC-BO-900000000012345-01012014-31122014-1001-1250-MER-0-A",
    ),
    "ucr": (
        "0001-015001-016186-UCR-COU-IN-957-01012021-31122021",
        "0001-000101-000101-UCR-COU-IN-957-01012021-31122021",
    ),
}


def _grammar(
    name: str,
    serials: st.SearchStrategy[Made],
    *words: str,
    lowest: int = 1,
    bare: bool = False,
) -> Grammar:
    grammar = REGISTRIES[name]
    return Grammar(
        parse=grammar.parse,
        finds=grammar.finds,
        stated=grammar.stated,
        serials=serials,
        texts=TEXTS[name],
        words=words,
        lowest=lowest,
        bare=bare,
    )


_BATCH_WORDS: Final = ("US-", "2019-", "901-", " TO ")
GRAMMARS: Final[Mapping[str, Grammar]] = {
    "verra": _grammar(
        "verra", verra_serials(), *("-VCS", "-VCU", "-PWRP", "-WRC", "-VER-KE", "-01012020", ",")
    ),
    "gold-standard": _grammar(
        "gold-standard", gold_standard_serials(), *("GS1-1", "-KE", "-GS", "-2019", "-5-")
    ),
    "cdm": _grammar("cdm", cdm_serials(), *("RW-5-", "900001", "-2-2-0-9", " - ", " TO ")),
    "acr": _grammar("acr", batch_serials("acr", {"ACR": "ERT"}), "ACR-", *_BATCH_WORDS),
    "art": _grammar(
        "art",
        batch_serials("art", {"ART": "TREES", "FCPF": "FCPF"}),
        *("ART-", "FCPF-", *_BATCH_WORDS),
    ),
    "car": _grammar("car", car_serials(), "CAR-1-", "CAR-ROC-", "WA-", *_BATCH_WORDS),
    "puro": _grammar(
        "puro",
        puro_serials(),
        *("PURO_PR_", "CORC", "_NA", "_990001", "_2025_", PURO_ISSUANCE.upper(), PURO_GSRN, "+"),
    ),
    "cercarbono": _grammar(
        "cercarbono",
        cercarbono_serials(),
        *("CDC_", "IC_", "_321_14", "_CO_1_2", "_2009", "_BFC", "_", "/"),
        lowest=0,
        bare=True,
    ),
    "biocarbon": _grammar(
        "biocarbon", biocarbon_serials(), *("BCR-CO-", "PCR-", "905-14-002", "-2-2101-2112-", "00")
    ),
    "social-carbon": _grammar(
        "social-carbon",
        social_carbon_serials(),
        *("SCU-", "SOCIALCARBON-", "-BRA", "-2020-", "1405"),
    ),
    "plan-vivo": _grammar(
        "plan-vivo",
        plan_vivo_serials(),
        *("PV-", "FPVC-", "-KE-", "9000000000", "-01012020", "-SPG"),
    ),
    "ucr": _grammar(
        "ucr", ucr_serials(), *("0001-", "015001-", "-UCR", "-COU", "-IN-957", "-01012021")
    ),
}
