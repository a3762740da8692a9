"""The files of ACR and of the Climate Action Reserve, which ran on one system until 2026.

Issuances have no serial numbers; retirements and cancellations do. "Cancelled" mostly means that
a compliance market issued the same credits again. Each line ends with a comma: a last column
without a name.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from offset.synthetic import days, sizes, words
from offset.synthetic.batches import CANCELLED, RETIRED, Batch, Block, Project, Shape
from offset.synthetic.days import TWELVE_HOURS
from offset.synthetic.kinds import Kind, Maker, Setting, note

_ACR: Final = Shape(
    registry="acr",
    blocks=sizes.ACR_RETIREMENTS,
    issuances=sizes.ACR_ISSUANCES,
    rows=sizes.ACR_ROWS,
    cancelled=0.38,
    retired=0.42,
    places=words.STATES,
)
_CAR: Final = Shape(
    registry="car",
    blocks=sizes.CAR_RETIREMENTS,
    issuances=sizes.CAR_ISSUANCES,
    rows=sizes.CAR_ROWS,
    cancelled=0.4,
    retired=0.5,
    places=(*words.STATES, *words.MEXICO),
)
_REASONS: Final = (
    *("On Behalf of Third Party",) * 9,
    *("Environmental Benefit",) * 3,
    *("Retail Program Requirements",) * 2,
    "Other",
    "Compliance Requirements",
)
_RATES: Final[Mapping[str, float]] = {
    "non-ascii": 0.03,
    "double-space": 0.01,
    "dash": 0.005,
    "curly-quotes": 0.005,
    "no-break-space": 0.001,
    "outer-space": 0.001,
}
_CAR_RATES: Final[Mapping[str, float]] = {
    "non-ascii": 0.05,
    "double-space": 0.036,
    "dash": 0.011,
    "curly-quotes": 0.008,
    "outer-space": 0.001,
    "html-entity": 0.0045,
}

_ACR_TYPES: Final = (
    ("Ozone Depleting Substances", "Destruction of Ozone Depleting Substances", "Version 1.0"),
    ("Forest Carbon", "Improved Forest Management on Non-Federal Forestlands", "Version 2.0"),
    ("Coal Mine Methane", "Capturing and Destroying Methane from Coal Mines", "Version 1.1"),
    ("Landfill Gas Capture & Combustion", "Landfill Gas Destruction", "Version 1.0"),
)
_GOALS: Final = ("", "13: Climate Action", "13: Climate Action;15: Life on Land", "")


def _acr_project(project: Project) -> tuple[list[str], list[str]]:
    """Give a project's id, name, type and methodology; and its site."""
    kind, methodology, version = _ACR_TYPES[project.bits & 3]
    name = f"{project.name} {kind} Project"
    place = project.place
    return (
        [f"ACR{project.number}", name, kind, methodology, version],
        [project.name, place.state, place.code],
    )


def _acr_issuances(made: Setting) -> Maker:
    padded, plain = days.written("mm/dd/yyyy"), days.written("m/d/yyyy")

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        credit, site = _acr_project(project)
        bits, quantity = batch.bits, batch.quantity
        buffer = quantity // 6 if project.bits & 3 == 1 else 0
        issued = f"{plain[batch.issued]} {TWELVE_HOURS[bits & 511]}"
        row = [padded[batch.issued] if made.other_manner else issued, str(batch.year)]
        row += [plain[batch.start], plain[batch.end], str(quantity), str(quantity - buffer)]
        row += [str(buffer), "0", project.developer, *credit, "Sample Verification Inc.", *site]
        converted = len(blocks) == 1 and blocks[0][2] == CANCELLED
        row += ["Yes" if converted else "No", "No", "", "", "", _GOALS[bits >> 9 & 3]]
        return [[*row, "", "View", ""]]

    return rows


