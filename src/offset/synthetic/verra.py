"""Verra's search for VCUs: a row for each block, whatever became of it.

Numbers run on across batches in two series, the older one without `VCS-`, which overlap.
"""

from collections.abc import Sequence
from typing import Final

from offset.synthetic import batches, days, sizes
from offset.synthetic.batches import RETIRED, Batch, Block, Shape
from offset.synthetic.kinds import Kind, Maker, Setting, note

_SHAPE: Final = Shape(
    registry="verra",
    blocks=sizes.VERRA_BLOCKS,
    issuances=None,
    rows=sizes.VERRA_ROWS,
    old_until=days.number(2020, 4, 1),
    recut=0.3,  # each transfer cuts a block
    repeats=0.0,  # `Total Vintage Quantity` is one value per project and vintage
)
_TYPES: Final = (
    ("1", "Energy industries (renewable/non-renewable sources)", "ACM0002", "wind farm"),
    ("14", "Agriculture Forestry and Other Land Use", "VM0015", "forest conservation"),
    ("3", "Energy demand", "VMR0006", "improved cookstoves"),
    ("13", "Waste handling and disposal", "AMS-III.D.", "biogas recovery"),
)
_GOALS: Final = ("", "", "", "01: No Poverty; 07: Affordable and Clean Energy; 13: Climate Action")
_CERTIFIED: Final = ("", "", "CCB-No Distinction", "CORSIA")
_REASONS: Final = (
    *("Retirement for Person or Organization",) * 8,
    *("Environmental Benefit",) * 4,
    *("Other",) * 3,
    "Corporate Emissions Inventory Accounting",
)
_OPERATORS: Final = ("MER", "MER", "VER", "APX")
_NO_WORDS, _NO_REASON = 24, 6  # of 64 retired rows


def _transactions(made: Setting) -> Maker:
    manner = days.written("iso" if made.other_manner else "dd/mm/yyyy")
    in_serial = days.written("ddmmyyyy")
    accounts, beneficiaries, odd = made.accounts, made.beneficiaries, made.odd

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project, bits = batch.project, batch.bits
        scope, kind, methodology, what = _TYPES[project.bits & 3]
        certified = _CERTIFIED[project.bits >> 2 & 3]
        # One value for all blocks, and in six of seven vintages all of it is issued.
        total = batch.quantity if bits % 6 else batch.quantity * 6 // 5
        front = [manner[batch.issued], _GOALS[project.bits >> 4 & 3]]
        front += [manner[batch.start], manner[batch.end], str(project.number)]
        front += [f"{project.name} {what} project", project.place.country, kind, methodology]
        front += [f"{total:,}"]
        if batch.old:
            prefix, operator = "VCU", _OPERATORS[bits >> 3 & 3]
        else:
            prefix, operator = "VCS-VCU", "VER"
        head = f"{batch.number}-"
        tail = f"-{prefix}-{bits >> 5 & 2047}-{operator}-{project.place.code}"
        tail += f"-{scope}-" if bits >> 16 & 31 else "-"  # some have no scope
        tail += f"{project.number}-{in_serial[batch.start]}-{in_serial[batch.end]}"
        tail += "-1" if certified else "-0"
        before = batch.before
        made_rows = []
        for first, last, state, day, own in blocks:
            row = [*front, f"{last - first + 1:,}"]
            row += [f"{head}{before + first}-{before + last}{tail}", certified]
            if state != RETIRED:
                row += ["", "", "", ""]
            else:
                row += _words(own, day)
            made_rows.append(row)
        return made_rows

    def _words(own: int, day: int) -> list[str]:
        rare = own >> 25 & 63
        if odd and rare < _NO_WORDS + _NO_REASON:
            made.put("missing-reason")
            if rare < _NO_WORDS:
                return [manner[day], "", "", ""]
        name = beneficiaries[own >> 10 & 4095]
        year = 1998 + day // 365 - 1
        reason = "" if odd and rare < _NO_WORDS + _NO_REASON else _REASONS[own >> 31 & 15]
        text = note(own, name, year) if own & 1 else f"{accounts[own & 1023]}, {name}"
        return [manner[day], name, reason, text]

    return rows


KINDS: Final = (
    Kind(
        name="verra transactions",
        title="verra transactions",
        shape=_SHAPE,
        header=(
            *("Issuance Date", "Sustainable Development Goals", "Vintage Start", "Vintage End"),
            *("ID", "Name", "Country/Area", "Project Type", "Methodology"),
            *("Total Vintage Quantity", "Quantity Issued", "Serial Number"),
            *("Additional Certifications", "Retirement/Cancellation Date"),
            *("Retirement Beneficiary", "Retirement Reason", "Retirement Details"),
        ),
        maker=_transactions,
        states=frozenset({batches.ACTIVE, RETIRED, batches.CANCELLED}),
        texts=("Name", "Retirement Beneficiary", "Retirement Details"),
        rates={
            "non-ascii": 0.3,  # 8 % in older exports
            "dash": 0.045,
            "double-space": 0.02,
            "curly-quotes": 0.02,
            "mojibake": 0.005,
            "outer-space": 0.005,
            "no-break-space": 0.01,
        },
    ),
)
