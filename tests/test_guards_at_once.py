"""PostgreSQL's guards when two write past the ledger at once: neither can miss the other's rows."""

import threading

import psycopg
import pytest

from builders import created, opened, retiring

CLAIM = (
    "INSERT INTO serial_claims (series_number, first, last, record_number) VALUES (0, 300, {}, 0)"
)
OTHER_CLAIM = (
    "INSERT INTO serial_claims (series_number, first, last, record_number) VALUES (0, 305, 400, 1)"
)
HOLDING = "INSERT INTO holdings (record_number, from_g, quantity_g) VALUES (0, 0, 1000)"
OTHER_HOLDING = "INSERT INTO holdings (record_number, from_g, quantity_g) VALUES (0, 500, 1000)"
END = "INSERT INTO event_parts VALUES (10, 0, 1000, 0, 'RETIRED')"
OTHER_END = "INSERT INTO event_parts VALUES (11, 500, 1000, 0, 'CANCELLED')"


@pytest.fixture
def url(postgresql_url: str) -> str:
    """A ledger of two records of one series, whose holdings are gone: the guard is what is left."""
    with opened(postgresql_url) as ledger:
        created(ledger, first=101, last=110)
        created(ledger, first=201, last=210)
    with psycopg.connect(postgresql_url, autocommit=True) as owner:
        owner.execute("DELETE FROM holdings")
        for position, kind in ((10, "RETIRED"), (11, "CANCELLED")):
            owner.execute(
                "INSERT INTO events VALUES (%s, 0, %s, %s, %s, '{}', '')",
                (position, position, position.to_bytes(16), kind),
            )
    return postgresql_url


@pytest.mark.parametrize(
    "first, second",
    [(CLAIM.format(310), OTHER_CLAIM), (HOLDING, OTHER_HOLDING), (END, OTHER_END)],
    ids=["claims", "holdings", "ended parts"],
)
def test_of_two_that_overlap_at_once_the_second_is_refused(
    first: str, second: str, url: str
) -> None:
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        one.execute(first.encode())
        refused: list[Exception] = []

        def insert() -> None:
            try:
                other.execute(second.encode())
                other.commit()
            except psycopg.Error as error:
                refused.append(error)

        thread = threading.Thread(target=insert)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()  # it waits: whether it may is not known yet
        one.commit()
        thread.join()
    assert [type(error) for error in refused] == [psycopg.errors.ExclusionViolation]


def test_the_second_passes_where_the_first_takes_its_rows_back(url: str) -> None:
    with psycopg.connect(url) as one, psycopg.connect(url) as other:
        one.execute(CLAIM.format(310).encode())
        thread = threading.Thread(target=lambda: other.execute(OTHER_CLAIM.encode()))
        thread.start()
        one.rollback()
        thread.join()
        other.commit()


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("statement", [CLAIM.format(310), HOLDING, END])
def test_who_would_see_an_older_moment_is_refused(level: str, statement: str, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
        with pytest.raises(psycopg.errors.RestrictViolation, match="READ COMMITTED"):
            connection.execute(statement.encode())


@pytest.mark.parametrize("statement", [CLAIM.format(310), HOLDING, END])
def test_replication_does_not_pass_the_guards(statement: str, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.encode())
        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(
                {CLAIM.format(310): OTHER_CLAIM, HOLDING: OTHER_HOLDING, END: OTHER_END}[
                    statement
                ].encode()
            )


def test_an_overlap_inside_one_statement_is_refused(url: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.ExclusionViolation):
        connection.execute(
            "INSERT INTO serial_claims (series_number, first, last, record_number)"
            " VALUES (0, 300, 310, 0), (0, 320, 330, 0), (0, 305, 306, 1)"
        )


def test_the_ledger_itself_passes_them(postgresql_url: str) -> None:
    with opened(postgresql_url) as ledger:
        record_id = created(ledger, first=1, last=10)
        for _ in range(3):
            (answer,) = ledger.commit([retiring(record_id, quantity=1)])
            assert not isinstance(answer, Exception)
            assert answer.status == 200
