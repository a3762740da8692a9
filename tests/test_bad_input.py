"""What bodies hold by accident or on purpose: refused by name, or kept and read back exactly.

Each case says its own answer. After a refusal the ledger stands where it stood.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any, Final
from zlib import crc32

import pytest

from asking import Connection, Json, new_issuance, record_id_of, served
from databases import ENGINES

Verdict = tuple[int, str]
NOWHERE: Final = "0" * 64  # no record has this id
NUMBERS: Final = count(1)

MALFORMED: Final = (400, "malformed-json")
FIELD: Final = (422, "invalid-field")
QUANTITY: Final = (422, "invalid-quantity")
TEXT: Final = (422, "invalid-text")
VINTAGE: Final = (422, "invalid-vintage")
HOLDER: Final = (422, "invalid-holder")


@pytest.fixture(scope="module", params=ENGINES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with served(request, tmp_path_factory) as server:
        connection = Connection(server.url)
        yield connection
        connection.close()
        assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def record(api: Connection) -> Json:
    """A record of 10 t that every case leaves as it is."""
    return api.created(tonnes=10)


@pytest.fixture
def unchanged(api: Connection, record: Json) -> Iterator[None]:
    """The ledger stands after the case where it stood before it."""
    path = "/events?after=9007199254740991"
    before = api.get(path).headers["etag"]
    yield
    assert api.get(path).headers["etag"] == before
    assert api.get("/livez").status == 200


def issuance(**fields: Any) -> Json:
    """A create whose serial number no grammar reads, so that any quantity fits."""
    return {
        "project_name": "Bad input",
        "registry": "Table",
        "vintage": 2020,
        "quantity": 1,
        "serial_number": f"ROW {next(NUMBERS)}",
        **fields,
    }


def with_literal(body: Json, field: str, literal: str) -> bytes:
    """The body as JSON, with this very text as the field's value."""
    content = json.dumps({**body, field: "<literal>"})
    return content.replace('"<literal>"', literal).encode("utf-8", errors="surrogatepass")


def post(api: Connection, path: str, content: bytes, **headers: str) -> Any:
    return api.send("POST", path, content, {"Content-Type": "application/json", **headers})


