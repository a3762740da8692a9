"""Second spellings of credits that are in the ledger: refused, through the ledger's own path."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError

from builders import batching, create, created, creating, do, do_all, opened, retiring
from export_rows import ACR_ISSUED, acr
from imports import File, take
from offset.core.canonical import canonical_registry, canonical_serial
from offset.core.errors import Invalid, OffsetError
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.serials import Serial
from offset.database import Database
from offset.importing.rehearsing import CERS
from offset.ledger import Ledger
from offset.models import serial_facts
from offset.reading import Reader
from offset.registries import find_serial, read_serial
from offset.schemas import CreateRecord
from offset.submitting import Submission
from offset.verifying import verify_database

CASES: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "second_spellings.json").read_text(encoding="utf-8")
)
PURO: Final = "PURO_PR_CORC100+_FI_901001_2023_0f8fad5b-d9cb-469f-a165-70867728950e_"
GSRN: Final = "643002406801000123"
VCU: Final = "9001-{}-{}-VCU-999-VER-KE-14-9999-01012020-31122020-1"
CER: Final = "KE-5-{}-1-1-0-9207 - KE-5-{}-1-1-0-9207"
CERCARBONO: Final = "CDC_901_1_1_321_14_1_2009"


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger


def read(registry: str, text: str, vintage: int, quantity: float) -> Serial:
    grams = int(quantity * GRAMS_PER_CREDIT)
    code, canonical = canonical_registry(registry), canonical_serial(text)
    return read_serial(code, canonical, grams, None, vintage)


def overlap(one: Serial, other: Serial) -> bool:
    claims = any(
        mine[:2] == theirs[:2] and mine.first <= theirs.last and theirs.first <= mine.last
        for mine in one.claims
        for theirs in other.claims
    )
    stated = {fact[:2]: fact.value for fact in one.facts}
    return claims or any(stated.get(fact[:2], fact.value) != fact.value for fact in other.facts)


@pytest.mark.parametrize(
    "case", CASES["doubles"], ids=[f"{n} {case['kind']}" for n, case in enumerate(CASES["doubles"])]
)
def test_a_second_spelling_is_refused_or_claims_the_same(case: dict[str, Any]) -> None:
    (registry, text), (other, spelling) = case["first"], case["second"]
    first = read(registry, text, case["vintage"], 1_000)
    try:
        second = read(other, spelling, case["vintage"], 1_000)
    except Invalid:
        return
    assert overlap(first, second)


@pytest.mark.parametrize("case", CASES["accepted"], ids=lambda case: case["serial_number"])
def test_a_text_of_ones_own_stays_possible(case: dict[str, Any]) -> None:
    read(case["registry"], case["serial_number"], 2020, case["quantity"])


# How each kind is refused by the ledger: first record, second record, code.
PAIRS: Final[dict[str, tuple[dict[str, Any], dict[str, Any], str]]] = {
    "a prefix gained": (
        {"serial_number": VCU.format(1, 10)},
        {"serial_number": VCU.format(5, 14).replace("VCU", "VCS-VCU")},
        "serial-overlap",
    ),
    "an opaque text": (
        {"registry": "Own ledger", "serial_number": "LOT 1/2020"},
        {"registry": "own-ledger", "serial_number": "lot-l_2O2O."},
        "serial-overlap",
    ),
    "an id with words around it": (
        {"registry": "Isometric", "serial_number": "iss_1AAAAAAAA1S0AAAA"},
        {"registry": "isometric.com", "serial_number": "Issuance 1AAAAAAAA1S0AAAA"},
        "serial-overlap",
    ),
    "the same CERs under another registry": (
        {"registry": "Gold Standard", "serial_number": CER.format(90_001, 90_010)},
        {"registry": "UNFCCC CDM", "serial_number": CER.format(90_010, 90_019)},
        "serial-overlap",
    ),
    "an old number in its new form": (
        {
            "registry": "Puro",
            "serial_number": f"{PURO}{GSRN}{1:012}-{GSRN}{10:012}",
            "vintage": 2023,
        },
        {"registry": "Puro", "serial_number": f"{PURO}10-19", "vintage": 2023},
        "serial-overlap",
    ),
    "another GSRN for the next numbers": (
        {
            "registry": "Puro",
            "serial_number": f"{PURO}{GSRN}{1:012}-{GSRN}{10:012}",
            "vintage": 2023,
        },
        {
            "registry": "Puro",
            "serial_number": f"{PURO}{GSRN[:-1]}4{11:012}-{GSRN[:-1]}4{20:012}",
            "vintage": 2023,
        },
        "issuance-differs",
    ),
    "all of an issuance after a range of it": (
        {"registry": "Cercarbono", "serial_number": f"{CERCARBONO}/1-10", "vintage": 2009},
        {"registry": "Cercarbono", "serial_number": CERCARBONO.replace("_", "-"), "vintage": 2009},
        "issued-by-serial",
    ),
    "a range of an issuance after all of it": (
        {"registry": "Cercarbono", "serial_number": CERCARBONO, "vintage": 2009},
        {"registry": "Cercarbono", "serial_number": f"{CERCARBONO}/11-20", "vintage": 2009},
        "issued-by-serial",
    ),
    "a vintage without serial numbers after one by them": (
        {"registry": "ACR", "serial_number": acr(1, 10), "vintage": 2019},
        {"registry": "ACR", "serial_number": "LOT 7", "project_id": "ACR0901", "vintage": 2019},
        "issued-by-serial",
    ),
    "a vintage by serial numbers after one without": (
        {
            "registry": "American Carbon Registry",
            "serial_number": "acr-issuance:ACR901/2019/2021-02-13/100/1",
            "vintage": 2019,
        },
        {"registry": "ACR", "serial_number": acr(1, 10), "vintage": 2019},
        "issued-by-serial",
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_the_ledger_refuses_the_second_spelling(ledger: Ledger, kind: str) -> None:
    first, second, code = PAIRS[kind]
    record_id = created(ledger, **first)
    for unit in (creating(**second), creating(project_name="Another name", **second)):
        answer = do(ledger, unit)
        assert (answer.status, answer.body["code"]) == (409, code)
        assert answer.body["record_id"] == record_id
    assert verify_database(ledger.database).differences == []


@pytest.mark.parametrize("kind", PAIRS)
def test_of_two_spellings_in_one_transaction_the_second_is_refused(
    ledger: Ledger, kind: str
) -> None:
    first, second, code = PAIRS[kind]
    answers = do_all(ledger, creating(**first), creating(**second))
    assert [answer.status for answer in answers] == [201, 409]
    assert answers[1].body["code"] == code


def test_what_an_atomic_batch_undid_is_free_again(ledger: Ledger) -> None:
    pool = create(registry="ACR", serial_number="LOT 7", project_id="ACR901", vintage=2019)
    ranged = create(registry="ACR", serial_number=acr(1, 10), vintage=2019)
    commands = [{"command": "create", **body} for body in (pool, ranged)]
    assert do(ledger, batching(*commands, atomic=True)).status == 409
    assert do(ledger, batching(commands[1], atomic=True)).status == 200
    assert verify_database(ledger.database).differences == []


def test_of_two_forms_at_once_one_is_created(database_url: str) -> None:
    forms = [
        {"registry": "ACR", "serial_number": acr(1, 10), "vintage": 2019},
        {"registry": "ACR", "serial_number": "LOT 7", "project_id": "ACR901", "vintage": 2019},
    ]

    def race(fields: dict[str, Any]) -> int:
        with opened(database_url) as own:
            return do(own, creating(**fields)).status

    with opened(database_url) as ledger, ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(race, forms)) == [201, 409]
        assert verify_database(ledger.database).differences == []


def test_a_fact_of_an_issuance_is_neither_changed_nor_deleted(database_url: str) -> None:
    with opened(database_url) as ledger:
        created(ledger, registry="ACR", serial_number=acr(1, 10), vintage=2019)
    row = {"registry": "acr", "subject": "ACR901, vintage 2019", "value": "pool"}
    for statement in (
        update(serial_facts).values(value="pool"),
        delete(serial_facts),
        insert(serial_facts).values(**row, record_number=0),
        insert(serial_facts)
        .prefix_with("OR REPLACE", dialect="sqlite")
        .values(**row, record_number=0),
    ):
        with (
            closing(Database(database_url)) as database,
            pytest.raises(DBAPIError),
            database.writing() as connection,
        ):
            connection.execute(statement)


def test_any_spelling_of_an_opaque_text_finds_its_record(ledger: Ledger) -> None:
    record_id = created(ledger, registry="Own ledger", serial_number="COOL-1")
    do(ledger, retiring(record_id, quantity=1))
    for text in ("COOL-1", "cool 1", "C00L1"):
        found = Reader(ledger.database).serial(None, canonical_serial(text), None)
        assert [record["id"] for record in found["records"]] == [record_id]
        assert found["records"][0]["parts_total"] == 2


def test_an_issuance_file_of_what_stands_by_serial_number_is_reported(
    ledger: Ledger, tmp_path: Path
) -> None:
    created(ledger, registry="ACR", serial_number=acr(1, 100), vintage=2019, quantity=100)
    taken = take(ledger, tmp_path, File(ACR_ISSUED, ({},)))
    assert taken.counts == (0, 0, 1)
    assert (2, "issued-by-serial") in taken.codes


def test_a_rehearsal_knows_the_cers_of_both_registries() -> None:
    serial = find_serial(canonical_serial(CER.format(90_001, 90_010)))
    assert serial is not None
    assert {serial.registry, "gold-standard"} == CERS


def test_a_server_that_refuses_opaque_texts_says_so() -> None:
    body = CreateRecord.model_validate(create(serial_number="VCS-12345"))
    with pytest.raises(OffsetError, match="no grammar reads it"):
        Submission(refuse_unparsed=True).create(body)
