"""The serial numbers of the ART registry: TREES credits, and those of the FCPF.

    ART-CC-program-vintage-batch-start to end
    FCPF-CC-program-vintage-batch-start to end

The form and the key are ACR's (`acr`); the prefix tells the standard. Credits of the World Bank's
Forest Carbon Partnership Facility are cancelled in its own registry and issued again in this one,
where their programs are counted with ART's: FCPF-CI-901 is program ART901. Source: 11 rows of
public exports of 2026 (all fit).
"""

from collections.abc import Mapping
from typing import Final

from offset.core.serials import Serial
from offset.registries.acr import anchor, hyphenated, read_batch, spelled
from offset.registries.stated import Stated

REGISTRY: Final = "art"
UNITS: Final[Mapping[str, str]] = {"ART": "TREES", "FCPF": "FCPF"}

_ANCHOR: Final = anchor("ART|FCPF")
SPELLED: Final = spelled("ART|FCPF")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    read = read_batch(text, registry=REGISTRY, units=UNITS)
    return read[0] if read else None


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses."""
    read = read_batch(serial_text, registry=REGISTRY, units=UNITS)
    return read[1] if read else None


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong."""
    return _ANCHOR.search(hyphenated(text)) is not None