def ids(value: object) -> str:
    """A case's name: what it sends, shortened, and no two alike."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:30]}~{crc32(text.encode()):08x}"


# --- numbers ----------------------------------------------------------------------------------

NO_JSON_NUMBERS: Final = (
    *("NaN", "Infinity", "-Infinity", "nan", "inf", "01", "-01", "1.", ".5", "+1", "0x10", "1_000"),
    *("1e", "1e+", "--1", "1 2", "1,5", "True", "undefined", "'1'", "", "1e1000000000000000000"),
    *("1e-1000000000000000000000", "0e99999999999999999999999", "1.5f", "1n", "٣", "0b1", "0o7"),
)
REFUSED_QUANTITIES: Final = (
    *("0", "-0", "0.0", "-0.0", "0e5", "0e-5", "-1", "-0.000001", "-1e9", "4000000001", "1e10"),
    *("4000000000.000001", "4000000000.0000000001", "9007199254740993", "18446744073709551616"),
    *("1e400", "1e-400", "1e308", "5e-324", "1e-7", "0.0000001", "0.1000000000000000000001"),
    *("1.123456789012345678", "1.0000005", "0.9999999", "9" * 70, "9" * 4301, "9" * 100_000),
    *("0." + "0" * 100_000 + "1", "1e999999999999999999", "1e-999999999999999999"),
    *("true", "false", "null", "[]", "{}", "[1]", '{"t":1}'),
    *('""', '" "', '"1 "', '" 1"', '"1_000"', '"1,000"', '"1e3"', '"+1"', '"-1"', '"NaN"'),
    *('"Infinity"', '"0x10"', '"１"', '"٣"', '"1."', '".5"', '"1.0.0"', '"½"', '"1/2"', '"1 t"'),
    *('"0"', '"0.0"', '"0.0000001"', '"4000000000.000001"', '"one"', '"\\u0031\\u200b"', '"1\\n"'),
    f'"{"1" * 65}"',
)
KEPT_QUANTITIES: Final[dict[str, int]] = {  # in grams
    "1": 1_000_000,
    "1.0": 1_000_000,
    "1.000000000000000000": 1_000_000,
    "1e0": 1_000_000,
    "1e3": 1_000_000_000,
    "1E+3": 1_000_000_000,
    "1000e-3": 1_000_000,
    "0.000001": 1,
    "1e-6": 1,
    "0.1": 100_000,
    "0.30": 300_000,
    "2.675": 2_675_000,
    "123456789.123456": 123_456_789_123_456,
    "4000000000": 4_000_000_000_000_000,
    "4e9": 4_000_000_000_000_000,
    "3999999999.999999": 3_999_999_999_999_999,
    "0." + "1".ljust(5_000, "0"): 100_000,
    '"1"': 1_000_000,
    '"0001"': 1_000_000,
    '"10.50"': 10_500_000,
    '"0.000001"': 1,
    '"0.1000000000"': 100_000,
    '"3999999999.999999"': 3_999_999_999_999_999,
    '"\\u0031"': 1_000_000,
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("literal", NO_JSON_NUMBERS, ids=ids)
def test_what_is_no_json_number_is_malformed(api: Connection, literal: str) -> None:
    reply = post(api, "/records", with_literal(issuance(), "quantity", literal))
    assert reply.verdict == MALFORMED


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("literal", REFUSED_QUANTITIES, ids=ids)
def test_a_quantity_that_is_none_is_refused(api: Connection, record: Json, literal: str) -> None:
    reply = post(api, "/records", with_literal(issuance(), "quantity", literal))
    assert reply.verdict == QUANTITY
    assert [error["pointer"] for error in reply.body["errors"]] == ["/quantity"]
    if literal == "null":  # as if it were not there
        return
    for verb, body in (("retire", {}), ("sell", {"to": "acme"}), ("cancel", {})):
        content = with_literal(body, "quantity", literal)
        assert post(api, f"/records/{record['id']}/{verb}", content).verdict == QUANTITY


@pytest.mark.parametrize("literal, grams", KEPT_QUANTITIES.items(), ids=ids)
def test_a_quantity_is_kept_to_the_gram(api: Connection, literal: str, grams: int) -> None:
    reply = post(api, "/records", with_literal(issuance(), "quantity", literal))
    assert reply.status == 201
    read = api.get(reply.headers["location"])
    exact = json.loads(read.content, parse_float=Decimal)
    assert exact["canonical"]["quantity_g"] == grams
    assert exact["quantity"] * 1_000_000 == grams
    assert exact["balance"]["available"] * 1_000_000 == grams


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("literal, verdict", [
    ("1899", VINTAGE), ("2200", VINTAGE), ("0", VINTAGE), ("-2020", VINTAGE), ("-0", VINTAGE),
    ("9223372036854775808", VINTAGE), ("18446744073709551616", VINTAGE), ("9" * 63, VINTAGE),
    ("9" * 5000, FIELD), ("2020.5", FIELD), ("2020.0000001", FIELD), ("2020e99", FIELD),
    ("true", FIELD),
    ("null", FIELD), ("[]", FIELD), ("[2020]", FIELD), ("{}", FIELD),
    ('""', TEXT), ('" "', TEXT), ('"2020.5"', VINTAGE), ('"twenty"', VINTAGE),
    ('" 2020"', VINTAGE), ('"２０２０"', VINTAGE), ('"2e3"', VINTAGE), ('"1899"', VINTAGE),
    ('"2021 - 2020"', VINTAGE), ('"1899 - 1900"', VINTAGE), ('"2199 - 2200"', VINTAGE),
    ('"2020-13-01/2020-12-31"', VINTAGE), ('"2020-02-30/2020-12-31"', VINTAGE),
    ('"31/12/2014-01/07/2014"', VINTAGE), ('"2020-01-01"', VINTAGE), ('"2020/2021/2022"', VINTAGE),
    ('"2020 - 2021\\u0000"', MALFORMED), (f'"{"2" * 101}"', TEXT), ('"2020\\n2021"', TEXT),
    ('"\\ud833\\udcf2020 - 2021"', TEXT),  # U+1CCF2, a digit since Unicode 16
], ids=ids)  # fmt: skip
def test_a_vintage_that_is_none_is_refused(api: Connection, literal: str, verdict: Verdict) -> None:
    assert post(api, "/records", with_literal(issuance(), "vintage", literal)).verdict == verdict


@pytest.mark.parametrize("literal, year", [
    ("1900", 1900), ("2199", 2199), ("2020.0", 2020), ("2.02e3", 2020), ('"2020"', 2020),
    ('"2020.0"', 2020), ('"002020"', 2020), ('" 2003 - 2004 "', 2003),
    ('"２０１４‒２０１５"', 2014),
    ('"01/07/2014-31/12/2014"', 2014), ('"2014-07-01/2014-12-31"', 2014),
    ('"2014-07-01 - 2014-12-31"', 2014),
], ids=ids)  # fmt: skip
def test_a_vintage_is_kept_as_its_first_year(api: Connection, literal: str, year: int) -> None:
    reply = post(api, "/records", with_literal(issuance(), "vintage", literal))
    assert reply.status == 201
    read = api.get(reply.headers["location"]).body
    assert (read["vintage"], read["canonical"]["vintage"]) == (year, year)


# --- Unicode ----------------------------------------------------------------------------------

NO_TEXTS: Final[dict[str, Verdict]] = {  # as JSON
    '""': TEXT,
    '"   "': TEXT,
    '"\\u00a0\\u3000\\u2003"': TEXT,
    '"\\u0378"': TEXT,  # not assigned
    '"\\uffff"': TEXT,  # not a character
    '"\\ufdd0"': TEXT,
    '"\\udbff\\udfff"': TEXT,
    '"\\ud838\\udc30"': TEXT,  # U+1E030: since Unicode 15
    '"\\ud83e\\udee9"': TEXT,  # U+1FAE9: since Unicode 16
    f'"{"x" * 501}"': TEXT,
    f'"{"🌳" * 501}"': TEXT,
    '"e' + "\u0301" * 500 + '"': TEXT,
    '"' + "\ufdfa" * 28 + '"': TEXT,  # each is 18 characters when it is written out
    f'"{"x" * 200_000}"': TEXT,
    '"\\ud800"': MALFORMED,
    '"\\udfff"': MALFORMED,
    '"a\\ud800b"': MALFORMED,
    '"\\udc00\\ud800"': MALFORMED,
    '"\\ud800\\ud800\\udc00"': MALFORMED,
    '"\ud800"': MALFORMED,  # its three bytes are not UTF-8
    '"\\u0000"': MALFORMED,
    '"a\\u0000b"': MALFORMED,
    '"\0"': MALFORMED,
    '"\n"': MALFORMED,  # a control character that is not escaped
    '"\\x41"': MALFORMED,
    '"\\u004"': MALFORMED,
    '"open': MALFORMED,
    "1": FIELD,
    "1.5": FIELD,
    "true": FIELD,
    "null": FIELD,
    "[]": FIELD,
    '["a"]': FIELD,
    '{"a":"b"}': FIELD,
}
KEPT_NAMES: Final = (
    *("Ünïcödé", "Cafe\u0301", "Ｆｕｌｌ　ｗｉｄｔｈ", "森林保全", "مشروع الغابات", "Ελλάδα"),
    *("ﬁre ﬂood", "a\u200bb", "\u200b", "soft\u00adhyphen", "\ufeffBOM"),
    *("🌳👩\u200d🌾", "می\u200cخواهم", "\ue000private"),
    *("\U000e0041tag", "\u20c0", "e" + "\u0301" * 499, "x" * 500, "🌳" * 500, "\ufdfa" * 27),
    *("ſtraße", "İstanbul", "ΣΊΣΥΦΟΣ", "<script>alert(1)</script>", "'; DROP TABLE records; --"),
    *("%00", "\\u0000", "=1+1", "{{7*7}}", "null", "../../etc/passwd", '"quoted"', "back\\slash"),
    "${jndi:ldap://x}",
)
# What moves a cursor, breaks a line or reorders text; a note may have line feeds.
CONTROLS: Final = (
    *("\x01", "\t", "\r", "\r\n", "\x1b[2J", "\x7f", "\x85", "\x9b31m", "\u2028", "\u2029"),
    *("\u061c", "\u200e", "\u200f", "\u202e", "\u2067", "\u2069"),
)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("literal, verdict", NO_TEXTS.items(), ids=ids)
@pytest.mark.parametrize("field", ["project_name", "serial_number"])
def test_a_text_that_is_none_is_refused(
    api: Connection, field: str, literal: str, verdict: Verdict
) -> None:
    assert post(api, "/records", with_literal(issuance(), field, literal)).verdict == verdict


@pytest.mark.parametrize("name", KEPT_NAMES, ids=ids)
def test_a_name_is_kept_as_it_was_sent(api: Connection, name: str) -> None:
    body = issuance(project_name=name, details={"note": name})
    for content in (json.dumps(body), json.dumps(body, ensure_ascii=False)):
        reply = post(api, "/records", content.encode())
        assert reply.status in (200, 201)
    read = api.get(reply.headers["location"]).body
    assert (read["id"], read["project_name"]) == (record_id_of(body), name)
    assert read["events"][0]["details"] == {"note": name}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("control", [*CONTROLS, "\n"], ids=ids)
def test_a_text_of_one_line_has_no_control_character(
    api: Connection, record: Json, control: str
) -> None:
    text = f"a{control}b"
    point = f"U+{ord(control[0]):04X}"
    fields = ("project_name", "registry", "serial_number", "project_id", "methodology")
    sent = [("/records", issuance(**{field: text}), f"/{field}") for field in fields]
    retire, sell = f"/records/{record['id']}/retire", f"/records/{record['id']}/sell"
    sent += [
        ("/records", issuance(details={"beneficiary": text}), "/details"),
        (retire, {"beneficiary": text}, "/beneficiary"),
        (sell, {"to": "acme", "details": {"price": text}}, "/details"),
    ]
    for path, body, pointer in sent:
        reply = api.post(path, body)
        assert reply.verdict == TEXT
        assert [error["pointer"] for error in reply.body["errors"]] == [pointer]
        assert point in reply.body["detail"]
    batch = api.post("/batch", {"commands": [{"command": "create", **sent[0][1]}]})
    assert [item["body"]["code"] for item in batch.body["items"]] == ["invalid-text"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("control", CONTROLS, ids=ids)
def test_a_note_has_no_control_character_but_line_feeds(
    api: Connection, record: Json, control: str
) -> None:
    text = f"a\n{control}b"
    for verb, body in (
        ("sell", {"to": "acme", "note": text}),
        ("retire", {"note": text}),
        ("cancel", {"reason": text}),
        ("cancel", {"details": {"remark": text}}),
    ):
        reply = api.post(f"/records/{record['id']}/{verb}", body)
        assert reply.verdict == TEXT
        assert f"U+{ord(control[0]):04X}" in reply.body["detail"]


def test_a_note_keeps_its_lines(api: Connection) -> None:
    lines = "one\n\ntwo é"
    body = new_issuance(details={"remark": lines})
    record = api.post("/records", body).body
    assert record["events"][0]["details"] == {"remark": lines}
    retired = api.act("retire", record["id"], {"note": lines, "quantity": 1})
    assert retired["events"][-1]["details"] == {"note": lines}


def test_outer_space_of_a_name_is_lost_and_makes_no_other_record(api: Connection) -> None:
    body = issuance(project_name="Space")
    record = api.post("/records", body).body
    reply = api.post("/records", {**body, "project_name": "\u3000\u00a0 Space \t\u2003"})
    assert (reply.status, reply.body) == (200, record)


BLOCK: Final = ("9001", "77000001", "77000010", "VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1")
SPELLINGS: Final[dict[str, int | Verdict]] = {  # of BLOCK, joined with "-"
    "-".join(BLOCK): 200,
    "-".join(BLOCK).lower(): 200,
    f"  {'-'.join(BLOCK)}\u00a0": 200,
    "-".join(BLOCK).replace("-", "\u2013"): 200,
    "-".join(BLOCK).replace("-", "\uff0d"): 200,
    "-".join(BLOCK).replace("-", "\u2212"): 200,
    "\u200b".join("-".join(BLOCK)): 200,
    "\u00ad".join("-".join(BLOCK)): 200,
    "-".join(BLOCK).replace("VCS", "ＶＣＳ"): 200,
    "-".join(BLOCK).replace("77", "７７"): 200,
    "-".join(BLOCK).replace("VCS", "V\u200dCS"): 200,
    "-".join(BLOCK).replace("VER", "ver"): 200,
    "-".join(BLOCK).replace("9001-", "9002-"): (409, "serial-overlap"),
    "-".join(BLOCK).replace("VER-KE", "MER-UG"): (409, "serial-overlap"),
    "-".join(BLOCK).replace("77000010", "77000009"): (422, "quantity-mismatch"),
    "-".join(BLOCK).replace("77000001", "077000001"): (422, "serial-malformed"),
    "-".join(BLOCK).replace("VCU", "\u0412CU"): (422, "serial-malformed"),  # Cyrillic
    "-".join(BLOCK).replace("VCS-VCU", "\u0475cs-vcu"): (422, "serial-malformed"),
    "-".join(BLOCK).replace("VCS", "\u2164CS"): 200,  # the Roman number V is the letter
    "-".join(BLOCK).replace("01", "O1"): (422, "serial-malformed"),
    "-".join(BLOCK).replace("77000001", "٧٧٠٠٠٠٠١"): (422, "serial-malformed"),
    "-".join(BLOCK) + ".": (422, "serial-malformed"),
    "x" + "-".join(BLOCK): (422, "serial-malformed"),
    "-".join(BLOCK) + "\n" + "-".join(BLOCK): (422, "invalid-text"),
    "-".join(BLOCK).replace("VCS", "V\u202eCS"): (422, "invalid-text"),
    " - ".join(BLOCK): (422, "serial-malformed"),
    "_".join(BLOCK): (422, "serial-malformed"),
    "-".join(BLOCK)[:-2]: (422, "serial-malformed"),
    "-".join(BLOCK[1:]): (422, "serial-malformed"),
    "-".join(BLOCK).replace("KE", "K\u0300E"): (422, "serial-malformed"),
    "-".join(BLOCK).replace("31122020", "31022020"): (422, "serial-malformed"),
    "-".join(reversed(BLOCK)): (422, "serial-malformed"),
}


@pytest.mark.parametrize("spelling", SPELLINGS, ids=ids)
def test_no_other_spelling_issues_a_block_again(api: Connection, spelling: str) -> None:
    body = {**new_issuance(tonnes=10), "serial_number": "-".join(BLOCK)}
    known = api.post("/records", body)
    assert known.status in (200, 201)
    reply = api.post("/records", {**body, "serial_number": spelling})
    expected = SPELLINGS[spelling]
    assert (reply.status if isinstance(expected, int) else reply.verdict) == expected
    if reply.status == 200:
        assert reply.body["id"] == known.body["id"]


# --- fields -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("fields, verdict", [
    ({"registry": ""}, TEXT), ({"registry": "x" * 101}, TEXT), ({"registry": 1}, FIELD),
    ({"registry": "\u200b"}, TEXT), ({"serial_number": "\u200b\u00ad"}, TEXT),
    ({"holder": ""}, HOLDER), ({"holder": "Acme"}, HOLDER), ({"holder": "-acme"}, HOLDER),
    ({"holder": "a" * 65}, HOLDER), ({"holder": "acme\n"}, HOLDER), ({"holder": "аcme"}, HOLDER),
    ({"holder": "null"}, HOLDER),
    ({"holder": "a b"}, HOLDER), ({"holder": 7}, HOLDER), ({"holder": ["acme"]}, HOLDER),
    ({"country": "ke"}, FIELD), ({"country": "XX"}, FIELD), ({"country": "KEN"}, FIELD),
    ({"country": ""}, FIELD), ({"country": "ＫＥ"}, FIELD), ({"country": ["KE"]}, FIELD),
    ({"project_id": ""}, TEXT), ({"methodology": "x" * 101}, TEXT), ({"project_id": 934}, FIELD),
    ({"effective_on": "2026-02-29"}, FIELD), ({"effective_on": "2026-1-1"}, FIELD),
    ({"effective_on": "20260101"}, FIELD), ({"effective_on": "2026-01-01T00:00:00Z"}, FIELD),
    ({"effective_on": "0000-01-01"}, FIELD), ({"effective_on": "0001-01-01"}, FIELD),
    ({"effective_on": "1899-12-31"}, FIELD), ({"effective_on": "2200-01-01"}, FIELD),
    ({"vintage_start": "1899-12-31"}, FIELD), ({"vintage_end": "2200-01-01"}, FIELD),
    ({"effective_on": "２０２６-01-01"}, FIELD),
    ({"effective_on": 20260101}, FIELD), ({"effective_on": "2026-01-01\n"}, FIELD),
    ({"vintage_start": "2020-02-01", "vintage_end": "2020-01-31"}, FIELD),
    ({"details": []}, FIELD), ({"details": "x"}, FIELD), ({"details": {"a": 1}}, FIELD),
    ({"details": {"a": None}}, FIELD), ({"details": {"a": ""}}, TEXT),
    ({"details": {"A": "x"}}, FIELD), ({"details": {"": "x"}}, FIELD),
    ({"details": {"é": "x"}}, FIELD), ({"details": {"a": {"b": "c"}}}, FIELD),
    ({"details": {"a": "x" * 4001}}, TEXT), ({"details": {"a" * 65: "x"}}, FIELD),
    ({"details": {f"a{n}": "x" for n in range(51)}}, FIELD),
    ({"private": 1}, FIELD), ({"private": "true"}, FIELD), ({"private": None}, FIELD),
    ({"colour": "red"}, FIELD), ({"Vintage": 2020}, FIELD), ({"id": NOWHERE}, FIELD),
    ({"": 1}, FIELD), ({"__proto__": {}}, FIELD), ({"a/b~c\x01": 1}, FIELD),
], ids=ids)  # fmt: skip
def test_a_create_with_a_wrong_field_is_refused(
    api: Connection, fields: Json, verdict: Verdict
) -> None:
    assert api.post("/records", issuance(**fields)).verdict == verdict


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("verb, body, verdict", [
    ("sell", {}, FIELD), ("sell", {"to": None}, HOLDER), ("sell", {"to": "ACME"}, HOLDER),
    ("sell", {"to": "null"}, HOLDER), ("sell", {"to": "acme", "from": "null"}, HOLDER),
    ("retire", {"holder": "null"}, HOLDER), ("cancel", {"holder": "null"}, HOLDER),
    ("cancel", {"cause": "converted", "converted_to": "null"}, HOLDER),
    ("sell", {"to": "acme", "effective_on": "2200-01-01"}, FIELD),
    ("retire", {"effective_on": "0001-01-01"}, FIELD),
    ("cancel", {"effective_on": "2999-01-01"}, FIELD),
    ("sell", {"to": ["acme"]}, HOLDER), ("sell", {"to": "acme", "holder": "acme"}, FIELD),
    ("sell", {"to": "acme", "from_": "x"}, FIELD), ("sell", {"to": "acme", "from": ""}, HOLDER),
    ("sell", {"to": "acme", "price": -1}, FIELD), ("sell", {"to": "acme", "price": "1,50"}, FIELD),
    ("sell", {"to": "acme", "price": 1e13}, FIELD), ("sell", {"to": "acme", "price": 1e-9}, FIELD),
    ("sell", {"to": "acme", "price": True}, FIELD), ("sell", {"to": "acme", "price": "1e2"}, FIELD),
    ("sell", {"to": "acme", "price": 10**30}, FIELD), ("sell", {"to": "acme", "price": []}, FIELD),
    ("sell", {"to": "acme", "currency": "eur"}, FIELD), ("sell", {"to": "acme", "note": ""}, TEXT),
    ("sell", {"to": "acme", "currency": "€"}, FIELD), ("sell", {"to": "acme", "private": 0}, FIELD),
    ("sell", {"to": "acme", "price": "1", "details": {"price": "2"}}, FIELD),
    ("retire", {"quantity": 1, "serial_first": 1, "serial_last": 1}, FIELD),
    ("retire", {"serial_first": 1}, FIELD), ("retire", {"serial_last": 1}, FIELD),
    ("retire", {"serial_first": 2, "serial_last": 1}, FIELD),
    ("retire", {"serial_first": -1, "serial_last": 1}, FIELD),
    ("retire", {"serial_first": 1.5, "serial_last": 2}, FIELD),
    ("retire", {"serial_first": "1_0", "serial_last": 20}, FIELD),
    ("retire", {"serial_first": "٣", "serial_last": 20}, FIELD),
    ("retire", {"serial_first": "0" * 17, "serial_last": 20}, FIELD),
    ("retire", {"serial_first": True, "serial_last": 20}, FIELD),
    ("retire", {"serial_first": 0, "serial_last": 2**53}, FIELD),
    ("retire", {"serial_first": 0, "serial_last": 2**53 - 1}, (422, "serial-outside-record")),
    ("retire", {"serial_first": 0, "serial_last": 0}, (422, "serial-outside-record")),
    ("retire", {"holder": "Acme"}, HOLDER), ("retire", {"to": "acme"}, FIELD),
    ("retire", {"purpose": "fun"}, FIELD), ("retire", {"purpose": ""}, FIELD),
    ("retire", {"beneficiary": ""}, TEXT), ("retire", {"beneficiary": "x" * 501}, TEXT),
    ("retire", {"note": "x" * 4001}, TEXT), ("retire", {"note": 1}, FIELD),
    ("retire", {"note": "a", "details": {"note": "b"}}, FIELD),
    ("retire", {"country": "XX"}, FIELD), ("retire", {"effective_on": "soon"}, FIELD),
    ("retire", {"record_id": NOWHERE}, FIELD), ("retire", {"cause": "other"}, FIELD),
    ("retire", [], FIELD), ("retire", "all", FIELD), ("retire", 0, FIELD), ("retire", False, FIELD),
    ("cancel", {"cause": "stolen"}, FIELD), ("cancel", {"cause": None}, FIELD),
    ("cancel", {"converted_to": "ets"}, FIELD), ("cancel", {"reason": ""}, TEXT),
    ("cancel", {"cause": "other", "converted_to": "ets"}, FIELD),
    ("cancel", {"cause": "converted", "converted_to": "ETS"}, HOLDER),
], ids=ids)  # fmt: skip
def test_an_act_with_a_wrong_field_is_refused(
    api: Connection, record: Json, verb: str, body: object, verdict: Verdict
) -> None:
    assert api.post(f"/records/{record['id']}/{verb}", body).verdict == verdict


# --- JSON -------------------------------------------------------------------------------------

GOOD: Final = json.dumps(issuance()).encode()


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("content, verdict", [
    (b"", MALFORMED), (b" ", MALFORMED), (b"{", MALFORMED), (b"}", MALFORMED), (b"{}{}", MALFORMED),
    (GOOD + b"x", MALFORMED), (GOOD + b"\0", MALFORMED), (GOOD + GOOD, MALFORMED),
    (GOOD + b"// comment", MALFORMED), (GOOD[:-1] + b",}", MALFORMED), (GOOD[:-1], MALFORMED),
    (b"\xef\xbb\xbf" + GOOD, MALFORMED), (GOOD.decode().encode("utf-16"), MALFORMED),
    (GOOD.decode().encode("utf-32"), MALFORMED), (b"\x1f\x8b" + GOOD, MALFORMED),
    (GOOD.replace(b"Bad", b"B\xe4d"), MALFORMED), (GOOD.replace(b"Bad", b"\xc0\x80"), MALFORMED),
    (GOOD.replace(b"Bad", b"\xf5\x80\x80\x80"), MALFORMED), (GOOD.replace(b'"', b"'"), MALFORMED),
    (GOOD[:-1] + b',"vintage":2020}', MALFORMED), (GOOD[:-1] + b',"a":1,"a":1}', MALFORMED),
    (GOOD[:-1] + b',"vint\\u0061ge":2021}', MALFORMED),
    (GOOD[:-1] + b',"details":{"a":"x","a":"x"}}', MALFORMED),
    (GOOD[:-1] + b',"\\ud800":1}', MALFORMED), (GOOD[:-1] + b',"\\u0000":1}', MALFORMED),
    (GOOD[:-1] + b',"details":' + b"[" * 32 + b"]" * 32 + b"}", MALFORMED),
    (b"[" * 100_000, MALFORMED), (b"[" * 100_000 + b"]" * 100_000, MALFORMED),
    (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, MALFORMED), (b'[{"a":' * 30_000, MALFORMED),
    (GOOD[:-1] + b',"details":' + b"[" * 31 + b"]" * 31 + b"}", FIELD),
    (b"[]", FIELD), (b"[" + GOOD + b"]", FIELD), (b"null", FIELD), (b"true", FIELD), (b"1", FIELD),
    (b'"text"', FIELD), (b"{}", FIELD), (b'{"create":' + GOOD + b"}", FIELD),
    (b"project_name=x&vintage=2020", MALFORMED), (b"<xml/>", MALFORMED), (b"---\na: 1", MALFORMED),
], ids=ids)  # fmt: skip
def test_what_is_not_strict_json_of_the_right_shape_is_refused(
    api: Connection, content: bytes, verdict: Verdict
) -> None:
    assert post(api, "/records", content).verdict == verdict


@pytest.mark.parametrize("path", ["/records", "/batch", f"/records/{NOWHERE}/sell"])
@pytest.mark.parametrize("content", [b"[]", b"1", b'"text"'])
def test_a_body_that_is_no_object_is_told_so_in_the_words_of_json(
    api: Connection, path: str, content: bytes
) -> None:
    reply = post(api, path, content)
    assert (reply.status, reply.body["detail"]) == (422, "the body has to be a JSON object")


def test_white_space_and_escapes_do_not_count(api: Connection) -> None:
    body = issuance(project_name="Plain", serial_number="PLAIN 1")
    record = api.post("/records", body).body
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in "Plain")
    content = json.dumps(body, indent=4).replace("Plain", escaped).replace("\n", "\r\n\t ")
    reply = post(api, "/records", content.encode())
    assert (reply.status, reply.body) == (200, record)
