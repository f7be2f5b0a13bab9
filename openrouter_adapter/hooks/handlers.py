"""LiteLLM's HTTP handler with an attempt around each request to OpenRouter.

LiteLLM passes a failure, a header or a response to a transformation class without saying to which
request it belongs. Here the request is known, on all endpoints alike: `Handler` begins an
`admission.Attempt` for each, and finishes it if no response does.
"""

from __future__ import annotations

import functools
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.custom_httpx import http_handler
from litellm.responses.streaming_iterator import (
    ResponsesAPIStreamingIterator,
    SyncResponsesAPIStreamingIterator,
)

from openrouter_adapter import admission, options
from openrouter_adapter.admission import Attempt, NotSentError
from openrouter_adapter.anthropic_messages import as_chat, requests, synchronous
from openrouter_adapter.anthropic_messages import streaming as streams
from openrouter_adapter.hooks import clients
from openrouter_adapter.images import response as images
from openrouter_adapter.images import routes
from openrouter_adapter.responses.streaming import (
    AsyncOpenRouterResponsesStream,
    OpenRouterResponsesStream,
)
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _for_openrouter(method: Callable[..., Any]) -> Callable[..., Any]:
    """Lets calls of other providers pass through to LiteLLM's own method of the same name."""
    name = method.__name__

    @functools.wraps(method)
    def choose(self: Handler, *arguments: Any, **call: Any) -> Any:
        if arguments or call.get("custom_llm_provider") != errors.PROVIDER:
            return getattr(self._original, name)(*arguments, **call)
        return method(self, **call)

    return choose


