"""The thread that publishes the log: it looks once a second for what was committed."""

import logging
import threading
import time
from typing import Final

from offset.core.errors import DatabaseUnavailable, Unfit
from offset.log.publisher import Publisher

TICK_S: Final = 1.0
_log: Final = logging.getLogger("uvicorn.error")


class Ticker:
    """Publishes again and again.

    Args:
        publisher: of this thread alone.
        tick_s: seconds between two checkpoints.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        tick_s: float = TICK_S,
    ) -> None:
        self._publisher = publisher
        self._tick_s = tick_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offset-publisher", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self, patience_s: float | None = None) -> None:
        """End; what is not published yet will be at the next start.

        Args:
            patience_s: seconds after which a look that does not end is left; None waits for it.
        """
        self._stopping.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        said = ""
        while True:
            start = time.monotonic()
            try:
                self._publisher.publish()
                said = ""
            except (DatabaseUnavailable, Unfit) as error:
                if error.detail != said:  # once, not once a second
                    said = error.detail
                    _log.error("The log is not published: %s", error.detail)
            except Exception:  # noqa: BLE001 - the next tick tries again
                _log.exception("The log was not published")
            if self._stopping.wait(max(0.0, self._tick_s - (time.monotonic() - start))):
                return
