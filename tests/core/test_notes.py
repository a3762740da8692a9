"""Signed notes and their keys: published examples, every way to be malformed, forged signatures."""

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.errors import LogMalformed, NotSigned
from offset.core.notes import (
    Kind,
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    read_note,
    read_signatures,
    read_skey,
    read_vkey,
    verify_note,
)

# The example of Go's package golang.org/x/mod/sumdb/note, which signed-note comes from; its
# private key is published there with it.
NEUMANN_SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
# A public witness's key, as its operator publishes it: type 0x04.
WITNESS_VKEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

LOG = SigningKey(name="registry.example/log", seed=sha256(b"log").digest())
WITNESS = SigningKey(name="witness.example/w1", seed=sha256(b"w").digest(), kind=Kind.COSIGNATURE)
TEXT = "registry.example/log\n1\nWF8yRExzcmjTHJSfeSaancbQOJng5VdFGZGhYeMA2KA=\n"
TIME_S = 1_679_315_147
SIGNED = Note(text=TEXT, signatures=(LOG.sign(TEXT),)).encode()


def note_of(*signatures: Signature, text: str = TEXT) -> Note:
    return Note(text=text, signatures=signatures)


def stranger(name: str = "stranger.example", value: bytes = b"anything") -> Signature:
    return Signature(name=name, key_id=bytes(4), value=value)


# Published examples ---------------------------------------------------------------------------


def test_the_published_note_verifies_and_is_written_again_byte_for_byte() -> None:
    note = read_note(NEUMANN.encode())
    key = read_vkey(NEUMANN_VKEY)
    assert verify_note(note, [key]) == {key: None}
    assert note.encode() == NEUMANN.encode()


def test_the_published_key_signs_the_published_note() -> None:
    key = read_skey(NEUMANN_SKEY)
    text = NEUMANN.rpartition("\n\n")[0] + "\n"
    assert note_of(key.sign(text), text=text).encode() == NEUMANN.encode()
    assert (key.skey, key.verifier.vkey) == (NEUMANN_SKEY, NEUMANN_VKEY)


def test_a_witnesss_published_key_is_read() -> None:
    key = read_vkey(WITNESS_VKEY)
    assert (key.name, key.kind, key.key_id.hex()) == ("remora.n621.de", 4, "da77ade7")
    assert key.vkey == WITNESS_VKEY


# Notes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TEXT.encode(), id="no signatures"),
        pytest.param(TEXT.encode() + b"\n", id="no signature after the blank line"),
        pytest.param(SIGNED[:-1], id="no newline at the end"),
        pytest.param(SIGNED + b"\n", id="a blank line at the end"),
        pytest.param(SIGNED + b"a line\n", id="a line that is no signature"),
        pytest.param(SIGNED.replace(b"\n\n", b"\n"), id="no blank line"),
        pytest.param(SIGNED.replace(b"\n", b"\r\n"), id="lines of another system"),
        pytest.param(SIGNED.replace(b"log\n1", b"log\n\t1"), id="a tab"),
        pytest.param(SIGNED.replace(b"log\n1", b"log\n\0001"), id="a NUL"),
        pytest.param(SIGNED.replace(b"log\n1", b"log\n\xff1"), id="not UTF-8"),
        pytest.param(SIGNED.replace(b"log\n1", b"log\n\xed\xa0\x801"), id="a surrogate"),
        pytest.param(SIGNED.replace("— ".encode(), b"- "), id="a hyphen"),
        pytest.param(SIGNED.replace("— ".encode(), "—".encode()), id="no space after the dash"),
        pytest.param(SIGNED.replace("— ".encode(), "—  ".encode()), id="two spaces"),
        pytest.param(SIGNED.replace("— ".encode(), " — ".encode()), id="a space before the dash"),
        pytest.param(SIGNED.replace(b"log ", b"log  "), id="two spaces before the signature"),
        pytest.param(SIGNED.replace(b"log ", b"log\t"), id="a tab before the signature"),
        pytest.param(SIGNED.replace(b"log ", b"l+g "), id="a plus in the name"),
        pytest.param(SIGNED.replace(b"log ", "l\u00a0g ".encode()), id="a space in the name"),
        pytest.param(SIGNED.replace(b"log ", "l\u2028g ".encode()), id="a line in the name"),
        pytest.param(SIGNED[:-2] + b"\n", id="base64 without padding"),
        pytest.param(SIGNED[:-2] + b"==\n", id="base64 with too much padding"),
        pytest.param(SIGNED[:-1] + b" \n", id="a space at the end"),
        pytest.param("text\n\n— name\n".encode(), id="no signature in its line"),
        pytest.param("text\n\n— name \n".encode(), id="an empty signature"),
        pytest.param("text\n\n— name AAAAAA==\n".encode(), id="an id and nothing more"),
        pytest.param("text\n\n— name AAAAAAB=\n".encode(), id="base64 with stray bits"),
        pytest.param("text\n\n— name AAAA-_AA\n".encode(), id="base64 for URLs"),
        pytest.param("text\n\n— name ＡAAAAAAA\n".encode(), id="letters that look like base64"),
        pytest.param("— name AAAAAAA=\n".encode(), id="no text"),
        pytest.param(TEXT.encode() + b"\n" + 101 * stranger().line.encode(), id="101 signatures"),
    ],
)
def test_what_is_not_a_note_is_refused(data: bytes) -> None:
    with pytest.raises(LogMalformed):
        read_note(data)


