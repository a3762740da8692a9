"""The files of the smaller registries: ART, Cercarbono, Isometric and California's ARB."""

from collections.abc import Mapping, Sequence
from typing import Final

from offset.synthetic import days, sizes, words
from offset.synthetic.batches import CANCELLED, RETIRED, Batch, Block, Project, Shape
from offset.synthetic.days import CLOCK, TWELVE_HOURS
from offset.synthetic.kinds import Kind, Maker, Setting, note

_RATES: Final[Mapping[str, float]] = {
    "non-ascii": 0.08,
    "double-space": 0.02,
    "dash": 0.02,
    "curly-quotes": 0.01,
    "outer-space": 0.01,
    "no-break-space": 0.01,
}
_ART: Final = Shape(
    registry="art",
    blocks=sizes.ART_RETIREMENTS,
    issuances=sizes.ART_ISSUANCES,
    cancelled=0.2,
    retired=0.6,
    repeats=0.05,
    places=words.JURISDICTIONS,
    first_batch=101,
)
_STANDARDS: Final = {
    "ART": ("ART - The REDD+ Environmental Excellence Standard (TREES)", "Version 2.0"),
    "FCPF": ("FCPF - Carbon Fund Methodological Framework", "Version 1.0"),
}


def _art_program(project: Project) -> str:
    return "FCPF" if project.bits & 3 == 0 else "ART"


def _art_issuances(made: Setting) -> Maker:
    manner = days.written("m/d/yyyy" if made.other_manner else "mm/dd/yyyy")

    def rows(batch: Batch, _blocks: Sequence[Block]) -> list[list[str]]:
        project, quantity = batch.project, batch.quantity
        standard, version = _STANDARDS[_art_program(project)]
        buffer = quantity // 18
        row = [manner[batch.issued], f"ART{project.number}", f"{project.name} Program"]
        row += [f"Forestry Commission of {project.name}", standard, "Forest Carbon", version]
        row += [str(batch.year), str(quantity), str(buffer), str(quantity - buffer), ""]
        row += [project.name, project.place.country, "Yes", "", "", "View", str(project.number)]
        return [[*row, ""]]

    return rows


