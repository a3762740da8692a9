"""The application, for `python -m uvicorn main:app --reload`."""

from offset.main import app

__all__ = ["app"]
