"""The environment, read here and nowhere else."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from offset.core.errors import Unfit


class Settings(BaseSettings):
    """What the server and the commands take from the environment."""

    model_config = SettingsConfigDict(env_prefix="OFFSET_", extra="ignore")

    database_url: str = Field(
        default="sqlite:///offset.db",
        validation_alias="DATABASE_URL",
        description="The ledger: a SQLite file, or postgresql://user@host/database.",
    )
    origin: str | None = Field(
        default=None,
        description="The log's name: its URL without the scheme, as in registry.example/log. "
        "Fixed before the first event; PostgreSQL needs it for `offset migrate`.",
    )
    unparsed: Literal["keep", "refuse"] = Field(
        default="keep",
        description="What becomes of serial numbers that no registry's grammar reads.",
    )

    log_key: Path | None = Field(
        default=None,
        description="The file of the log's signing key. Beside an SQLite file it is made by itself "
        "(`offset.db.log-key`); with PostgreSQL the process that has it publishes the log.",
    )
    witnesses: str = Field(
        default="",
        description="Who cosigns checkpoints: `vkey url` for each, with commas between.",
    )
    import_max_bytes: int = Field(
        default=200_000_000,
        ge=1,
        description="The largest file that `POST /imports` takes.",
    )

    @field_validator("origin")
    @classmethod
    def _origin(cls, origin: str | None) -> str | None:
        shape = r"[a-z0-9.:-]{1,200}(/[A-Za-z0-9._~-]{1,200})*"
        if origin is not None and (len(origin) > 200 or not re.fullmatch(shape, origin)):
            raise PydanticCustomError(
                "origin", "has to be a URL without its scheme: example.org/log"
            )
        return origin


def read_settings() -> Settings:
    """Read the settings.

    Raises:
        Unfit: which setting is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = variable(str(first["loc"][0]))
        raise Unfit(f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}") from None


def variable(name: str) -> str:
    """Name the environment variable of a setting: its own alias, or OFFSET_ and its name."""
    if name not in Settings.model_fields:
        return name
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"OFFSET_{name.upper()}"