def _art_ends(made: Setting) -> Maker:
    manner = days.written("m/d/yyyy" if made.other_manner else "mm/dd/yyyy")
    plain = days.written("m/d/yyyy")
    accounts, beneficiaries = made.accounts, made.beneficiaries

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        program = _art_program(project)
        standard, version = _STANDARDS[program]
        head = f"{program}-{project.place.code}-{project.number}-{batch.year}-{batch.number}-"
        approved = f"{plain[batch.issued]} {TWELVE_HOURS[batch.bits & 511]}"
        made_rows = []
        for first, last, state, day, own in blocks:
            row = [str(batch.year), f"{head}{first} to {last}", str(last - first + 1)]
            row += [manner[day], "", "", "", f"ART{project.number}", f"{project.name} Program"]
            row += ["Forest Carbon", standard, version, project.name, project.place.country]
            row += [approved, accounts[own & 1023]]
            name = beneficiaries[own >> 10 & 4095]
            if state == RETIRED:
                row += [name, "Contribution Towards Corporate Climate Pledge"]
                row += [note(own, name, 1998 + day // 365 - 1)]
            else:
                row += ["CORSIA Compliance", f"{name}, PHASE 1"]
            made_rows.append([*row, ""])
        return made_rows

    return rows


_ART_PROGRAM: Final = (
    *("Vintage", "Credit Serial Numbers", "Quantity of Credits", "Status Effective"),
    "Eligible for CORSIA 2021-2023 Compliance Period (Pilot Phase)",
    "Eligible for CORSIA 2024-2026 Compliance Period (First Phase)",
    *("CCP Approved", "Program ID", "Program Name", "Program Type"),
    *("Crediting Program and Standard", "Standard Version", "Program Jurisdiction(s)"),
    *("Program  Country", "Date Approved", "Account Holder"),
)

_CERCARBONO: Final = Shape(
    registry="cercarbono",
    blocks=sizes.CERCARBONO_RETIREMENTS,
    issuances=sizes.CERCARBONO_ISSUANCES,
    retired=0.8,
    places=words.COLOMBIA,
)


def _cdc(batch: Batch) -> str:
    return f"CDC_{batch.project.number}_1_1_321_14_{batch.ordinal}_{batch.year}"


def _cercarbono_issuances(_made: Setting) -> Maker:
    iso = days.written("iso")

    def rows(batch: Batch, _blocks: Sequence[Block]) -> list[list[str]]:
        issued = f"{iso[batch.issued]}T{CLOCK[batch.bits & 511]}.000Z"
        row = [str(batch.ordinal), _cdc(batch), str(batch.quantity), issued, str(batch.year)]
        row += ["False", f"{batch.year}-01-01 / {batch.year}-12-31", "[]"]
        return [[*row, "[{'description': 'Voluntary compensation', 'code': 'CV'}]"]]

    return rows


def _cercarbono_retirements(made: Setting) -> Maker:
    iso = days.written("iso")
    beneficiaries = made.beneficiaries

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project = batch.project
        front = [f"Carbono {project.name}", str(project.number), _cdc(batch), str(batch.year)]
        made_rows = []
        for first, last, _, day, own in blocks:
            name = beneficiaries[own >> 10 & 4095]
            clock = CLOCK[own >> 31 & 511]
            when = f"{iso[day]}T{clock}.000Z" if made.other_manner else f"{iso[day]} {clock}"
            if own & 3:
                words_of_end = ["Colombian Carbon Tax", "Not public", name]
            else:
                words_of_end = ["Voluntary compensation", name, ""]
            row = [*front, *words_of_end, when, str(last - first + 1)]
            made_rows.append([*row, "", str(first), str(last), "Not defined"])
        return made_rows

    return rows


# In kilograms.
_ISOMETRIC: Final = Shape(
    registry="isometric",
    blocks=sizes.ISOMETRIC_RETIREMENTS_KG,
    issuances=sizes.ISOMETRIC_ISSUANCES_KG,
    retired=0.8,
    first_years=(2022, 2024),
)
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [one + other for one in _DIGITS for other in _DIGITS]


def _identity(kind: str, number: int) -> str:
    """Write a number below 2**40 as an id that looks drawn; no two numbers give one id."""
    mixed = number * 0x9E3779B97F4B & 0xFFFFFFFFFF
    front = _PAIRS[mixed >> 30] + _PAIRS[mixed >> 20 & 1023]
    return f"{kind}_1K{front}1S0{_PAIRS[mixed >> 10 & 1023]}{_PAIRS[mixed & 1023]}AAAA"[:20]


def _mass(quantity_kg: int) -> list[str]:
    """Give a quantity in credits and in kilograms."""
    tonnes, rest = divmod(quantity_kg, 1_000)
    return [f"{tonnes}.{f'{rest:03}'.rstrip('0') or '0'}", str(quantity_kg)]


def _isometric_issuances(_made: Setting) -> Maker:
    iso = days.written("iso")

    def rows(batch: Batch, _blocks: Sequence[Block]) -> list[list[str]]:
        project, bits, quantity_kg = batch.project, batch.bits, batch.quantity
        issued = f"{iso[batch.issued]}T{CLOCK[bits & 511]}.{bits >> 9 & 0x7FFFF:06}Z"
        row = [_identity("iss", batch.before), issued, _identity("prj", project.number)]
        row += [f"{project.developer} removes carbon dioxide and stores it", project.developer]
        buffer_kg = quantity_kg // 50
        return [[*row, *_mass(quantity_kg - buffer_kg), *_mass(buffer_kg), *_mass(quantity_kg)]]

    return rows


def _isometric_retirements(made: Setting) -> Maker:
    iso = days.written("iso")
    accounts, beneficiaries = made.accounts, made.beneficiaries

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project, removed = _identity("prj", batch.project.number), iso[batch.start]
        made_rows = []
        for first, last, _, day, own in blocks:
            when = iso[day] if made.other_manner else f"{iso[day]}T{CLOCK[own >> 31 & 511]}.047712Z"
            name = beneficiaries[own >> 10 & 4095]
            row = [_identity("ret", batch.before + first), when, "['corporate_targets']"]
            row += [note(own, name, 1998 + day // 365 - 1), name, accounts[own & 1023]]
            made_rows.append([*row, *_mass(last - first + 1), project, removed])
        return made_rows

    return rows


_ARB: Final = Shape(
    registry="arb",
    blocks=sizes.ARB_RETIREMENTS,
    issuances=sizes.ARB_ISSUANCES,
    cancelled=0.02,
    retired=0.8,
    vanishing=0.0,  # its totals only grow
    places=words.STATES,
)
_ARB_TYPES: Final = (("FR", "Forest"), ("OD", "ODS"), ("LS", "Livestock"), ("MM", "MMC"))


def _arb_issuances(made: Setting) -> Maker:
    iso = days.written("iso")

    def rows(batch: Batch, blocks: Sequence[Block]) -> list[list[str]]:
        project, bits = batch.project, batch.bits
        code, kind = _ARB_TYPES[project.bits & 3]
        project_id = f"CA{code}{project.number}"
        totals = [0] * 8
        for first, last, state, _, own in blocks:
            if state == RETIRED:
                totals[2 + own % 6] += last - first + 1
            elif state == CANCELLED:
                totals[0] += last - first + 1
        if made.odd and bits >> 25 & 2047 == 0:  # one of 1,918 rows, and here as many
            made.put("ended-exceeds-issued", "ended-exceeds-issued")
            totals[7] += batch.quantity + 1
        row = [project_id, f"ACR{project.number}", str(batch.ordinal), kind, "COP"]
        row += [iso[batch.start], iso[batch.end], f"{batch.year}.0", f"{batch.quantity}.0", ""]
        row += [iso[batch.issued], f"{project.name} {kind}", project.developer]
        row += [project.place.state_code, "–" if made.odd else ""]
        row += [f"{project_id}-{chr(64 + batch.ordinal)}"]
        return [[*row, *(f"{total}.0" for total in totals), ""]]

    return rows


_KILOGRAMS: Final = ("credit_batch_size_total.credits", "credit_batch_size_total.credit_kgs")

KINDS: Final = (
    Kind(
        name="art issuances",
        title="art issuances",
        shape=_ART,
        header=(
            *("Date Approved", "Program ID", "Program Name", "Sovereign Program Developer"),
            *("Crediting Program and Standard", "Program Type", "Standard Version", "Vintage"),
            *("Total Emission Reductions/Removals", "Credits Deposited in Buffer"),
            *("Credits Verified", "CCP Approved", "Program Jurisdiction(s)", "Program  Country"),
            *("CORSIA Eligible", "Verification Body", "Program Website", "Documents", "fiID", ""),
        ),
        maker=_art_issuances,
        texts=("Program Jurisdiction(s)", "Program Name"),
        rates=_RATES,
    ),
    Kind(
        name="art retirements",
        title="art retirements",
        shape=_ART,
        header=(
            *_ART_PROGRAM,
            *("Retired on Behalf of", "Retirement Reason", "Purpose of Retirement", ""),
        ),
        maker=_art_ends,
        states=frozenset({RETIRED}),
        texts=("Program Name", "Retired on Behalf of", "Purpose of Retirement"),
        rates=_RATES,
    ),
    Kind(
        name="art cancellations",
        title="art cancellations",
        shape=_ART,
        header=(*_ART_PROGRAM, "Cancellation Reason", "Cancellation Details", ""),
        maker=_art_ends,
        states=frozenset({CANCELLED}),
        texts=("Program Name", "Cancellation Details"),
        rates=_RATES,
    ),
    Kind(
        name="cercarbono issuances",
        title="cercarbono issuances",
        shape=_CERCARBONO,
        header=(
            *("verification", "serial", "issued_quantity", "issuance_date", "year", "is_buffer"),
            *("vintage_of_credits", "global_goals", "elegible"),
        ),
        maker=_cercarbono_issuances,
        texts=("elegible",),
        rates={},
    ),
    Kind(
        name="cercarbono retirements",
        title="cercarbono retirements",
        shape=_CERCARBONO,
        header=(
            *("project_name", "project_id", "serial", "vintage", "certificate_destination"),
            *("end_user", "passive_subject", "date", "quantity", "public_consult", "from", "to"),
            "industry",
        ),
        maker=_cercarbono_retirements,
        states=frozenset({RETIRED}),
        texts=("passive_subject", "project_name", "end_user"),
        rates=_RATES,
    ),
    Kind(
        name="isometric issuances",
        title="isometric issuances",
        shape=_ISOMETRIC,
        header=(
            *("id", "issued_at", "project_id", "supplier.short_description"),
            "supplier.organisation.name",
            *(f"supplier_{name}" for name in _KILOGRAMS),
            *(f"buffer_pool_{name}" for name in _KILOGRAMS),
            *_KILOGRAMS,
        ),
        maker=_isometric_issuances,
        texts=("supplier.organisation.name", "supplier.short_description"),
        rates=_RATES,
    ),
    Kind(
        name="isometric retirements",
        title="isometric retirements",
        shape=_ISOMETRIC,
        header=(
            *("retirement_id", "retired_at", "purposes", "notes", "beneficiary.name"),
            *("owner.name", *_KILOGRAMS, "project_id", "sequestered_on"),
        ),
        maker=_isometric_retirements,
        states=frozenset({RETIRED}),
        texts=("beneficiary.name", "owner.name", "notes"),
        rates=_RATES,
    ),
    Kind(
        name="arb issuances",
        title="arb issuances",
        shape=_ARB,
        header=(
            *("CARB Project ID", "OPR Project ID", "Reporting Period", "Project Type"),
            *("Early Action/ Compliance", "Reporting Period Start Date"),
            *("Reporting Period End Date", "Vintage", "ARB Offset Credits Issued"),
            *("Forest Buffer Account Contribution", "Issuance Date", "Offset Project Name"),
            *("Offset Project Operator", "State"),
            *("Section 95989(b) Documentation, if applicable", "CARB Issuance ID"),
            *("Invalidated or Canceled", "Buffer Pool Retired", "Retired Voluntarily"),
            *(f"Retired {period} Compliance Period (CA)" for period in ("1st", "2nd", "3rd")),
            *("Retired 4th Compliance Period (CA)", "Retired for Compliance in Quebec", "Comment"),
        ),
        maker=_arb_issuances,
        texts=("Offset Project Operator", "Offset Project Name"),
        rates=_RATES,
    ),
)
