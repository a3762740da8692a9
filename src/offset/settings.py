"""The environment, read here and nowhere else."""

import re
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
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

    @model_validator(mode="after")
    def _origin(self) -> Self:
        shape = r"[a-z0-9.:-]{1,200}(/[A-Za-z0-9._~-]{1,200})*"
        if self.origin is not None and not re.fullmatch(shape, self.origin):
            raise ValueError("OFFSET_ORIGIN has to be a URL without its scheme: example.org/log")
        return self


def read_settings() -> Settings:
    """Read the settings.

    Raises:
        Unfit: which setting is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "_".join(str(step) for step in first["loc"]).upper()
        raise Unfit(f"{name or 'a setting'}: {first['msg']}") from None
