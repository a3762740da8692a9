"""California's Air Resources Board (ARB): its issuances have ids, its credits no public serials.

`CAOD9007-A` is the first issuance to the project CAOD9007: `OD` is for ozone depleting substances,
`FR` for forests, `LS` for livestock, `MM` for mine methane; the last letter goes on with each
issuance. An id states no numbers, so a record's serial is opaque, unique as text. Ids such as
`CAFR9037-(zero)` and `CAFR9198-(reversal)` may occur twice. What the Board issues, its project's
own registry (ACR, the Climate Action Reserve) cancels: there it is a conversion.
"""

from typing import Final

REGISTRY: Final = "arb"
