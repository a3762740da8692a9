"""r"""
@dataclass(frozen=True, slots=True)
class _Late:
    """A finding that is known only when all rows are: its row, and another that it concerns."""

    row: int
    code: str
    other: int | None = None
    detail: str = ""


class _Reckoning:
    """Goes through the claims by series and number: finds conflicts, fills the groups' sums.

    A row is held against the row of each meaning and file that reaches furthest so far. Every row
    that conflicts with one that begins before it is found so, once for each code; a million rows on
    one number make a million findings, not the square of it.
    """

    def __init__(self, claims: _Claims) -> None:
        self._claims = claims
        self.conflicts: list[_Late] = []
        self.repeated = 0

    def run(self) -> None:
        """Compare and count all rows."""
        claims = self._claims
        order = sorted(range(len(claims.line)), key=claims.first.__getitem__)
        order.sort(key=claims.series.__getitem__)  # both sorts keep the order of equals
        for _, rows in groupby(order, key=claims.series.__getitem__):
            run = list(rows)
            if claims.named_by[run[0]] == _RANGE:
                self._ranges(run)
            else:
                self._without_numbers(run)

    def _ranges(self, run: Sequence[int]) -> None:
        """Go through the rows of one series, by first number."""
        claims = self._claims
        reach: dict[tuple[int, int], int] = {}
        for row in run:
            self._compare(row, reach.values())
            self._count_range(row, reach.values())
            key = claims.meaning[row], claims.file[row]
            if key not in reach or claims.last[row] > claims.last[reach[key]]:
                reach[key] = row

    def _compare(self, row: int, others: Iterable[int]) -> None:
        found: dict[str, int] = {}
        for other in others:
            if self._claims.last[other] >= self._claims.first[row]:
                code = self._conflict(row, other)
                if code:
                    found.setdefault(code, other)
        self.conflicts += [_Late(row, code, other) for code, other in found.items()]

    def _conflict(self, row: int, other: int) -> str | None:
        """Name what is wrong if two rows are about one credit; None where nothing is."""
        claims = self._claims
        one, two = sorted((claims.meaning[row], claims.meaning[other]))
        if one != two:
            if one == _ISSUED:
                return None
            return "held-and-ended" if one == _HELD else "retired-and-cancelled"
        if claims.file[row] != claims.file[other]:
            return _TWICE[one] if self._differ(row, other) else None
        same = (
            claims.first[row] == claims.first[other]
            and claims.last[row] == claims.last[other]
            and claims.text[row] == claims.text[other]
        )
        return "duplicate-row" if same else _TWICE[one]

    def _differ(self, row: int, other: int) -> bool:
        """Tell whether rows of two files tell different things of the credits they share."""
        claims = self._claims
        if claims.group[row] != claims.group[other]:
            return True
        days = {claims.ended_on[row], claims.ended_on[other]} - {0}
        return len(days) > 1

    def _count_range(self, row: int, others: Iterable[int]) -> None:
        """Add a row to its group, without the credits that were counted from another file.

        A file that lists what became of issued credits tells of their issue, too, whatever else
        it says; that is counted once, also where one row says issued and the other retired.
        """
        claims = self._claims
        file, meaning = claims.file[row], claims.meaning[row]
        issued_to = ended_to = claims.first[row] - 1
        for other in others:
            if claims.file[other] != file and claims.meaning[other] == meaning:
                ended_to = max(ended_to, claims.last[other])
            if claims.issues[other] and (claims.meaning[other], claims.file[other]) != (
                meaning,
                file,
            ):
                issued_to = max(issued_to, claims.last[other])
        if not claims.quantity_g[row]:  # planned
            return
        last = claims.last[row]
        self.repeated += ended_to >= last
        ended_g = max(0, last - ended_to) * GRAMS_PER_CREDIT
        issued_g = max(0, last - issued_to) * GRAMS_PER_CREDIT
        self._add(row, issued_g if claims.issues[row] else 0, ended_g)

    def _without_numbers(self, run: Sequence[int]) -> None:
        """Go through rows that have one id, or of which nothing tells one from the other.

        What a file says a second time is a second row, except if the whole row is the same; what
        another file says again is the same row again.
        """
        claims = self._claims
        seen: dict[int, int] = {}  # how many rows of a file there were so far
        by_text: dict[tuple[int, int], int] = {}
        counted: list[tuple[int, int]] = []  # the running totals of each row that was counted
        for row in run:
            file = claims.file[row]
            twin = by_text.setdefault((file, claims.text[row]), row)
            if twin != row:
                self.conflicts.append(_Late(row, "duplicate-row", twin))
            elif claims.named_by[row] == _ID and row != run[0]:
                other = run[0]
                if file == claims.file[other] or self._unlike(row, other):
                    self.conflicts.append(_Late(row, "repeated-serial", other))
            place = seen.get(file, 0)
            seen[file] = place + 1
            totals = claims.running_g.get(row, (0, 0))
            if place == len(counted):
                quantity_g = claims.quantity_g[row]
                self._add(row, quantity_g if claims.issues[row] else 0, quantity_g, totals)
                counted.append(totals)
            else:
                self.repeated += 1
                before = counted[place]
                counted[place] = max(before[0], totals[0]), max(before[1], totals[1])
                grown = counted[place][0] - before[0], counted[place][1] - before[1]
                self._add(row, 0, 0, grown)

    def _unlike(self, row: int, other: int) -> bool:
        claims = self._claims
        quantities = {claims.quantity_g[row], claims.quantity_g[other]}
        return len(quantities) > 1 or self._differ(row, other)

    def _add(
        self, row: int, issued_g: int, ended_g: int, running_g: tuple[int, int] = (0, 0)
    ) -> None:
        claims = self._claims
        group, meaning = claims.groups[claims.group[row]], claims.meaning[row]
        group.issued_g += issued_g
        group.retired_total_g += running_g[0]
        group.cancelled_total_g += running_g[1]
        if meaning == _RETIRED:
            group.retired_g += ended_g
        elif meaning == _CANCELLED:
            group.cancelled_g += ended_g
        if meaning in {_RETIRED, _CANCELLED} or any(running_g):
            group.last_end = max(group.last_end, row)

    def shortfalls(self) -> Iterator[_Late]:
        """Find where more ended than was issued, at the registries whose issuances are given."""
        merged: dict[tuple[str, str, int], list[_Group]] = {}
        for group in self._claims.groups:
            year = 0 if group.registry in _WITHOUT_VINTAGE else group.vintage
            merged.setdefault((group.registry, group.project, year), []).append(group)
        given = {group.registry for group in self._claims.groups if group.issued_g}
        for (registry, project, year), groups in merged.items():
            issued_g = sum(group.issued_g for group in groups)
            retired_g = sum(group.all_retired_g for group in groups)
            ended_g = retired_g + sum(group.all_cancelled_g for group in groups)
            if registry not in given or ended_g <= issued_g:
                continue
            if not issued_g:
                code = "never-issued"
            elif retired_g > issued_g:
                code = "retired-more-than-issued"
            else:
                code = "ended-more-than-issued"
            detail = (
                f"project {project}{f', vintage {year}' if year else ''}: "
                f"{tonnes_text(retired_g)} retired, {tonnes_text(ended_g - retired_g)} cancelled, "
                f"{tonnes_text(issued_g)} issued"
            )
            if unread := self._claims.unread_issuances[registry]:
                detail += f"; {unread} rows that may be issuances could not be read"
            yield _Late(max(group.last_end for group in groups), code, detail=detail)


