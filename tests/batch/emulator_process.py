"""OpenRouter in a process of its own, as it is in life: its time is not the job's."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

from openrouter_adapter.emulator import BillRow, Emulator, LoggedRequest

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType

    from typing_extensions import Self

_CONTEXT = multiprocessing.get_context("spawn")


class EmulatorProcess:
    """An emulator that is asked over a pipe; a context manager."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def __enter__(self) -> Self:
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, self._options))
        self._process.start()
        self.base_url, self.api_key = self._pipe.recv()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pipe.send(None)
        self._process.join(20)

    def bill(self) -> list[BillRow]:
        return self._ask("bill")

    @property
    def requests(self) -> list[LoggedRequest]:
        return self._ask("requests")

    def add_fault(self, spec: str, **options: Any) -> None:
        self._ask("fault", spec, options)

    def clear_faults(self) -> None:
        self._ask("clear")

    def _ask(self, *words: Any) -> Any:
        self._pipe.send(words)
        return self._pipe.recv()


def _serve(pipe: Connection, options: dict[str, Any]) -> None:
    with Emulator(log_size=1_000_000, **options) as emulator:
        pipe.send((emulator.base_url, emulator.api_key))
        while (words := pipe.recv()) is not None:
            match words:
                case ["bill"]:
                    pipe.send(list(emulator.bill()))
                case ["requests"]:
                    pipe.send(list(emulator.requests))
                case ["fault", spec, options]:
                    emulator.faults.add(spec, **options)
                    pipe.send(None)
                case ["clear"]:
                    emulator.faults.clear()
                    pipe.send(None)
