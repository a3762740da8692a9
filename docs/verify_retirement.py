"""Check one .tlog-proof file of a log: `python3 verify_retirement.py FILE VKEY`.

Needs Python 3.9 or newer and the package `cryptography`, and nothing of Offset. It follows
c2sp.org/tlog-proof, c2sp.org/signed-note, c2sp.org/tlog-checkpoint, RFC 6962 and RFC 9162.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def require(holds, words):
    if not holds:
        sys.exit(f"NOT VERIFIED: {words}")


def unbase64(text):
    """Read base64 in the one way in which it is written."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    require(data and base64.b64encode(data).decode() == text, "something is not base64")
    return data


def number(text):
    require(text.isascii() and text.isdigit() and str(int(text)) == text, "a number is not one")
    return int(text)


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def check_signature(text, lines, vkey):
    """Check that the key signed the checkpoint's text; every signature of it has to hold."""
    name, key_id, encoded = vkey.split("+", 2)
    key = unbase64(encoded)
    require(len(key) == 33 and key[0] == 1, "the key is not an Ed25519 key of a log")
    require(sha256(name.encode(), b"\n", key)[:4].hex() == key_id, "the key's id is another one")
    own = [line[2:].rpartition(" ") for line in lines]
    own = [unbase64(value) for signer, _, value in own if signer == name]
    own = [value[4:] for value in own if value[:4].hex() == key_id]
    require(own, "this key did not sign the checkpoint")
    for signature in own:
        try:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature, text.encode())
        except InvalidSignature:
            require(False, "the signature of the checkpoint is wrong")
    return name


def root_of(leaf, index, size, hashes):
    """Climb from the leaf to the root (RFC 9162, section 2.1.3.2)."""
    made, place, last = sha256(b"\x00", leaf), index, size - 1
    for other in hashes:
        require(last > 0, "the proof has too many hashes")
        if place % 2 == 1 or place == last:
            made = sha256(b"\x01", other, made)
            while place % 2 == 0 and place > 0:
                place, last = place // 2, last // 2
        else:
            made = sha256(b"\x01", made, other)
        place, last = place // 2, last // 2
    require(last == 0, "the proof has too few hashes")
    return made


def main(file, vkey):
    proof, text, signatures = Path(file).read_bytes().decode().split("\n\n", 2)
    header, extra, index, *hashes = proof.split("\n")
    require(header == "c2sp.org/tlog-proof@v1", "this is not a proof file")
    require(extra.startswith("extra ") and index.startswith("index "), "there is no event in it")
    log, size, root = (text + "\n").split("\n")[:3]
    require(check_signature(text + "\n", signatures.splitlines(), vkey) == log, "it is another log")
    leaf, place, size = unbase64(extra[6:]), number(index[6:]), number(size)
    require(place < size, "the position is behind the end of the log")
    made = root_of(leaf, place, size, [unbase64(one) for one in hashes])
    require(made == unbase64(root), "the proof leads to another root")
    event = json.loads(leaf)
    again = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    require(again.encode() == leaf, "the event can be read in two ways")
    require(event["log"] == log, "the event is of another log")
    sys.stdout.write(f"VERIFIED: position {place} of log {log}, signed for size {size}\n")
    sys.stdout.write(json.dumps(event, indent=1) + "\n")


if __name__ == "__main__":
    require(len(sys.argv) == 3, "say FILE and VKEY")
    try:
        main(sys.argv[1], sys.argv[2])
    except (OSError, LookupError, RecursionError, TypeError, ValueError) as error:
        require(False, f"this is not written as a proof is: {error}")
