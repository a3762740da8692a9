"""What a stranger checks of a transparency log, with its files alone: no database, no server.

`proofs` checks that one event is in a log, and that two checkpoints do not contradict each other;
`logs` checks a whole log: the tree, and that the ledger which its events tell of is sound.
Details (names, notes, prices) are not in a log and cannot be checked here.
"""
