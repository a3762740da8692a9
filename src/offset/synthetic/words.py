"""Invented names: projects, companies, beneficiaries, notes. All in ASCII; oddities come later."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

_FIRST: Final = (
    *("Alder", "Amber", "Aspen", "Basalt", "Beacon", "Birch", "Bluff", "Bracken", "Cedar"),
    *("Cinder", "Clover", "Copper", "Delta", "Ember", "Fallow", "Fern", "Flint", "Garnet"),
    *("Granite", "Harbor", "Hazel", "Heron", "Juniper", "Kestrel", "Lantern", "Larch", "Linden"),
    *("Maple", "Meadow", "Mesa", "Osprey", "Pebble", "Quarry", "Rowan", "Saffron", "Sparrow"),
    *("Summit", "Thistle", "Willow", "Yarrow"),
)
_SECOND: Final = (
    *("Bay", "Bend", "Bridge", "Brook", "Creek", "Crossing", "Dale", "Field", "Fork", "Gate"),
    *("Glen", "Grove", "Hill", "Hollow", "Lake", "Landing", "Mill", "Moor", "Orchard", "Pass"),
    *("Point", "Ridge", "River", "Shore", "Spring", "Terrace", "Trail", "Vale", "View", "Wood"),
)
_TRADES: Final = (
    *("Airways", "Breweries", "Ceramics", "Coffee", "Energy", "Foods", "Freight", "Glass"),
    *("Instruments", "Logistics", "Outfitters", "Paper", "Press", "Studios", "Textiles", "Tools"),
)
_FORMS: Final = ("Inc.", "LLC", "Ltd", "GmbH", "S.A.", "Corporation", "Pty Ltd", "B.V.")
NOTES: Final = (
    "Retired on behalf of {} for {}",
    "Retirement on behalf of {} for the emissions of its offices and travel in {}",
    "{}, purchased emissions of {}",
    "Order 40-{1} for {0}",
    "To compensate deliveries by {} in {}",
    "{} carbon neutral programme {}",
    "Renewal of the commitment of {} to its customers for {}",
    "Event emissions, {}, {}",
)


class Place(NamedTuple):
    """Where a project is. `state` and `state_code` only where a registry writes them."""

    code: str
    country: str
    state: str = ""
    state_code: str = ""


WORLD: Final = tuple(
    Place(code, country)
    for code, country in (
        *(("BR", "Brazil"), ("CN", "China"), ("CO", "Colombia"), ("GH", "Ghana")),
        *(("GT", "Guatemala"), ("ID", "Indonesia"), ("IN", "India"), ("KE", "Kenya")),
        *(("KH", "Cambodia"), ("MG", "Madagascar"), ("MW", "Malawi"), ("NA", "Namibia")),
        *(("PE", "Peru"), ("RW", "Rwanda"), ("TH", "Thailand"), ("TR", "Turkey")),
        *(("UG", "Uganda"), ("US", "United States"), ("VN", "Viet Nam"), ("ZM", "Zambia")),
    )
)
STATES: Final = tuple(
    Place("US", "US", state, code)
    for state, code in (
        *(("ALABAMA", "AL"), ("CALIFORNIA", "CA"), ("ILLINOIS", "IL"), ("KANSAS", "KS")),
        *(("KENTUCKY", "KY"), ("MICHIGAN", "MI"), ("OHIO", "OH"), ("OREGON", "OR")),
        *(("TEXAS", "TX"), ("WASHINGTON", "WA"), ("WEST VIRGINIA", "WV")),
    )
)
MEXICO: Final = (Place("MX", "MX", "CHIHUAHUA", "CI"), Place("MX", "MX", "DURANGO", "DG"))
JURISDICTIONS: Final = tuple(
    Place(code, country)
    for code, country in (
        *(("CR", "COSTA RICA"), ("GY", "GUYANA"), ("GH", "GHANA"), ("VN", "VIET NAM")),
        *(("PG", "PAPUA NEW GUINEA"), ("EC", "ECUADOR"), ("NP", "NEPAL"), ("UG", "UGANDA")),
    )
)
COLOMBIA: Final = (Place("CO", "Colombia"),)


def site(bits: int) -> str:
    """Make up the name of a place, from random bits."""
    first, second = divmod(bits % (len(_FIRST) * len(_SECOND)), len(_SECOND))
    return f"{_FIRST[first]} {_SECOND[second]}"


def companies(rng: Random, count: int) -> list[str]:
    """Make up companies, no two of one name; `count` is 5,000 at most."""
    parts = (len(_FIRST), len(_TRADES), len(_FORMS))
    names = []
    for number in rng.sample(range(parts[0] * parts[1] * parts[2]), count):
        rest, form = divmod(number, parts[2])
        first, trade = divmod(rest, parts[1])
        names.append(f"{_FIRST[first]} {_TRADES[trade]} {_FORMS[form]}")
    return names


def weighted(names: Sequence[str], *, slots: int, evenness: float) -> list[str]:
    """Lay names out so that one drawn evenly is one of the first more often.

    Args:
        names: the most frequent first.
        slots: how many places there are.
        evenness: 0 for all alike, 1 for the second half as often as the first.
    """
    weights = [(rank + 1) ** -evenness for rank in range(len(names))]
    scale = slots / sum(weights)
    laid: list[str] = []
    reached = 0.0
    for name, weight in zip(names, weights, strict=True):
        reached += weight * scale
        laid += [name] * (round(reached) - len(laid))
    return laid


def renamed(laid: Sequence[str], *, share: float, times: int) -> list[str]:
    """Give another legal form to as many names as `times`: those nearest to this share."""
    counts = Counter(laid)
    nearest = sorted(counts, key=lambda name: abs(counts[name] - share * len(laid)))
    new = {name: f"{name.rpartition(' ')[0]} Holdings" for name in nearest[:times]}
    return [new.get(name, name) for name in laid]
