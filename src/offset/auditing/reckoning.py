"""Claims held against each other: which are about the same credits, and what they add up to."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from offset.auditing.claims import CANCELLED, HELD, ISSUED, RETIRED, Claims, Group, NamedBy
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes_text

DUPLICATE: Final = "duplicate-row"
_TWICE: Final = {
    ISSUED: "issued-twice",
    HELD: "held-twice",
    RETIRED: "retired-twice",
    CANCELLED: "cancelled-twice",
}

# An issuance of Isometric's states no vintage and counts as the year of its issue; a retirement
# states the year of removal. The two do not compare.
_WITHOUT_VINTAGE: Final = frozenset({"isometric"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that says of some credits what does not go with what another row says."""

    row: int
    code: str
    other: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The last row that tells of an end where more ended than was issued, and the sentence."""

    row: int
    code: str
    detail: str


class Reckoning:
    """Goes through the claims by series and number: finds conflicts, fills the groups' sums.

    A row is held against the one row of each meaning and file that reaches furthest so far. So
    every row that conflicts with one that begins before it is found, once for each code: a million
    rows about one credit make a million findings, not the square of it.
    """

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self.conflicts: list[Conflict] = []
        self.repeated = 0  # rows that an earlier file has, too

    def run(self) -> None:
        """Compare and count all rows."""
        claims = self._claims
        order = sorted(range(len(claims)), key=claims.first.__getitem__)
        order.sort(key=claims.series.__getitem__)  # both sorts keep the order of equals
        for _, rows in groupby(order, key=claims.series.__getitem__):
            run = list(rows)
            if claims.named_by[run[0]] == NamedBy.RANGE:
                self._ranges(run)
            else:
                self._without_numbers(run)

    def _ranges(self, run: Sequence[int]) -> None:
        """Go through the rows of one series, in the order of their first numbers."""
        claims = self._claims
        reach: dict[tuple[int, int], int] = {}
        for row in run:
            others = reach.values()
            self._compare(row, others)
            if claims.quantity_g[row]:
                self._count_range(row, others)
            key = claims.meaning[row], claims.file[row]
            if key not in reach or claims.last[row] > claims.last[reach[key]]:
                reach[key] = row

    def _compare(self, row: int, others: Collection[int]) -> None:
        found: dict[str, int] = {}
        for other in others:
            if self._claims.last[other] >= self._claims.first[row]:
                code = self._conflict(row, other)
                if code is not None:
                    found.setdefault(code, other)
        self.conflicts += [Conflict(row, code, other) for code, other in found.items()]

    def _conflict(self, row: int, other: int) -> str | None:
        """Say what is wrong where two rows share credits; None where nothing is."""
        claims = self._claims
        meanings = {claims.meaning[row], claims.meaning[other]}
        if len(meanings) == 2:
            if ISSUED in meanings:
                return None
            return "held-and-ended" if HELD in meanings else "retired-and-cancelled"
        twice = _TWICE[claims.meaning[row]]
        if claims.file[row] != claims.file[other]:
            return twice if self._differ(row, other) else None
        same = (
            claims.first[row] == claims.first[other]
            and claims.last[row] == claims.last[other]
            and claims.text[row] == claims.text[other]
        )
        return DUPLICATE if same else twice

    def _differ(self, row: int, other: int) -> bool:
        """Tell whether rows of two files put the credits they share elsewhere, or end them twice.

        An edition of an export cuts blocks anew; project, vintage and day stay.
        """
        claims = self._claims
        days = {claims.ended_on[row], claims.ended_on[other]} - {0}
        return claims.group[row] != claims.group[other] or len(days) > 1

    def _count_range(self, row: int, others: Collection[int]) -> None:
        """Add a row to its group, without the credits that were counted before.

        Counted before is what another file says, too. A file that lists issued credits with what
        became of them tells of their issue with every row; of that, also what another kind of row
        of the same file says.
        """
        claims = self._claims
        file, meaning, last = claims.file[row], claims.meaning[row], claims.last[row]
        issued_to = said_to = claims.first[row] - 1
        for other in others:
            elsewhere, alike = claims.file[other] != file, claims.meaning[other] == meaning
            if elsewhere and alike:
                said_to = max(said_to, claims.last[other])
            if claims.issues[other] and (elsewhere or not alike):
                issued_to = max(issued_to, claims.last[other])
        self.repeated += said_to >= last
        said_g = max(0, last - said_to) * GRAMS_PER_CREDIT
        issued_g = max(0, last - issued_to) * GRAMS_PER_CREDIT
        self._add(row, issued_g if claims.issues[row] else 0, said_g)

    def _without_numbers(self, run: Sequence[int]) -> None:
        """Go through rows that have one id, or of which nothing tells one from the other.

        What one file says twice are two rows, unless all of the text is the same. What another
        file says again is the same row again, with running totals that may have grown.
        """
        claims = self._claims
        rows_of: dict[int, int] = {}
        by_text: dict[tuple[int, int], int] = {}
        counted: list[tuple[int, int]] = []  # the running totals of each row that is counted
        for row in run:
            file, other = claims.file[row], run[0]
            twin = by_text.setdefault((file, claims.text[row]), row)
            if twin != row:
                self.conflicts.append(Conflict(row, DUPLICATE, twin))
            elif row != other and self._repeats(row, other):
                self.conflicts.append(Conflict(row, "repeated-serial", other))
            place = rows_of.get(file, 0)
            rows_of[file] = place + 1
            running_g = claims.running_g.get(row, (0, 0))
            if place == len(counted):
                counted.append(running_g)
                said_g = claims.quantity_g[row]
                self._add(row, said_g if claims.issues[row] else 0, said_g, running_g)
            else:
                self.repeated += 1
                before = counted[place]
                counted[place] = max(before[0], running_g[0]), max(before[1], running_g[1])
                grown_g = counted[place][0] - before[0], counted[place][1] - before[1]
                self._add(row, 0, 0, grown_g)

    def _repeats(self, row: int, other: int) -> bool:
        """Tell whether two rows with one id cannot both be right."""
        claims = self._claims
        if claims.named_by[row] != NamedBy.ID:
            return False
        return (
            claims.file[row] == claims.file[other]
            or claims.quantity_g[row] != claims.quantity_g[other]
            or self._differ(row, other)
        )

    def _add(
        self, row: int, issued_g: int, said_g: int, running_g: tuple[int, int] = (0, 0)
    ) -> None:
        claims = self._claims
        group, meaning = claims.groups[claims.group[row]], claims.meaning[row]
        group.issued_g += issued_g
        if meaning == RETIRED:
            group.rows_retired_g += said_g
        elif meaning == CANCELLED:
            group.rows_cancelled_g += said_g
        group.running_retired_g += running_g[0]
        group.running_cancelled_g += running_g[1]
        if meaning in {RETIRED, CANCELLED} or any(running_g):
            group.last_end = max(group.last_end, row)

    def shortfalls(self) -> Iterator[Shortfall]:
        """Find where more ended than was issued, at the registries whose issuances are given."""
        claims = self._claims
        merged: dict[tuple[str, str, int | None], list[Group]] = {}
        for group in claims.groups:
            vintage = None if group.registry in _WITHOUT_VINTAGE else group.vintage
            merged.setdefault((group.registry, group.project, vintage), []).append(group)
        given = {group.registry for group in claims.groups if group.issued_g}
        for (registry, project, vintage), groups in merged.items():
            issued_g = sum(group.issued_g for group in groups)
            retired_g = sum(group.retired_g for group in groups)
            cancelled_g = sum(group.cancelled_g for group in groups)
            if registry not in given or retired_g + cancelled_g <= issued_g:
                continue
            if not issued_g:
                code = "never-issued"
            elif retired_g > issued_g:
                code = "retired-more-than-issued"
            else:
                code = "ended-more-than-issued"
            detail = (
                f"project {project}{f', vintage {vintage}' if vintage else ''}: "
                f"{tonnes_text(retired_g)} retired, {tonnes_text(cancelled_g)} cancelled, "
                f"{tonnes_text(issued_g)} issued"
            )
            if unread := claims.unread_issuances[registry]:
                detail += f"; {unread} rows of files with issuances could not be read"
            yield Shortfall(max(group.last_end for group in groups), code, detail)
