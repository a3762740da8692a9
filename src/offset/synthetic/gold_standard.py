"""Gold Standard's credits, as its two searches give them: the issued ones and the others.

Planned credits (`PER`) and the United Nations' (`CER`) stand among its own (`VER`); the serial
numbers of CERs were typed by hand, and on some rows they are not the quantity.
"""

from collections.abc import Sequence
from typing import Final

from offset.synthetic import days, sizes
from offset.synthetic.batches import ACTIVE, CANCELLED, RETIRED, Batch, Block, Shape
from offset.synthetic.days import CLOCK
from offset.synthetic.kinds import Kind, Maker, Setting, note

_SHAPE: Final = Shape(
    registry="gold-standard",
    blocks=sizes.GOLD_STANDARD_RETIREMENTS,
    issuances=sizes.GOLD_STANDARD_ISSUANCES,
    rows=sizes.ACR_ROWS,
    cancelled=0.02,
    retired=0.6,
    planned=0.09,
)
_TYPES: Final = (
    ("12", "Wind", "ACM0002 Grid-connected electricity generation", "wind power"),
    ("16", "Energy Efficiency - Domestic", "GS TPDDTEC v3.1", "efficient cookstoves"),
    ("14", "Small, Low - Impact Hydro", "AMS-I.D.", "run of river hydropower"),
    ("4", "Biogas - Heat", "AMS-I.E.", "household biogas"),
)
_HEADER: Final = (
    *("Vintage", "Credit Status", "Quantity", "GSID", "Project Name", "Project Developer"),
    *("Country", "Product Type", "Project Type", "Methodology", "Programme of Activities"),
    *("POA GSID", "Issuance Date", "Monitoring Period Start", "Monitoring Period End"),
    *("Serial Number", "Label", "Article Six Authorization"),
)
_ENDS: Final = ("Retirement Date", "Note", "Aeroplane Operator Name", "Use Case", "Using Entity")
_STATUS: Final = {ACTIVE: "Issued", RETIRED: "Retired", CANCELLED: "Canceled"}
_CERS: Final = 52  # of 256 batches
_NATIVE_MISMATCH: Final = 10  # of 65,536 rows
_CER_MISMATCH: Final = 1_966  # 3 %
_BARE: Final = 401  # of 65,536 rows of CERs: 10 of 1,633


def _credits(made: Setting) -> Maker:
    iso = days.written("iso")

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project, bits = batch.project, batch.bits
        code, kind, methodology, what = _TYPES[project.bits & 3]
        place, gsid = project.place, str(project.number)
        of_cdm = not batch.planned and batch.number > _SHAPE.first_batch and bits & 255 < _CERS
        product = "PER" if batch.planned else "CER" if of_cdm else "VER"
        issued = iso[batch.issued]
        if not made.other_manner:
            issued = f"{issued}T{CLOCK[bits >> 8 & 511]}.{bits >> 17 & 0xFFFFF:06}"[:26]
        name = f"{project.name} {what} in {place.country}"
        after = [gsid, name, project.developer, place.country, product, kind, methodology]
        after += ["VPA", str(project.bits >> 8 & 4095)] if project.bits & 16 else ["", ""]
        after += [issued, iso[batch.start], iso[batch.end]]
        head = f"GS1-1-{place.code}-GS{gsid}-{code}-{batch.year}-{batch.number}-"
        year = str(batch.year)
        made_rows = []
        # The United Nations' numbers run on across batches.
        before = batch.before if of_cdm else 0
        for start, end, state, _, own in blocks:
            first, last, quantity = before + start, before + end, end - start + 1
            if of_cdm:
                tail = f"{1 + (bits >> 40 & 1)}"
                tail = f"-{tail}-{tail}-0-{project.bits & 8191 or 1}"
                serial = f"{place.code}-5-{first}{tail} - {place.code}-5-{last}{tail}"
            else:
                serial = f"{head}{first}-{last}"
            if made.odd:
                serial, quantity = _typed(made, serial, first, last, quantity, own, of_cdm=of_cdm)
            made_rows.append(
                [year, _STATUS[state], str(quantity), *after, serial, "Emission Reduction", ""]
            )
        return made_rows

    return rows


def _typed(
    made: Setting, serial: str, first: int, last: int, quantity: int, bits: int, *, of_cdm: bool
) -> tuple[str, int]:
    """Write a serial number and its quantity as somebody typed them."""
    rare = bits >> 24 & 0xFFFF
    if rare < (_CER_MISMATCH if of_cdm else _NATIVE_MISMATCH):
        made.put("quantity-mismatch", "quantity-mismatch")
        return serial, quantity + 1 + (bits & 3)
    if not of_cdm:
        return serial, quantity
    if rare < _CER_MISMATCH + _BARE:
        made.put("bare-serial", "serial-malformed")
        return f"{first} - {last}", quantity
    spelling = bits >> 8 & 31
    if spelling < 2:
        made.put("serial-mojibake")
        return serial.replace("-5-", " â€“ 5 - ", 2), quantity
    if spelling < 4:
        made.put("serial-no-break-space")
        # The space was misread when a later edition was made.
        return serial.replace(" ", "Â\xa0" if made.edition > 1 else "\xa0"), quantity
    if spelling == 4:
        made.put("serial-to")
        return serial.replace(" - ", " to "), quantity
    if spelling == 5:
        made.put("serial-spaces")
        return f" {serial.replace('-0-', '-0- ')} ", quantity
    return serial, quantity


def _retirements(made: Setting) -> Maker:
    credit_rows = _credits(made)
    iso = days.written("iso")
    beneficiaries = made.beneficiaries

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        made_rows = credit_rows(batch, blocks)
        for row, (_, _, state, day, own) in zip(made_rows, blocks, strict=True):
            if state != RETIRED:
                row += ["", "", "", "", ""]
                continue
            rare = own >> 25 & 63
            when = "" if rare < 4 else iso[day]  # 6 % have no date
            if when and made.other_manner:
                when += "T00:00:00"
            name = beneficiaries[own >> 10 & 4095]
            text = "" if rare >= 50 else note(own, name, 1998 + day // 365 - 1)
            row += [when, text, "", "Voluntary", "" if own & 1 else name]
        return made_rows

    return rows


KINDS: Final = (
    Kind(
        name="gold-standard issuances",
        title="gold-standard credits",
        shape=_SHAPE,
        header=_HEADER,
        maker=_credits,
        states=frozenset({ACTIVE}),
        texts=("Project Developer", "Project Name"),
        rates={
            "non-ascii": 0.07,
            "double-space": 0.026,
            "curly-quotes": 0.012,
            "mojibake": 0.05,
            "outer-space": 0.012,
            "no-break-space": 0.01,
        },
    ),
    Kind(
        name="gold-standard retirements",
        title="gold-standard credits",
        shape=_SHAPE,
        header=(*_HEADER, *_ENDS),
        maker=_retirements,
        states=frozenset({RETIRED, CANCELLED}),
        texts=("Project Name", "Using Entity", "Note"),
        rates={
            "outer-space": 0.4,
            "newline": 0.05,
            "non-ascii": 0.2,
            "dash": 0.05,
            "double-space": 0.04,
            "curly-quotes": 0.03,
        },
    ),
)
