"""Walks: SQL that gives the numbers of some records in order, from an index alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from offset.names import PREFIX

_BEYOND: Final = 2**63 - 1  # above every number

# The claims of the series `:line` that overlap `:first` to `:last`. Claims are disjoint, so of
# those that begin before only the nearest one can.
OVERLAPPING: Final = (
    "c.series_number = :line AND c.first <= :last AND c.last >= :first AND c.first >="
    " coalesce((SELECT max(o.first) FROM serial_claims AS o"
    " WHERE o.series_number = :line AND o.first <= :first), :first)"
)


@dataclass(frozen=True, slots=True)
class Walk:
    """The numbers of some records.

    `ordered` is SQL of the `:size` lowest after `:after`, in order; `every` of all, in any order.
    `numbers` is what it has to be given of, where the numbers are known already.
    """

    ordered: str
    every: str
    numbers: Sequence[int] | None = None


def _along(table: str, column: str, condition: str, select: str = "SELECT") -> Walk:
    every = f"{select} {column} AS number FROM {table} WHERE {condition}"
    return Walk(f"{every} AND {column} > :after ORDER BY {column} LIMIT :size", every)


EVERY: Final = Walk(
    "SELECT number FROM records WHERE number > :after ORDER BY number LIMIT :size",
    "SELECT number FROM records",
)
REGISTRY: Final = _along("records", "number", "registry = :registry")
VINTAGE: Final = _along("records", "number", "vintage = :vintage")
REGISTRY_VINTAGE: Final = _along("records", "number", "registry = :registry AND vintage = :vintage")
STATUS: Final = _along("record_state", "record_number", "status = :status")
# A record can be held in several parts.
HOLDER: Final = _along("holdings", "record_number", "holder = :holder", "SELECT DISTINCT")
UNNAMED_HOLDER: Final = _along("holdings", "record_number", "holder IS NULL", "SELECT DISTINCT")


class Walks:
    """The walks that each database's SQL writes in its own way."""

    def __init__(self, *, sqlite: bool) -> None:
        self._sqlite = sqlite
        key = f"substr(project_name, 1, {PREFIX})"
        self._name = f"{key} = {{key}}" if sqlite else f'{key} COLLATE "C" = {{key}}'
        self._values = (
            "SELECT value AS {name} FROM json_each({of})"
            if sqlite
            else "SELECT CAST(value AS {type}) AS {name}"
            " FROM jsonb_array_elements_text(CAST({of} AS jsonb))"
        )

    def beside(self, table: str, alias: str, key: str, *, few: bool) -> str:
        """Join one row of a table by its key, after what stands before it and in no other order.

        PostgreSQL plans such joins in a third of the time that it takes to look for the best one,
        which is for joins that are not of a `few` rows.
        """
        if self._sqlite or not few:
            key = " AND ".join(f"{alias}.{one}" for one in key.split(" AND "))
            return f" {'CROSS JOIN' if self._sqlite else 'JOIN'} {table} AS {alias} ON {key}"
        return f" CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {key} LIMIT 1) AS {alias}"

    def vintages(self, *, of_registry: bool) -> Walk:
        """Walk the vintages `:vintage_from` to `:vintage_to` side by side."""
        own = "registry = :registry AND " if of_registry else ""
        least = f"SELECT min(vintage) FROM records WHERE {own}vintage"
        keys = (
            f"keys(key) AS (SELECT ({least} BETWEEN :vintage_from AND :vintage_to)"
            f" UNION ALL SELECT ({least} > keys.key AND vintage <= :vintage_to)"
            " FROM keys WHERE keys.key IS NOT NULL)"
        )
        every = f"SELECT number FROM records WHERE {own}vintage"
        return Walk(
            self._merged(keys, f"{own}vintage = {{key}}"),
            f"{every} BETWEEN :vintage_from AND :vintage_to",
        )

    def names(self) -> Walk:
        """Walk the records of the names `:names` side by side; some names begin alike."""
        names = self._values.format(name="key", type="text", of=":names")
        keys = f"keys(key) AS ({names})"
        every = (
            f"SELECT number FROM ({names}) AS keys CROSS JOIN records"
            f" WHERE {self._name.format(key='keys.key')}"
        )
        return Walk(self._merged(keys, self._name), every)

    def known(self, numbers: Sequence[int]) -> Walk:
        """Walk these numbers, which are in order."""
        given = self._values.format(name="number", type="bigint", of=":numbers")
        return Walk(given, given, numbers)

    def _merged(self, keys: str, condition: str) -> str:
        """Walk side by side what an index has for each key."""
        seek = "SELECT number FROM records WHERE {} AND number > {} ORDER BY number LIMIT {}"
        if not self._sqlite:
            # As many of the first numbers as are asked for bound them all.
            own = condition.format(key="keys.key")
            return (
                f"WITH RECURSIVE {keys}, firsts AS (SELECT keys.key, f.number FROM keys"
                f" CROSS JOIN LATERAL ({seek.format(own, ':after', '1')}) AS f"
                " ORDER BY f.number LIMIT :size),"
                " bound AS (SELECT CASE WHEN count(*) < :size THEN"
                f" {_BEYOND} ELSE max(number) END AS last FROM firsts)"
                " SELECT m.number FROM firsts AS keys CROSS JOIN LATERAL (SELECT number"
                f" FROM records WHERE {own} AND number > :after"
                " AND number <= (SELECT last FROM bound) ORDER BY number LIMIT :size) AS m"
                " ORDER BY m.number LIMIT :size"
            )
        # The rows of a recursion wait in a queue: the lowest one is next, and calls its follower.
        first = seek.format(condition.format(key="keys.key"), ":after", "1")
        following = seek.format(condition.format(key="walk.key"), "walk.number", "1")
        return (
            f"WITH RECURSIVE {keys}, walk(number, key) AS ("
            f"SELECT coalesce(({first}), {_BEYOND}), keys.key FROM keys"
            f" UNION ALL SELECT coalesce(({following}), {_BEYOND}), walk.key FROM walk"
            f" WHERE walk.number < {_BEYOND} ORDER BY 1 LIMIT :size)"
            f" SELECT number FROM walk WHERE number < {_BEYOND}"
        )
