"""Isometric: its issuances and retirements have ids, its credits no serial numbers.

`iss_`, `ret_` and `prj_` before 16 capitals and digits (`iss_1AAAAAAAA1S0AAAA`) name an issuance, a
retirement and a project. An id states neither numbers nor anything else, so there is nothing to
read: a record's serial is opaque, unique as text. Credits are counted in kilograms: of 200 rows of
public exports of 2026, all 100 issuances and 23 of the 100 retirements are of a fraction of a
tonne.
"""

from typing import Final

REGISTRY: Final = "isometric"