class Handler:
    """LiteLLM's HTTP handler, which knows each request to OpenRouter.

    Each method sends one call, or returns a coroutine that does if the call is asynchronous.
    """

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        """Everything else is LiteLLM's own."""
        return getattr(self._original, name)

    @_for_openrouter
    def completion(self, **call: Any) -> Any:
        """`/chat/completions` and `/completions`.

        LiteLLM takes `extra_body` out of the parameters and merges it last. The messages depend
        on the models that it may name, so it also goes by its prefixed name, which stays.
        """
        send = self._original.completion
        parameters = call.get("optional_params") or {}
        extra_body = parameters.get("extra_body")
        if extra_body:
            call["optional_params"] = {**parameters, "openrouter_extra_body": extra_body}
        return _send(send, call, is_async=bool(call.get("acompletion")))

    @_for_openrouter
    def embedding(self, **call: Any) -> Any:
        """`/embeddings`.

        LiteLLM writes `extra_body` over the body, so fields that the call sets are removed from it.
        """
        parameters = call.get("optional_params") or {}
        if parameters.get("extra_body"):
            said = {"model", "input", *options.gather(parameters)}
            extra_body = options.unsaid(parameters["extra_body"], said, call.get("model") or "")
            call["optional_params"] = {**parameters, "extra_body": extra_body}
        return _send(self._original.embedding, call, is_async=bool(call.get("aembedding")))

    @_for_openrouter
    def rerank(self, **call: Any) -> Any:
        """`/rerank`."""
        is_async = bool(call.get("_is_async"))
        _choose_client(call, is_async=is_async)
        return _send(self._original.rerank, call, is_async=is_async)

    @_for_openrouter
    def audio_transcriptions(self, **call: Any) -> Any:
        """`/audio/transcriptions`."""
        is_async = bool(call.get("atranscription"))
        _choose_client(call, is_async=is_async)
        return _send(self._original.audio_transcriptions, call, is_async=is_async)

    @_for_openrouter
    def text_to_speech_handler(self, **call: Any) -> Any:
        """`/audio/speech`."""
        send = self._original.text_to_speech_handler
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def image_generation_handler(self, **call: Any) -> Any:
        """Images, by chat or by `/images`: truly asynchronous, which LiteLLM's own is not."""
        send = self._original.image_generation_handler
        parameters = call["image_generation_optional_request_params"]
        call_type = getattr(call.get("logging_obj"), "call_type", None)
        call["_is_async"] = call_type == "aimage_generation" or bool(call.get("_is_async"))
        route, shares = routes.shares(parameters, call["model"])
        calls = [
            {
                **call,
                "image_generation_optional_request_params": routes.with_share(
                    parameters, route, share
                ),
            }
            for share in shares
        ]
        return _send_each(send, calls)

    @_for_openrouter
    def image_edit_handler(self, **call: Any) -> Any:
        """Edits of images, by chat or by `/images`."""
        send = self._original.image_edit_handler
        parameters = _with_extras(call["image_edit_optional_request_params"], call)
        unnamed = getattr(call["litellm_params"], "model_extra", None) or {}
        route, shares = routes.shares({**unnamed, **parameters}, call["model"])
        calls = [
            {
                **call,
                "image_edit_optional_request_params": routes.with_share(parameters, route, share),
                # For the choice of the URL, LiteLLM passes on these alone.
                "litellm_params": call["litellm_params"].model_copy(update={routes.PINNED: route}),
            }
            for share in shares
        ]
        return _send_each(send, calls)

    @_for_openrouter
    def response_api_handler(self, **call: Any) -> Any:
        """`/responses`."""
        send = self._original.response_api_handler
        parameters = call["response_api_optional_request_params"]
        call["response_api_optional_request_params"] = _with_extras(parameters, call)
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def video_generation_handler(self, **call: Any) -> Any:
        """`/videos`: starts a job."""
        send = self._original.video_generation_handler
        parameters = call["video_generation_optional_request_params"]
        headers = {**(parameters.get("extra_headers") or {}), **(call.get("extra_headers") or {})}
        call["extra_headers"] = None
        call["video_generation_optional_request_params"] = {**parameters, "extra_headers": headers}
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def video_remix_handler(self, **call: Any) -> Any:
        """`/videos`, with the id of the job that it changes."""
        send = self._original.video_remix_handler
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def video_edit_handler(self, **call: Any) -> Any:
        """`/videos`, with the id of the job that it edits."""
        return _send(self._original.video_edit_handler, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def video_extension_handler(self, **call: Any) -> Any:
        """`/videos`, with the id of the job that it extends."""
        send = self._original.video_extension_handler
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def video_status_handler(self, **call: Any) -> Any:
        """`GET /videos/{id}`, which costs nothing."""
        send = self._original.video_status_handler
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def video_content_handler(self, **call: Any) -> Any:
        """`GET /videos/{id}/content`, which costs nothing."""
        send = self._original.video_content_handler
        return _send(send, call, is_async=bool(call.get("_is_async")))

    @_for_openrouter
    def decisions(self, **call: Any) -> Any:
        """`/alpha/decisions`, in LiteLLM's own form; clients.py admits it and reads its bill."""
        return _send(self._original.decisions, call, is_async=False)

    @_for_openrouter
    def adecisions(self, **call: Any) -> Any:
        """The asynchronous twin of `decisions`."""
        return _send(self._original.adecisions, call, is_async=True)

    @_for_openrouter
    def anthropic_messages_handler(self, **call: Any) -> Any:
        """`/messages`, or a chat if the call asks for one; LiteLLM's own is only asynchronous."""
        if requests.route_of(call["kwargs"], call["model"]) == requests.CHAT:
            return as_chat.call(call)
        if not call.get("_is_async"):
            return synchronous.call(call)
        if call.get("stream"):
            streams.check_installed(call["model"])
        _choose_client(call, is_async=True)
        call["kwargs"] = requests.with_client_headers(call["kwargs"])
        send = functools.partial(_with_messages_body, self._original.anthropic_messages_handler)
        return _send(send, call, is_async=True)


def _with_messages_body(send: Callable[..., Any], **call: Any) -> Any:
    """Sends a Messages request whose body has been admitted.

    LiteLLM builds it on the event loop, which the gate's database would block.
    """
    name = "anthropic_messages_optional_request_params"
    body = requests.build_body(call["model"], call["messages"], call[name], call["kwargs"])
    admission.before_send(body, requests.PATH)
    call["messages"] = body["messages"]
    call[name] = {field: body[field] for field in body if field not in {"model", "messages"}}
    return send(**call)


def _litellm_params(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """LiteLLM's parameters of a call; on some endpoints they are an object."""
    parameters = call.get("litellm_params") or {}
    if isinstance(parameters, dict):
        return parameters
    return {
        name: getattr(parameters, name, None) for name in (*admission.CALL_FIELDS, "ssl_verify")
    }


# Where LiteLLM's handler gets the parameters of a call, by endpoint.
_PARAMETERS: Final = (
    "optional_params",
    "litellm_params",
    "image_edit_optional_request_params",
    "image_generation_optional_request_params",
    "optional_rerank_params",
    "response_api_optional_request_params",
    "text_to_speech_optional_params",
    "video_generation_optional_request_params",
)


def _option_headers(call: Mapping[str, Any]) -> dict[str, str]:
    """The headers that options among a call's parameters ask for."""
    found: dict[str, Any] = {}
    for name in _PARAMETERS:
        value = call.get(name)
        if value:
            fields = value if isinstance(value, dict) else getattr(value, "model_extra", None) or {}
            for option in options.HEADER_OPTIONS:
                if option in fields:
                    found[option] = fields[option]
    return options.headers_of(found, str(call.get("model") or "")) if found else {}


def _with_extras(parameters: Mapping[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """A request's parameters with the extra headers and body of its call among them.

    LiteLLM adds the headers after it has looked for the key, although an Authorization header
    among them will do; and `extra_body` after the body was admitted, or never.
    """
    headers = {**(parameters.get("extra_headers") or {}), **(call.get("extra_headers") or {})}
    call["extra_headers"] = None
    extra_body = call.get("extra_body") or parameters.get("extra_body")
    return {**parameters, "extra_headers": headers, "extra_body": extra_body}


def _send_each(send: Callable[..., Any], calls: list[dict[str, Any]]) -> Any:
    """Sends calls concurrently, each as an attempt of its own, and adds their responses up."""
    is_async = bool(calls[0].get("_is_async"))
    each = images.send_each_async if is_async else images.send_each
    return each(functools.partial(_send, send, is_async=is_async), calls)


def _send(send: Callable[..., Any], call: dict[str, Any], *, is_async: bool) -> Any:
    """Sends one request as an attempt; returns a coroutine that does if the call is asynchronous.

    Args:
        send: The method of LiteLLM's handler.
        call: Its keywords.
        is_async: Whether it returns a coroutine.
    """
    parameters = _litellm_params(call)
    attempt = Attempt(parameters, call.get("api_key"), call.get("logging_obj"))
    attempt.headers = _option_headers(call)
    client, verifies = call.get("client"), parameters.get("ssl_verify")
    with attempt:
        if not is_async:
            call["client"] = _sync_clients.hooked(client, verifies)
            return _own_stream(send(**call), attempt)
        # LiteLLM prepares most requests here, in a thread, and sends them from a coroutine.
        answer = send(**call)
    sent = _send_async(answer, attempt, client, verifies)
    if attempt.has_ticket:
        _unsent[id(attempt)] = weakref.ref(sent, lambda _: _finish_unsent(attempt))
    return sent


async def _send_async(answer: Any, attempt: Attempt, client: Any, verifies: Any) -> Any:
    _unsent.pop(id(attempt), None)
    with attempt:
        if not isinstance(client, http_handler.AsyncHTTPHandler):
            # The one that LiteLLM made for this event loop, and will look up again in a moment.
            client = _usual_client(verifies, is_async=True)
        clients.add_hooks(client)
        return _own_stream(await answer, attempt)


# Asynchronous attempts that have not begun to send: LiteLLM prepares them in a thread, for a task
# that may be gone by then. `weakref.finalize` would take four times as long.
_unsent: Final[dict[int, weakref.ref[Any]]] = {}


def _finish_unsent(attempt: Attempt) -> None:
    if _unsent.pop(id(attempt), None) is not None:
        attempt.finish(None, NotSentError())


def _own_stream(answer: Any, attempt: Attempt) -> Any:
    """The answer; a stream of Responses as ours, which finishes the attempt when it ends."""
    if isinstance(answer, SyncResponsesAPIStreamingIterator):
        return OpenRouterResponsesStream.of(answer, attempt)
    if isinstance(answer, ResponsesAPIStreamingIterator):
        return AsyncOpenRouterResponsesStream.of(answer, attempt)
    # LiteLLM puts an object around a stream of Messages that only carries its headers.
    inner = getattr(answer, "completion_stream", None)
    return inner if isinstance(inner, streams.OpenRouterMessagesStream) else answer


def _choose_client(call: dict[str, Any], *, is_async: bool) -> None:
    """Sets the asynchronous client if LiteLLM's own choice would ignore the call's `ssl_verify`."""
    if is_async and call.get("client") is None:
        call["client"] = _usual_client(_litellm_params(call).get("ssl_verify"), is_async=True)


def _usual_client(verifies: Any, *, is_async: bool) -> Any:
    """The client that LiteLLM keeps for OpenRouter's requests."""
    wanted = {"ssl_verify": verifies}
    if is_async:
        return http_handler.get_async_httpx_client(errors.PROVIDER, wanted)
    return http_handler._get_httpx_client(wanted)


class _SyncClients:
    """The synchronous clients of our calls, with the hooks of clients.py.

    Each call is given one, so that none is sent by a client without the hooks. Asking LiteLLM which
    one it keeps takes 15 to 120 µs; it replaces it every hour, so an answer is used for a second.
    """

    def __init__(self) -> None:
        # By `ssl_verify`: LiteLLM's client, its httpx client, and until when to use them.
        self._kept: dict[str, tuple[weakref.ref[Any], weakref.ref[Any], float]] = {}

    def hooked(self, given: Any, verifies: Any) -> Any:
        """The call's own client, or else the one that LiteLLM keeps for its `ssl_verify`."""
        if isinstance(given, http_handler.HTTPHandler):
            clients.add_hooks(given)
            return given
        now = time.monotonic()
        kept = self._kept.get(str(verifies))
        if kept is not None:
            client = kept[0]()
            # LiteLLM makes a new one if it finds its own closed.
            if client is not None and now < kept[2] and client.client is kept[1]():
                return client
        client = _usual_client(verifies, is_async=False)
        clients.add_hooks(client)
        self._kept[str(verifies)] = weakref.ref(client), weakref.ref(client.client), now + 1.0
        return client

    def forget(self) -> None:
        """Has the next call ask LiteLLM again."""
        self._kept.clear()


_sync_clients: Final = _SyncClients()


def forget_clients() -> None:
    """Forgets LiteLLM's clients, which are no longer watched after `unregister`."""
    _sync_clients.forget()
