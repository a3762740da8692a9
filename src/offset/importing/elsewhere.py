"""A walk in a process of its own, so that a second core prepares what the first one writes.

What the walk gives comes through a pipe, pickled. The pipe holds less than one item, so that the
walk is at most one item ahead, and memory stays flat. The process ends with the walk: with its
last item, when the one who walks closes it, or when its process is gone, by a broken pipe.
"""

import gc
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import fields, is_dataclass
from io import BytesIO
from operator import attrgetter
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar

from offset.core.errors import Unavailable

T = TypeVar("T")
_BEGIN: Final = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer);"
    " from offset.importing.elsewhere import answer; answer()"
)
_COMMAND: Final = (sys.executable, "-P", "-c", _BEGIN)  # -P: nothing comes from where it begins


class _Raised(NamedTuple):
    """The error that ended the walk."""

    error: Exception


class _Ended(NamedTuple):
    """The walk has no more items."""


def walk_elsewhere(function: Callable[..., Iterable[T]], *args: Any) -> Generator[T, None, None]:
    """Walk what a function of a module gives, in another process.

    Function, arguments and items are such that they can be pickled. The process is there until
    the walk ends or is closed.

    Raises:
        Unavailable: the process cannot be started, or was ended by someone else.
        Exception: whatever the function raises.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    except OSError as error:
        raise Unavailable(f"no process can be started to read the files: {error}") from error
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for said in (sys.path, (function, args)):
                process.stdin.write(pickle.dumps(said))
            process.stdin.flush()
            # What is read was written by this module, in a process that only this one can reach.
            while not isinstance(item := pickle.load(process.stdout), _Ended):  # noqa: S301
                if isinstance(item, _Raised):
                    raise item.error
                yield item
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as error:
            raise Unavailable("the process that reads the files was ended") from error
        finally:
            process.kill()


def answer() -> None:
    """Walk what the process at the other end of the pipe asks for."""
    # Ctrl+C, and a service manager that ends them all, are for the one who walks to decide.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    gc.freeze()
    gc.set_threshold(50_000)  # what is made here goes as soon as it is sent
    pipe, sys.stdout = sys.stdout.buffer, sys.stderr
    function, args = pickle.load(sys.stdin.buffer)  # noqa: S301 - as above
    try:
        for item in function(*args):
            _send(pipe, item)
        _send(pipe, _Ended())
    except Exception as error:  # noqa: BLE001 - it is raised at the other end
        error.add_note(traceback.format_exc())
        _send(pipe, _Raised(error))


def _send(pipe: BinaryIO, item: object) -> None:
    buffer = BytesIO()
    _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(item)
    pipe.write(buffer.getbuffer())
    pipe.flush()


class _Pickler(pickle.Pickler):
    """Writes a frozen dataclass as its class and values, which is several times as fast."""

    def reducer_override(self, one: Any) -> Any:
        kind = type(one)
        if kind not in _getters:
            names = _names_of(kind)
            _getters[kind] = attrgetter(*names) if len(names) > 1 else None
        values = _getters[kind]
        return NotImplemented if values is None else (_remade, (kind, values(one)))


_getters: Final[dict[type, Callable[[Any], Sequence[Any]] | None]] = {}
_setters: Final[dict[type, Sequence[Callable[[Any, Any], None]]]] = {}


def _names_of(kind: type) -> Sequence[str]:
    """Name the fields of a dataclass that has slots; none of any other class."""
    own = is_dataclass(kind) and "__slots__" in vars(kind)
    return [one.name for one in fields(kind)] if own else []


def _remade(kind: type, values: Sequence[Any]) -> Any:
    if kind not in _setters:
        _setters[kind] = [getattr(kind, name).__set__ for name in _names_of(kind)]
    one: Any = object.__new__(kind)
    for put, value in zip(_setters[kind], values, strict=True):
        put(one, value)
    return one
