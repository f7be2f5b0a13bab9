"""What every test needs: LiteLLM without its network, and no OpenRouter settings of the machine."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import pytest
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

import openrouter_adapter
from openrouter_adapter.emulator import Emulator
from openrouter_adapter.images import models as image_models
from openrouter_adapter.video_generation import models as video_models
from tests.support.browser import Browser
from tests.support.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"
SETTINGS = (
    *("OPENROUTER_API_KEY", "OR_API_KEY", "OPENROUTER_API_BASE", "OR_SITE_URL", "OR_APP_NAME"),
    *("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"),
    *("OPENROUTER_PROVISIONING_KEY", "OPENROUTER_DEBUG"),
)
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


# `nohup` and a shell's background jobs ignore signals that tests send; processes inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if os.name != "nt" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the machine's own keys and addresses out of the environment."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    # Nobody has logged in.
    monkeypatch.setenv("OPENROUTER_ADAPTER_KEY_FILE", os.devnull + "/none")


@pytest.fixture(autouse=True)
def no_spool(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep rows that wait for a ledger's database out of the machine's own folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


# LiteLLM tells a call twice where a listener of an earlier test stayed in one of these.
CALLBACK_LISTS = (
    "callbacks",
    *("input_callback", "success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
)


@pytest.fixture(autouse=True)
def no_callbacks() -> Iterator[None]:
    """Begin and end with nobody listening to LiteLLM, and no event of an earlier test to come."""
    lists = [getattr(litellm, name) for name in CALLBACK_LISTS]
    for held in lists:
        held.clear()
    yield
    for name, held in zip(CALLBACK_LISTS, lists, strict=True):
        held.clear()
        setattr(litellm, name, held)
    if GLOBAL_LOGGING_WORKER._queue is not None:
        for late in GLOBAL_LOGGING_WORKER._drain_pending(GLOBAL_LOGGING_WORKER._queue):
            late["coroutine"].close()


# LiteLLM 1.106.0 ships prices of OpenRouter's models, 1.106.2 none: every test begins without.
for shipped in [name for name in litellm.model_cost if name.startswith("openrouter/")]:
    del litellm.model_cost[shipped]
litellm.openrouter_models.clear()


@pytest.fixture(autouse=True)
def no_prices() -> Iterator[None]:
    """Leave no price with LiteLLM: it would calculate a cost if a recording has none."""
    yield
    catalog = sys.modules.get("openrouter_adapter.catalog")
    if catalog is not None:
        catalog.unregister_prices()
    # A Router writes its deployments' prices there as well, and leaves them, and their names.
    litellm.openrouter_models.clear()
    left = [name for name in litellm.model_cost if name.startswith("openrouter/")]
    for name in left:
        del litellm.model_cost[name]
    if left:
        forget = getattr(litellm.utils, "_invalidate_model_cost_lowercase_map", None)
        if forget is not None:
            forget()


@pytest.fixture(autouse=True)
def no_listed_models() -> Iterator[None]:
    """Leave nothing that a catalogue reported of image and video models: calls are held to it."""
    yield
    image_models.forget()
    video_models.forget()


@pytest.fixture(scope="session")
def running_loopback() -> Iterator[Loopback]:
    """The one server of the whole run."""
    with Loopback() as running:
        yield running


@pytest.fixture
def loopback(running_loopback: Loopback) -> Iterator[Loopback]:
    """A server that has seen nothing yet; nothing is registered, no key is set."""
    running_loopback.reset()
    yield running_loopback
    # LiteLLM keeps its asynchronous clients, whose event loop ends with the test.
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture
def openrouter(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """OpenRouter as the adapter sees it: registered, with the address and a key set.

    Every body that arrives is checked against the official SDK's request models, and against
    OpenRouter's OpenAPI description.
    """
    # Some clients bring another version of the SDK, and need no judge.
    from tests.support import openapi
    from tests.support.sdk_schema import faults

    monkeypatch.setenv("OPENROUTER_API_BASE", loopback.base_url)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    with openrouter_adapter.registered():
        yield loopback
    # Whatever a test had us send, OpenRouter's own schema must take.
    for request in loopback.requests:
        assert faults(request.path, request.body, loopback.beyond_schema) == []
        assert openapi.faults(request.path, request.body, loopback.beyond_schema) == []


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The emulator in OpenRouter's place, with the adapter registered; its bill is the truth."""
    with Emulator() as running, openrouter_adapter.registered():
        monkeypatch.setenv("OPENROUTER_API_BASE", running.base_url)
        monkeypatch.setenv("OPENROUTER_API_KEY", running.api_key)
        yield running
    # LiteLLM keeps its asynchronous clients, whose event loop ends with the test.
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, where this machine has one with its driver."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with its driver here: Debian's are chromium, chromium-driver")
    pytest.importorskip("selenium")
    opened = Browser(chromium, driver)
    yield opened
    opened.close()
