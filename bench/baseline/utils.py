"""The id of a record."""

import hashlib
import json


def record_id(
    project_name: str, registry: str, vintage: int, quantity: float, serial_number: str
) -> str:
    """Compute the SHA-256 of what a record says: the same credits have the same id."""
    said = json.dumps(
        {
            "project_name": project_name,
            "registry": registry,
            "vintage": vintage,
            "quantity": quantity,
            "serial_number": serial_number,
        },
        sort_keys=True,
    )
    return hashlib.sha256(said.encode()).hexdigest()