def _acr_credit(made: Setting) -> tuple[Maker, Sequence[str]]:
    """Give the columns that ACR's retirements and cancellations share, and how days are written."""
    padded, plain = days.written("mm/dd/yyyy"), days.written("m/d/yyyy")
    accounts = made.accounts

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        issued = f"{plain[batch.issued]} {TWELVE_HOURS[batch.bits & 511]}"
        issued = padded[batch.issued] if made.other_manner else issued
        middle = [issued, str(batch.year), plain[batch.start], plain[batch.end]]
        head = f"ACR-{project.place.code}-{project.number}-{batch.year}-{batch.number}-"
        return [
            [
                f"{head}{first} to {last}",
                *middle,
                str(last - first + 1),
                accounts[own & 1023],
                padded[day]
                if made.other_manner
                else f"{plain[day]} {TWELVE_HOURS[own >> 31 & 511]}",
            ]
            for first, last, _, day, own in blocks
        ]

    return rows, plain


def _acr_retirements(made: Setting) -> Maker:
    credit_rows, _ = _acr_credit(made)
    beneficiaries = made.beneficiaries

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        credit, site = _acr_project(project)
        last = [*credit, *site, "No", "No", "No", "", "", "", "", _GOALS[project.bits >> 4 & 3]]
        last += ["", "View", str(project.bits & 7), str(project.number), ""]
        made_rows = credit_rows(batch, blocks)
        for row, (_, _, _, day, own) in zip(made_rows, blocks, strict=True):
            name = beneficiaries[own >> 10 & 4095]
            reason = _REASONS[own >> 25 & 15]
            if made.odd and own >> 22 & 2047 == 0:
                made.put("missing-reason")
                reason = ""
            row += [name, reason, note(own, name, 1998 + day // 365 - 1), *last]
        return made_rows

    return rows


def _acr_cancellations(made: Setting) -> Maker:
    credit_rows, _ = _acr_credit(made)

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        credit, site = _acr_project(project)
        made_rows = credit_rows(batch, blocks)
        for row, block in zip(made_rows, blocks, strict=True):
            rare = block[4] >> 25 & 63
            kind = "Convert to ARB offset credits"
            if rare < 10:
                kind = "Convert to Ecology offset credits"
            elif rare < 18:
                kind = "Removal of credits from the registry"
            row += [kind, *credit, *site, "Yes", "No", "No", "", "View"]
            row += ["Converted" if rare & 1 else "", str(project.number), ""]
        return made_rows

    return rows


_CAR_TYPES: Final = (
    ("4", "Landfill Gas Capture/Combustion", "Reduction", "Version 6.0"),
    ("5", "Livestock Gas Capture/Combustion", "Reduction", "Version 4.0"),
    ("25", "Improved Forest Management", "Removal", "Version 3.3"),
    ("42", "Forestry - MX", "Removal", "Version 3.0"),
)


def _car_project(project: Project) -> tuple[list[str], list[str]]:
    """Give a project's id, name, type and protocol; and its site."""
    place = project.place
    _, kind, removal, version = _CAR_TYPES[3 if place.code == "MX" else project.bits % 3]
    name = f"{project.name} {kind} Project"
    return (
        [f"CAR{project.number}", name, kind, removal, "", f"{kind} - {version}"],
        [project.name, place.state, place.code],
    )


def _car_issuances(made: Setting) -> Maker:
    manner = days.written("m/d/yy" if made.other_manner else "mm/dd/yyyy")

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project, quantity = batch.project, batch.quantity
        credit, site = _car_project(project)
        cancelled = sum(
            last - first + 1 for first, last, state, _, _ in blocks if state == CANCELLED
        )
        ecology = project.bits >> 8 & 7 == 0
        row = [manner[batch.issued], credit[0], "", credit[1], project.developer]
        row += [project.developer, *credit[2:]]
        row += ["No" if ecology else "Yes", "Yes" if ecology else "No", "", "", "No", "", ""]
        row += [str(batch.year), str(quantity), "", "", "", "", str(cancelled or ""), ""]
        row += [*site, "", "", "Sample Verification Inc.", "", "View", ""]
        return [row]

    return rows


def _car_credit(made: Setting) -> Maker:
    """Make the columns that CAR's retirements and cancellations share."""
    manner = days.written("m/d/yy" if made.other_manner else "mm/dd/yyyy")

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        place = project.place
        credit, site = _car_project(project)
        protocol = _CAR_TYPES[3 if place.code == "MX" else project.bits % 3][0]
        developer = project.developer_code
        if project.moved_in and made.edition >= project.moved_in:
            developer += 1_000  # another developer's code, in the serials of all its credits
        kind = "ROC" if blocks and blocks[0][2] == CANCELLED else "1"
        head = f"CAR-{kind}-{place.code}-{project.number}-{protocol}-{developer}"
        head += f"-{place.state_code}-{batch.year}-{batch.number}-"
        year = str(batch.year)
        return [
            [
                year,
                f"{head}{first} to {last}",
                str(last - first + 1),
                manner[day],
                *credit,
                *site,
            ]
            for first, last, _, day, _ in blocks
        ]

    return rows


def _car_retirements(made: Setting) -> Maker:
    credit_rows = _car_credit(made)
    accounts, beneficiaries = made.accounts, made.beneficiaries

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        made_rows = credit_rows(batch, blocks)
        for row, (_, _, _, day, own) in zip(made_rows, blocks, strict=True):
            row += ["", "", "", "", "No", "", accounts[own & 1023], _REASONS[own >> 25 & 15]]
            if own >> 29 & 63 < 12:  # 19 % have no details
                row += ["", ""]
            else:
                name = beneficiaries[own >> 10 & 4095]
                row += [note(own, name, 1998 + day // 365 - 1), ""]
        return made_rows

    return rows


def _car_cancellations(made: Setting) -> Maker:
    credit_rows = _car_credit(made)

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        target = "WA ECO" if batch.project.bits >> 8 & 7 == 0 else "ARB"
        made_rows = credit_rows(batch, blocks)
        for row in made_rows:
            row += ["", target, "", ""]
        return made_rows

    return rows


_SITE: Final = ("Project Site Location", "Project Site State", "Project Site Country")
_CORSIA: Final = (
    "Eligible for CORSIA 2021-2023 Compliance Period",
    "Eligible for CORSIA 2024-2026 Compliance Period",
)
_PHASES: Final = (f"{_CORSIA[0]} (Pilot Phase)", f"{_CORSIA[1]} (First Phase)")
_ACR_PROJECT: Final = (
    *("Project ID", "Project Name", "Project Type"),
    *("Project Methodology/Protocol", "Methodology/Protocol Version"),
)
_ACR_CREDIT: Final = (
    *("Credit Serial Numbers", "Date Issued (GMT)", "Vintage"),
    *("Vintage Assignment Period Start Date", "Vintage Assignment Period End Date"),
    *("Quantity of Credits", "Account Holder"),
)
_CAR_PROJECT: Final = (
    *("Project ID", "Project Name", "Project Type", "Reduction/Removal"),
    *("Reversible/Non-Reversible", "Protocol and Version"),
)
_CAR_CREDIT: Final = (
    *("Vintage", "Offset Credit Serial Numbers", "Quantity of Offset Credits", "Status Effective"),
    *_CAR_PROJECT,
    *_SITE,
)

KINDS: Final = (
    Kind(
        name="acr issuances",
        title="acr issuances",
        shape=_ACR,
        header=(
            *("Date Issued (GMT)", "Vintage", "ReportingPeriodBegin", "ReportingPeriodEnd"),
            *("Total Credits Issued", "Credits Issued to Project"),
            *("Credits Issued to Buffer Pool", "Credits Transferred to Buffer Pool"),
            *("Project Developer", *_ACR_PROJECT, "Project VVB", *_SITE),
            *("ARB Eligible", "Ecology Eligible", "CCP Approved"),
            *("Project Crediting Period Start Date", "Verified Removal"),
            *("Sustainable Development Goal(s)", "Project Website", "Documents", ""),
        ),
        maker=_acr_issuances,
        texts=("Project Developer", "Project Name"),
        rates=_RATES,
    ),
    Kind(
        name="acr retirements",
        title="acr retirements",
        shape=_ACR,
        header=(
            *(*_ACR_CREDIT, "Status Effective (GMT)"),
            *("Retired on Behalf of", "Retirement Reason", "Purpose of Retirement"),
            *(*_ACR_PROJECT, *_SITE, "ARB Eligible", "Ecology Eligible", "CORSIA Eligible"),
            *(*_PHASES, "CCP Approved", "Verified Removal", "Sustainable Development Goal(s)"),
            *("Project Website", "Documents", "Numberoffiles", "fiid", ""),
        ),
        maker=_acr_retirements,
        states=frozenset({RETIRED}),
        texts=("Project Name", "Retired on Behalf of", "Purpose of Retirement"),
        rates=_RATES,
    ),
    Kind(
        name="acr cancellations",
        title="acr cancellations",
        shape=_ACR,
        header=(
            *(*_ACR_CREDIT, "Status Effective  (GMT)", "Cancellation Type"),
            *(*_ACR_PROJECT, *_SITE, "ARB Eligible", "Ecology Eligible", "CORSIA Eligible"),
            *("Project Website", "Documents", "Cancellation Details", "fiid", ""),
        ),
        maker=_acr_cancellations,
        states=frozenset({CANCELLED}),
        texts=("Account Holder", "Project Name"),
        rates=_RATES,
    ),
    Kind(
        name="car issuances",
        title="car issuances",
        shape=_CAR,
        header=(
            *("Date Issued", "Project ID", "Cooperative/ Aggregate ID", "Project Name"),
            *("Project Developer", "Project Owner", *_CAR_PROJECT[2:]),
            *("ARB Eligible", "WA ECO Eligible", *_CORSIA, "Corresponding Adjustment"),
            *("CCP Approved", "Crediting Period", "Vintage", "Total Offset Credits Issued"),
            *("Zero-Credit Reporting Period", "Offset Credits Currently in Reserve Buffer Pool"),
            "Offset Credits Intended for Compliance Buffer Pool",
            *("Offset Credits Converted to VCUs", "Canceled for Compliance", "Canceled", *_SITE),
            *("Activity Area Type", "Additional Certification(s)", "Verification Body"),
            *("Project Website", "Documents", ""),
        ),
        maker=_car_issuances,
        texts=("Project Developer", "Project Name"),
        rates=_CAR_RATES,
        encoding="cp1252",
    ),
    Kind(
        name="car retirements",
        title="car retirements",
        shape=_CAR,
        header=(
            *(*_CAR_CREDIT, "Activity Area Type", "Additional Certification(s)", *_CORSIA),
            *("Corresponding Adjustment", "CCP Approved", "Account Holder"),
            *("Retirement Reason", "Retirement Reason Details", ""),
        ),
        maker=_car_retirements,
        states=frozenset({RETIRED}),
        texts=("Project Name", "Account Holder", "Retirement Reason Details"),
        rates={**_CAR_RATES, "misquoted": 0.0012},
        encoding="cp1252",
    ),
    Kind(
        name="car cancellations",
        title="car cancellations",
        shape=_CAR,
        header=(
            *(*_CAR_CREDIT, "Additional Certification(s)"),
            *("Cancellation Reason", "Export Notes", ""),
        ),
        maker=_car_cancellations,
        states=frozenset({CANCELLED}),
        texts=("Project Site Location", "Project Name"),
        rates=_CAR_RATES,
        encoding="cp1252",
    ),
)
