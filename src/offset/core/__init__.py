"""The rules of the ledger, as plain values and pure functions.

Nothing here knows the time, draws a random number or opens a file.
"""
