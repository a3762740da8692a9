"""What Offset is compared with: its original specification, as a good developer writes it first.

Three calls and a plain `sell`, so that sales can be compared too: synchronous endpoints, a
session of the ORM for each request, Pydantic models, SQLite or PostgreSQL by DATABASE_URL. Nothing
here is slowed down, and nothing is tuned but the pool: with fewer connections than threads it
would lock up.
"""
