"""The HTTP server: `Emulator` runs it in a thread, `serve` in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import batch_jobs, catalog, tokens, videos
from .routes import Api
from .state import LoggedRequest, Settings, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from types import TracebackType

    from typing_extensions import Self

    from .billing import BillRow
    from .faults import Faults

PREFIX = "/api/v1"
# Requests with images or PDFs are large; OpenRouter's limit is not documented.
MAX_BODY_BYTES = 256 * 1024 * 1024
# Time for open streams to end when the server stops.
_SHUTDOWN_SECONDS = 0.1


class Emulator:
    """OpenRouter on localhost, within a `with` block.

    Example:
        >>> with Emulator() as em:
        ...     em.base_url
        'http://127.0.0.1:…/api/v1'

    Args:
        port: The port; 0 chooses a free one.
        host: The address to listen on.
        **options: The fields of `Settings`.

    Attributes:
        base_url: The API base for clients, set when the block is entered.
        api_key: The key that calls models.
        provisioning_key: The key that manages the account.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1", **options: Any) -> None:
        self._state = State(Settings(**options))
        self._host, self._port = host, port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self.base_url = ""
        self.api_key = self._state.key.secret
        self.provisioning_key = self._state.settings.provisioning_key

    def __enter__(self) -> Self:
        """Start the server and wait until it accepts requests.

        Raises:
            OSError: The port is taken.
        """
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="openrouter-emulator", daemon=True
        )
        self._thread.start()
        ready.wait()
        self._raise_failure()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server, even if streams are open."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join()
        self._loop = self._stop = self._thread = None

    def bill(self) -> list[BillRow]:
        """Return a row for each generation so far, in the order in which they ended."""
        if self._loop is not None:
            # Only the server's thread adds rows: those of batches and videos whose time has come.
            asyncio.run_coroutine_threadsafe(self._work(), self._loop).result()
        return self._state.bill.rows()

    async def _work(self) -> None:
        batch_jobs.work(self._state)
        videos.finish_due(self._state)

    def now(self) -> float:
        """Return the emulator's time, in seconds since 1970."""
        return self._state.now()

    def advance(self, **how_long: float) -> None:
        """Let time pass: limits reset, keys and codes expire, days complete.

        Args:
            **how_long: The arguments of `datetime.timedelta`, such as `days=1` or `seconds=30`.

        Raises:
            ValueError: The duration is negative.
        """
        self._state.clock.advance(timedelta(**how_long).total_seconds())

    def add_credits(self, usd: Decimal) -> None:
        """Buy credits. An account without a limit has one from now on.

        Args:
            usd: The amount.
        """
        self._state.purchases.append(usd)

    def add_file(self, filename: str, content: bytes) -> str:
        """Add a file as if a tool had made it: it can be downloaded, unlike uploads.

        Returns:
            Its id.

        Raises:
            ApiError: OpenRouter stores no such file.
        """
        return self._state.store_file(filename, content, downloadable=True).id

    @property
    def faults(self) -> Faults:
        """The configured faults: `faults.add("status=502", times=1)`."""
        return self._state.faults

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests so far, the oldest first, without their keys."""
        return list(self._state.requests)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self, ready: threading.Event) -> None:
        def announce(base_url: str) -> None:
            self.base_url = base_url
            ready.set()

        try:
            asyncio.run(self._serve(announce))
        except OSError as failure:
            self._failure = failure
        finally:
            ready.set()

    async def _serve(self, announce: Callable[[str], None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await _serve_until(self._stop, self._state, self._host, self._port, announce)


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None] | None = None,
    **options: Any,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then return.

    Args:
        host: The address to listen on.
        port: The port; 0 chooses a free one.
        ready: Called with the base URL as soon as requests are accepted.
        **options: The fields of `Settings`.

    Raises:
        OSError: The port is taken.
    """
    state = State(Settings(**options))

    async def run() -> None:
        stop = asyncio.Event()
        # Only the main thread gets signals; Windows has no signal handlers on its loops.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await _serve_until(stop, state, host, port, ready or (lambda _: None))

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


async def _serve_until(
    stop: asyncio.Event,
    state: State,
    host: str,
    port: int,
    announce: Callable[[str], None],
) -> None:
    api = Api(state, PREFIX)
    # These take half a second, which the first request should not wait for.
    catalog.models()
    tokens.encoding()
    loop = asyncio.get_running_loop()

    def make_request(
        message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES
        )

    # A bare server: routing, middlewares and the access log cost a third of a small request.
    server = web.Server(api.handle, request_factory=make_request, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        announce(f"http://{host}:{bound}{PREFIX}")
        await stop.wait()
    finally:
        await runner.cleanup()