def test_a_text_may_have_blank_lines_and_lines_like_signatures() -> None:
    text = f"\n\na\n{stranger().line}\n\n"
    note = note_of(LOG.sign(text), text=text)
    assert read_note(note.encode()) == note
    assert verify_note(read_note(note.encode()), [LOG.verifier])


def test_a_hundred_signatures_are_accepted() -> None:
    note = note_of(*100 * [stranger()])
    assert read_note(note.encode()) == note


@pytest.mark.parametrize("text", ["", "a", "a\n\nb", "a\tb\n", "a\r\n", "\x1f\n", "\ud800\n"])
def test_what_is_not_a_text_is_not_written(text: str) -> None:
    with pytest.raises(LogMalformed):
        note_of(stranger(), text=text)
    with pytest.raises(LogMalformed):
        note_of()


def test_signature_lines_are_read_as_a_witness_answers_them() -> None:
    signatures = (WITNESS.cosign(TEXT, TIME_S), stranger())
    assert read_signatures("".join(one.line for one in signatures)) == signatures
    assert read_signatures("") == ()


PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))))
    | st.just("\n")
)
NAMES = st.text(st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Z"]), min_size=1)


@given(
    text=PRINTABLE.map(lambda text: f"{text}\n"),
    names=st.lists(NAMES, min_size=1, max_size=4),
    value=st.binary(min_size=1, max_size=80),
)
@example(text="\x85\u2028\n", names=["—"], value=b"\n")
def test_a_note_is_read_as_it_was_written(text: str, names: list[str], value: bytes) -> None:
    kept = [name for name in names if "+" not in name and "\x85" not in name]
    note = note_of(*[stranger(name, value) for name in [*kept, "name"]], text=text)
    assert read_note(note.encode()) == note


@given(data=st.data(), byte=st.integers(0, 255))
def test_a_damaged_note_is_refused_or_has_the_bytes_that_it_would_be_written_with(
    data: st.DataObject, byte: int
) -> None:
    at = data.draw(st.integers(0, len(SIGNED) - 1))
    damaged = SIGNED[:at] + bytes([byte]) + SIGNED[at + data.draw(st.integers(0, 2)) :]
    try:
        note = read_note(damaged)
    except LogMalformed:
        return
    assert note.encode() == damaged
    if damaged != SIGNED:
        with pytest.raises(NotSigned):
            verify_note(note, [LOG.verifier])


# Keys -----------------------------------------------------------------------------------------


def encoded(material: bytes) -> str:
    return b64encode(material).decode()


PUBLIC = LOG.verifier.public
ID = LOG.verifier.key_id.hex()


def test_a_key_has_the_id_that_the_specification_says() -> None:
    for key in (LOG.verifier, WITNESS.verifier):
        hashed = key.name.encode() + b"\n" + bytes([key.kind]) + key.public
        assert key.key_id == sha256(hashed).digest()[:4]
    assert LOG.verifier.vkey == f"registry.example/log+{ID}+{encoded(bytes([1]) + PUBLIC)}"


@pytest.mark.parametrize(
    "vkey",
    [
        *("", "name", "name+", f"name+{ID}", f"name+{ID}+", f"{LOG.verifier.vkey}\n"),
        pytest.param(LOG.verifier.vkey.replace(ID, ID.upper()), id="an id in capitals"),
        pytest.param(LOG.verifier.vkey.replace(ID, f"0{ID}"), id="a longer id"),
        pytest.param(LOG.verifier.vkey.replace(ID, "00000000"), id="another id"),
        pytest.param(LOG.verifier.vkey.replace("log", "l0g"), id="another name"),
        pytest.param(LOG.verifier.vkey.replace("log", "l g"), id="a space in the name"),
        pytest.param(LOG.verifier.vkey.replace("registry.example/log", ""), id="no name"),
        pytest.param(LOG.verifier.vkey[:-4], id="a short key"),
        pytest.param(f"registry.example/log+{ID}+{encoded(bytes([1]) + PUBLIC + b'0')}", id="long"),
        pytest.param(f"registry.example/log+{ID}+{encoded(PUBLIC)}", id="no type"),
        pytest.param(f"registry.example/log+{ID}+{encoded(bytes([2]) + PUBLIC)}", id="ECDSA"),
        pytest.param(f"registry.example/log+{ID}+{encoded(bytes([6]) + PUBLIC)}", id="ML-DSA"),
        pytest.param(LOG.skey, id="a private key"),
    ],
)
def test_what_is_not_a_verifiers_key_is_refused(vkey: str) -> None:
    with pytest.raises(LogMalformed):
        read_vkey(vkey)


@pytest.mark.parametrize("key", [LOG, WITNESS], ids=["log", "witness"])
def test_a_private_key_is_read_as_it_was_written(key: SigningKey) -> None:
    assert read_skey(key.skey) == key
    assert key.skey.startswith(f"PRIVATE+KEY+{key.name}+{key.verifier.key_id.hex()}+")
    assert read_vkey(key.verifier.vkey) == key.verifier


@pytest.mark.parametrize(
    "skey",
    [
        *("", "PRIVATE+KEY+", LOG.verifier.vkey, LOG.skey.removeprefix("PRIVATE+")),
        pytest.param(LOG.skey.replace("log", "l0g"), id="another name"),
        pytest.param(LOG.skey.replace(ID, "00000000"), id="another id"),
        pytest.param(LOG.skey[:-4], id="a short seed"),
        pytest.param(LOG.skey[:-1], id="no padding"),
    ],
)
def test_what_is_not_a_private_key_is_refused_without_repeating_it(skey: str) -> None:
    with pytest.raises(LogMalformed) as refusal:
        read_skey(skey)
    secret = LOG.skey.rpartition("+")[2]
    assert secret[:8] not in str(refusal.value)


def test_a_private_key_is_not_shown() -> None:
    assert "seed" not in repr(LOG)
    assert LOG.seed.hex() not in repr(LOG)
    with pytest.raises(LogMalformed, match="has 31 bytes"):
        SigningKey(name="name", seed=bytes(31))
    with pytest.raises(LogMalformed, match="name"):
        SigningKey(name="a name", seed=bytes(32))
    with pytest.raises(LogMalformed, match="has 33 bytes"):
        VerifierKey(name="name", public=bytes(33))


# Signatures -----------------------------------------------------------------------------------


def test_a_cosignature_signs_the_message_of_the_specification() -> None:
    signature = WITNESS.cosign(TEXT, TIME_S)
    message = f"cosignature/v1\ntime 1679315147\n{TEXT}".encode()
    signed = Ed25519PrivateKey.from_private_bytes(WITNESS.seed).sign(message)
    assert signature.value == TIME_S.to_bytes(8, "big") + signed
    assert verify_note(note_of(signature), [WITNESS.verifier]) == {WITNESS.verifier: TIME_S}


def test_signatures_of_unknown_keys_are_ignored() -> None:
    same_name = stranger(LOG.name)
    same_id = Signature(name="other", key_id=LOG.verifier.key_id, value=b"anything")
    note = note_of(same_name, LOG.sign(TEXT), same_id, WITNESS.cosign(TEXT, TIME_S))
    assert verify_note(note, [LOG.verifier]) == {LOG.verifier: None}


@pytest.mark.parametrize("value", [b"x", bytes(63), bytes(64), bytes(65), bytes(72)])
@pytest.mark.parametrize("key", [LOG, WITNESS], ids=["log", "witness"])
def test_a_wrong_signature_of_a_known_key_refuses_the_whole_note(
    key: SigningKey, value: bytes
) -> None:
    wrong = Signature(name=key.name, key_id=key.verifier.key_id, value=value)
    note = note_of(LOG.sign(TEXT), WITNESS.cosign(TEXT, TIME_S), wrong)
    with pytest.raises(NotSigned, match=f"{key.name}.* is wrong"):
        verify_note(note, [LOG.verifier, WITNESS.verifier])


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    for keys in ([], [WITNESS.verifier]):
        with pytest.raises(NotSigned, match="no known key"):
            verify_note(note_of(LOG.sign(TEXT), stranger()), keys)


def test_a_signature_is_one_of_its_text_time_and_kind() -> None:
    cosigned = WITNESS.cosign(TEXT, TIME_S)
    later = (TIME_S + 1).to_bytes(8, "big") + cosigned.value[8:]
    huge = (2**63).to_bytes(8, "big")
    message = f"cosignature/v1\ntime {2**63}\n{TEXT}".encode()
    beyond = huge + Ed25519PrivateKey.from_private_bytes(WITNESS.seed).sign(message)
    for value in (later, beyond):
        wrong = Signature(name=cosigned.name, key_id=cosigned.key_id, value=value)
        with pytest.raises(NotSigned, match="is wrong"):
            verify_note(note_of(wrong), [WITNESS.verifier])
    with pytest.raises(NotSigned, match="is wrong"):
        verify_note(note_of(LOG.sign(TEXT), text=f"{TEXT}more\n"), [LOG.verifier])
    # The same seed under the same name is another key when its signatures are of another type.
    as_log = SigningKey(name=WITNESS.name, seed=WITNESS.seed)
    assert as_log.verifier.key_id != WITNESS.verifier.key_id
    with pytest.raises(NotSigned, match="no known key"):
        verify_note(note_of(as_log.sign(TEXT)), [WITNESS.verifier])


@pytest.mark.parametrize("time_s", [0, 1, 2**63 - 1])
def test_a_cosignature_may_have_any_time(time_s: int) -> None:
    note = note_of(WITNESS.cosign(TEXT, time_s))
    assert verify_note(note, [WITNESS.verifier]) == {WITNESS.verifier: time_s}


def test_of_two_cosignatures_the_newer_time_counts() -> None:
    times_s = [TIME_S, TIME_S + 5, TIME_S - 5]
    note = note_of(*[WITNESS.cosign(TEXT, time_s) for time_s in times_s])
    assert verify_note(note, [WITNESS.verifier]) == {WITNESS.verifier: TIME_S + 5}


def test_a_key_signs_only_what_it_is_for() -> None:
    with pytest.raises(AssertionError):
        WITNESS.sign(TEXT)
    with pytest.raises(AssertionError):
        LOG.cosign(TEXT, TIME_S)
    with pytest.raises(AssertionError):
        WITNESS.cosign(TEXT, 2**63)
