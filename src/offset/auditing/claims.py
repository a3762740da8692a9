"""c"""
_MEANINGS: Final = tuple(Meaning)
_ISSUED, _HELD, _RETIRED, _CANCELLED = range(len(_MEANINGS))  # as they are stored
_TWICE: Final = ("issued-twice", "held-twice", "retired-twice", "cancelled-twice")
_VERBS: Final = ("issued", "held", "retired", "cancelled")

_RANGE, _ID, _NOTHING = range(3)  # what a row names its credits by

# An issuance of Isometric's states no vintage and counts as the year of its issue; a retirement
# states the year of removal: the two do not compare.
_WITHOUT_VINTAGE: Final = frozenset({"isometric"})


@lru_cache(maxsize=20_000)
def _project_key(registry: str, project: str) -> str:
    """Reduce the spellings of one project id to one."""
    text = canonical_serial(project)
    number = text[len(text.rstrip("0123456789")) :]
    if number and same_project(registry, text, number):
        return number.lstrip("0") or "0"
    return text


@dataclass(slots=True)
class _Group:
    """A project's vintage: what was issued of it and what became of it, in grams.

    A cancellation may be told twice, by a row of its own and in the running total of its issuance;
    both tell of the same credits, so the larger of the sums is what counts.
    """

    registry: str
    project: str
    vintage: int
    issued_g: int = 0
    retired_g: int = 0
    cancelled_g: int = 0
    retired_total_g: int = 0
    cancelled_total_g: int = 0
    last_end: int = -1  # the last row that tells of an end

    @property
    def all_retired_g(self) -> int:
        return max(self.retired_g, self.retired_total_g)

    @property
    def all_cancelled_g(self) -> int:
        return max(self.cancelled_g, self.cancelled_total_g)


@dataclass(slots=True)
class _Claims:
    """The rows, as columns of numbers, in the order of the files; a row is its place there.

    Series and texts are kept as hashes of 64 bits: among a million of them the chance that any two
    are taken for one another is one in thirty million.
    """

    series: array[int] = field(default_factory=lambda: array("q"))
    first: array[int] = field(default_factory=lambda: array("q"))
    last: array[int] = field(default_factory=lambda: array("q"))
    quantity_g: array[int] = field(default_factory=lambda: array("q"))
    text: array[int] = field(default_factory=lambda: array("q"))
    group: array[int] = field(default_factory=lambda: array("l"))
    line: array[int] = field(default_factory=lambda: array("l"))
    ended_on: array[int] = field(default_factory=lambda: array("i"))  # YYYYMMDD, 0 for no day
    file: array[int] = field(default_factory=lambda: array("i"))
    meaning: array[int] = field(default_factory=lambda: array("b"))
    named_by: array[int] = field(default_factory=lambda: array("b"))
    issues: array[int] = field(default_factory=lambda: array("b"))  # also says that it was issued
    running_g: dict[int, tuple[int, int]] = field(default_factory=dict)  # retired, cancelled so far
    groups: list[_Group] = field(default_factory=list)
    planned_g: int = 0
    unread_issuances: Counter[str] = field(default_factory=Counter)  # rows, by registry
    _group_of: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def take(self, file: int, row: Row | RowIssue, export: Export) -> Iterable[tuple[str, str]]:
        """Keep what a row says; give the code and the sentence of each thing wrong with it."""
        if isinstance(row, RowIssue):
            if export.kind.issues:
                self.unread_issuances.update(export.kind.registries)
            return ((row.code, row.detail),)
        self._keep(file, row)
        return _odd(row)

    def _keep(self, file: int, row: Row) -> None:
        serial, project = row.serial, _project_key(row.registry, row.project_id or "")
        first, last = 0, 0
        if serial is None:
            named_by = _NOTHING
            series = hash(
                (row.registry, row.meaning, project, row.vintage, row.issued_on, row.quantity_g)
            )
        elif serial.parsed:
            named_by = _RANGE
            series, first, last = hash((row.registry, serial.series)), serial.first, serial.last
        else:
            named_by = _ID
            series = hash((row.registry, row.meaning, serial.text))
        key = (row.registry, project, row.vintage)
        group = self._group_of.setdefault(key, len(self.groups))
        if group == len(self.groups):
            self.groups.append(_Group(*key))
        totals = sum(row.retired_totals_g.values()), sum(row.cancelled_totals_g.values())
        if any(totals):
            self.running_g[len(self.line)] = totals
        if row.planned:
            self.planned_g += row.quantity_g
        self.series.append(series)
        self.first.append(first)
        self.last.append(last)
        self.quantity_g.append(0 if row.planned else row.quantity_g)
        self.text.append(hash(row.text))
        self.group.append(group)
        self.line.append(row.line)
        self.ended_on.append(int(row.ended_on.replace("-", "")) if row.ended_on else 0)
        self.file.append(file)
        self.meaning.append(_MEANINGS.index(row.meaning))
        self.named_by.append(named_by)
        self.issues.append(row.issues)

