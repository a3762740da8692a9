"""Rows of registries' exports that are right, and their serial numbers, for tests to spoil.

Every project, account and serial number is made up.
"""

from collections.abc import Mapping
from typing import Final

Cells = Mapping[str, str]


def vcu(first: int, last: int, *, project: int = 9001, batch: int = 9019) -> str:
    return f"{batch}-{first}-{last}-VCS-VCU-901-VER-IN-1-{project}-01012019-31122019-0"


def gold(first: int, last: int, *, batch: int = 9001) -> str:
    return f"GS1-1-IN-GS9001-16-2019-{batch}-{first}-{last}"


def acr(first: int, last: int, *, vintage: int = 2019, batch: int = 9001) -> str:
    return f"ACR-US-901-{vintage}-{batch}-{first} to {last}"


def car(first: int, last: int, *, developer: int = 901) -> str:
    return f"CAR-1-US-901-4-{developer}-AL-2019-9001-{first} to {last}"


def art(first: int, last: int) -> str:
    return f"ART-GY-901-2021-9011-{first} to {last}"


VERRA: Final[Cells] = {
    "Issuance Date": "2021-02-13",
    "Vintage Start": "2019-01-01",
    "Vintage End": "2019-12-31",
    "ID": "9001",
    "Name": "Forest of Ida",
    "Country/Area": "India",
    "Methodology": "VM0009",
    "Quantity Issued": "100",
    "Serial Number": vcu(1, 100),
    "Additional Certifications": "",
    "Retirement/Cancellation Date": "",
    "Retirement Beneficiary": "",
    "Retirement Reason": "",
    "Retirement Details": "",
}
VERRA_HELD: Final[Cells] = {
    "Vintage": "2019",
    "Project ID": "9001",
    "Project Name": "Forest of Ida",
    "Quantity of Credits": "100",
    "Serial Number": vcu(1, 100),
    "Sub-Account Name": "Acme",
}
GOLD: Final[Cells] = {
    "Vintage": "2019",
    "Credit Status": "Issued",
    "Quantity": "100",
    "GSID": "9001",
    "Project Name": "Stoves of Ida",
    "Country": "India",
    "Product Type": "VER",
    "Issuance Date": "2021-02-13",
    "Retirement Date": "",
    "Serial Number": gold(1, 100),
}
ACR_ISSUED: Final[Cells] = {
    "Project ID": "ACR901",
    "Project Name": "Woods of Ida",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Date Issued (GMT)": "2021-02-13",
    "Total Credits Issued": "100",
}
ACR_RETIRED: Final[Cells] = {
    "Project ID": "ACR901",
    "Project Name": "Woods of Ida",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Date Issued (GMT)": "2021-02-13",
    "Quantity of Credits": "100",
    "Credit Serial Numbers": acr(1, 100),
    "Status Effective (GMT)": "2022-03-14",
    "Account Holder": "",
    "Retired on Behalf of": "",
    "Retirement Reason": "Environmental Benefit",
    "Retirement Reason Details": "",
    "ARB Eligible": "No",
}
ACR_CANCELLED: Final[Cells] = {
    "Project ID": "ACR901",
    "Project Name": "Woods of Ida",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Quantity of Credits": "100",
    "Credit Serial Numbers": acr(1, 100),
    "Status Effective (GMT)": "2022-03-14",
    "Cancellation Type": "Convert to ARB Offset Credits",
    "Cancellation Details": "",
}
CAR_ISSUED: Final[Cells] = {
    "Project ID": "CAR901",
    "Project Name": "Digester of Ida",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Date Issued": "2021-02-13",
    "Total Offset Credits Issued": "100",
    "Canceled for ARB Compliance": "0",
    "Canceled": "0",
}
CAR_RETIRED: Final[Cells] = {
    "Project ID": "CAR901",
    "Project Name": "Digester of Ida",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Protocol Version": "Version 1.0",
    "Quantity of Offset Credits": "100",
    "Offset Credit Serial Numbers": car(1, 100),
    "Status Effective": "2022-03-14",
    "Account Holder": "",
    "Retirement Reason": "Other",
    "CORSIA Eligible": "No",
}
CAR_CANCELLED: Final[Cells] = {
    "Project ID": "CAR901",
    "Project Name": "Digester of Ida",
    "Project Site Country": "US",
    "Vintage": "2019",
    "Quantity of Offset Credits": "100",
    "Offset Credit Serial Numbers": car(1, 100),
    "Status Effective": "2022-03-14",
    "Cancellation Reason": "ARB",
    "Export Notes": "",
}
ART_ISSUED: Final[Cells] = {
    "Date Approved": "2021-12-21",
    "Program ID": "ART901",
    "Program Name": "Selva Alta",
    "Program Country": "GUYANA",
    "Vintage": "2021",
    "Total Emission Reductions/Removals": "100",
    "Credits Verified": "90",
}
ART_RETIRED: Final[Cells] = {
    "Program ID": "ART901",
    "Program Name": "Selva Alta",
    "Program Country": "GUYANA",
    "Vintage": "2021",
    "Credit Serial Numbers": art(1, 100),
    "Quantity of Credits": "100",
    "Status Effective": "2025-02-28",
    "Account Holder": "Kanga Trading",
    "Retirement Reason": "Other",
}
ART_CANCELLED: Final[Cells] = {
    **{name: text for name, text in ART_RETIRED.items() if name != "Retirement Reason"},
    "Cancellation Reason": "CORSIA Compliance",
}
CERCARBONO_ISSUED: Final[Cells] = {
    "serial": "CDC_901_1_1_321_14_1",
    "issued_quantity": "100",
    "issuance_date": "2019-03-07T18:33:46.000Z",
    "year": "2015",
    "vintage_of_credits": "2010-01-01 / 2018-09-30",
}
CERCARBONO_RETIRED: Final[Cells] = {
    "project_name": "Carbono Sombra",
    "project_id": "901",
    "serial": "CDC_901_1_1_321_14_1",
    "vintage": "2015",
    "certificate_destination": "Voluntary compensation",
    "end_user": "",
    "date": "2022-02-24 20:20:59",
    "quantity": "10",
    "from": "0",
    "to": "9",
}
ISOMETRIC_ISSUED: Final[Cells] = {
    "id": "iss_1AAAAAAAA1S0AAAA",
    "issued_at": "2026-04-14T16:50:41.621676Z",
    "project_id": "prj_1AAAAAAAA1S0AAAA",
    "supplier_credit_batch_size_total.credit_kgs": "6242",
    "credit_batch_size_total.credits": "6.37",
    "credit_batch_size_total.credit_kgs": "6370",
}
ISOMETRIC_RETIRED: Final[Cells] = {
    "retirement_id": "ret_1AAAAAAAA1S0AAAA",
    "retired_at": "2026-04-15T18:21:22.047712Z",
    "project_id": "prj_1AAAAAAAA1S0AAAA",
    "sequestered_on": "2025-11-30",
    "credit_batch_size_total.credits": "0.019",
    "credit_batch_size_total.credit_kgs": "19",
    "beneficiary.name": "",
    "owner.name": "",
    "notes": "",
}
ARB: Final[Cells] = {
    "CARB Project ID": "CAFR9037",
    "Reporting Period Start Date": "2018-09-26",
    "Reporting Period End Date": "2019-09-25",
    "Vintage": "2019",
    "ARB Offset Credits Issued": "100",
    "Issuance Date": "2020-06-11",
    "Offset Project Name": "Cedar Bend Forest",
    "CARB Issuance ID": "CAFR9037-A",
    "Invalidated or Canceled": "0",
    "Buffer Pool Retired": "0",
    "Retired 1st Compliance Period (CA)": "0",
    "Retired Voluntarily": "0",
}
