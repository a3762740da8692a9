"""Policy files: what is read, what is refused, and which witnesses are a quorum."""

from hashlib import sha256
from itertools import combinations

import pytest

from offset.core.errors import LogMalformed, NotWitnessed
from offset.core.notes import Kind, SigningKey
from offset.core.policies import LARGEST_POLICY, Policy, read_policy


def key(name: str, kind: Kind = Kind.COSIGNATURE) -> SigningKey:
    return SigningKey(name=name, seed=sha256(name.encode()).digest(), kind=kind)


LOG = key("log.example/log", Kind.SIGNATURE)
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
KEYS = {name: key(f"{name}.example").verifier for name in NAMES}
WITNESSES = "".join(f"witness {name} {KEYS[name].vkey}\n" for name in NAMES)
# The example of tlog-policy, with keys.
EXAMPLE = f"""\
log {LOG.verifier.vkey}

witness X1 {KEYS["X1"].vkey}
witness X2 {KEYS["X2"].vkey} https://x2.example/
witness X3 {KEYS["X3"].vkey}
group X-witnesses 2 X1 X2 X3

  # the second organisation
witness Y1 {KEYS["Y1"].vkey}
witness Y2\t {KEYS["Y2"].vkey}\t
witness Y3 {KEYS["Y3"].vkey}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def met(policy: Policy, *names: str) -> bool:
    return policy.is_met({KEYS[name] for name in names})


def test_the_specifications_example_is_read() -> None:
    policy = read_policy(EXAMPLE.encode())
    assert policy.logs == (LOG.verifier,)
    assert policy.witnesses == {name.encode(): KEYS[name] for name in NAMES}
    assert [(g.name, g.threshold, len(g.members)) for g in policy.groups] == [
        (b"X-witnesses", 2, 3),
        (b"Y-witnesses", 1, 3),
        (b"X-and-Y", 2, 2),
    ]
    assert policy.quorum == b"X-and-Y"


def test_the_examples_quorum_is_two_of_x_and_one_of_y() -> None:
    policy = read_policy(EXAMPLE.encode())
    for count in range(7):
        for names in combinations(NAMES, count):
            x, y = (sum(name.startswith(letter) for name in names) for letter in "XY")
            assert met(policy, *names) == (x >= 2 and y >= 1), names


def test_no_quorum_is_met_by_nobody() -> None:
    assert read_policy(b"quorum none\n") == Policy(logs=(), witnesses={}, groups=(), quorum=b"none")
    assert met(read_policy(b"quorum none\n"))


def test_one_witness_can_be_the_quorum() -> None:
    policy = read_policy(f"{WITNESSES}quorum X2\n".encode())
    assert not met(policy)
    assert not met(policy, "X1", "Y1")
    assert met(policy, "X2")


def test_a_quorum_that_is_missing_is_told_with_its_name() -> None:
    policy = read_policy(f"{WITNESSES}group both 2 X1 X2\nquorum both\n".encode())
    policy.require({KEYS["X1"], KEYS["X2"]})
    with pytest.raises(NotWitnessed, match=r"2 of the policy's 6 witnesses .* quorum both"):
        policy.require({KEYS["X1"], KEYS["Y1"]})
    with pytest.raises(NotWitnessed):
        policy.require({key("stranger.example").verifier})


def test_names_are_octets_and_need_not_be_utf_8() -> None:
    policy = read_policy(b"witness \xffK " + KEYS["X1"].vkey.encode() + b"\nquorum \xffK\n")
    assert met(policy, "X1")
    with pytest.raises(NotWitnessed, match=r"\\xffK"):
        policy.require(())


def test_the_same_key_may_be_a_logs_and_a_witnesses() -> None:
    same = SigningKey(name=LOG.name, seed=LOG.seed, kind=Kind.COSIGNATURE).verifier
    text = f"log {LOG.verifier.vkey}\nwitness W {same.vkey}\nquorum W\n"
    assert read_policy(text.encode()).is_met([same])


X1, X2 = KEYS["X1"].vkey, KEYS["X2"].vkey
RENAMED = SigningKey(
    name="other.example", seed=key("X1.example").seed, kind=Kind.COSIGNATURE
).verifier.vkey
REFUSED = {
    "nothing": ("", "has no quorum"),
    "no quorum": (WITNESSES, "has no quorum"),
    "no newline at its end": ("quorum none", "no newline"),
    "two quorums": ("quorum none\nquorum none\n", "line 2: there is a quorum already"),
    "a quorum of two names": ("quorum none none\n", "line 1: is no log"),
    "a quorum that is defined later": (f"quorum X1\n{WITNESSES}", "line 1: X1 is no witness"),
    "an unknown word": ("logs x\nquorum none\n", "line 1: is no log"),
    "a word in capitals": ("Quorum none\n", "line 1: is no log"),
    "a carriage return": ("quorum none\r\n", "line 1: has control characters"),
    "a comment behind a line": ("quorum none # all\n", "line 1: is no log"),
    "a log without a key": ("log\nquorum none\n", "line 1: is no log"),
    "a log with a wrong id": (
        f"log {LOG.name}+00000000+{LOG.verifier.vkey.rpartition('+')[2]}\nquorum none\n",
        "line 1: key log.example/log: its id is",
    ),
    "a log with a witness's key": (f"log {X1}\nquorum none\n", "is of type 0x04, not 0x01"),
    "a witness with a log's key": (
        f"witness W {LOG.verifier.vkey}\nquorum W\n",
        "is of type 0x01, not 0x04",
    ),
    "a log twice": (
        f"log {LOG.verifier.vkey}\nlog {LOG.verifier.vkey} https://x\nquorum none\n",
        "line 2: key log.example/log: the same public key",
    ),
    "a witness's key twice, under another name": (
        f"witness A {X1}\nwitness B {RENAMED}\nquorum A\n",
        "line 2: key other.example: the same public key",
    ),
    "a name twice": (f"witness A {X1}\nwitness A {X2}\nquorum A\n", "line 2: the name A is taken"),
    "a group with a witness's name": (
        f"{WITNESSES}group X1 any X2\nquorum X1\n",
        "line 7: the name X1 is taken",
    ),
    "a witness called none": (f"witness none {X1}\nquorum none\n", "the name none is taken"),
    "none as a member": (f"{WITNESSES}group G any none\nquorum G\n", "none is no witness"),
    "a group of itself": (f"{WITNESSES}group G any G\nquorum G\n", "G is no witness"),
    "a group of nobody": (f"{WITNESSES}group G all\nquorum G\n", "line 7: is no log"),
    "a member twice in one group": (
        f"{WITNESSES}group G 2 X1 X1\nquorum G\n",
        "X1 is a member twice",
    ),
    "a member of two groups": (
        f"{WITNESSES}group G any X1\ngroup H any X1\nquorum H\n",
        "line 8: X1 is a member twice",
    ),
    "a threshold of 0": (f"{WITNESSES}group G 0 X1\nquorum G\n", "the threshold is neither"),
    "a threshold with a zero before it": (
        f"{WITNESSES}group G 01 X1\nquorum G\n",
        "the threshold is neither",
    ),
    "a threshold above the members": (
        f"{WITNESSES}group G 3 X1 X2\nquorum G\n",
        "3 of 2 members can never be",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_policy_is_refused_with_its_line(what: str) -> None:
    text, words = REFUSED[what]
    with pytest.raises(LogMalformed) as refused:
        read_policy(text.encode())
    assert refused.value.detail.startswith("a policy")
    assert words in refused.value.detail


def test_a_key_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(LogMalformed, match="line 1: a key: is not UTF-8"):
        read_policy(b"log \xff+00000000+AA==\nquorum none\n")


def test_a_policy_that_is_too_large_is_refused() -> None:
    assert read_policy(b"quorum none\n".rjust(LARGEST_POLICY, b"\n")).quorum == b"none"
    with pytest.raises(LogMalformed, match="larger than"):
        read_policy(b"quorum none\n".rjust(LARGEST_POLICY + 1, b"\n"))
