"""Offset: a ledger of carbon credits in which no gram is issued, sold or retired twice."""

__version__ = "0.1.0"
