"""How an edit is sent: `n` requests side by side, each with its own parameters and ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter import admission, errors, images

if TYPE_CHECKING:
    from litellm.types.utils import ImageResponse

# LiteLLM hands `extra_body` to its handler, which loses it. No option's name: it is not sent.
EXTRA_BODY: Final = "_openrouter_adapter_edit_extra_body"


class EditHandler:
    """LiteLLM's HTTP handler for edits; other providers pass through to LiteLLM's own."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        """Everything else is LiteLLM's own."""
        return getattr(self._original, name)

    def image_edit_handler(self, *arguments: Any, **call: Any) -> Any:
        """Sends a call's requests; a coroutine of it where the call is asynchronous."""
        if call.get("custom_llm_provider") != errors.PROVIDER:
            return self._original.image_edit_handler(*arguments, **call)
        parameters = call["image_edit_optional_request_params"]
        calls = [_own(call) for _ in range(images.count(parameters, call["model"]))]
        if call.get("_is_async"):
            return images.send_each_async(self._send_async, calls)
        return images.send_each(self._send, calls)

    def _send(self, call: dict[str, Any]) -> ImageResponse:
        carrier = carrier_of(call["litellm_params"])
        with admission.settled_on_failure(carrier):
            admission.listen(call.get("client"), carrier, is_async=False)
            response: ImageResponse = self._original.image_edit_handler(**call)
            return response

    async def _send_async(self, call: dict[str, Any]) -> ImageResponse:
        carrier = carrier_of(call["litellm_params"])
        with admission.settled_on_failure(carrier):
            admission.listen(call.get("client"), carrier, is_async=True)
            response: ImageResponse = await self._original.image_edit_handler(**call)
            return response


def carrier_of(litellm_params: Any) -> dict[str, Any]:
    """The attempt's parameters that LiteLLM's class does not name: options, and its ticket."""
    extra = getattr(litellm_params, "model_extra", None)
    return extra if isinstance(extra, dict) else {}


def _own(call: dict[str, Any]) -> dict[str, Any]:
    """A call with parameters of its own, `extra_body` and the headers where they are read."""
    parameters = call["litellm_params"].model_copy()
    carrier = carrier_of(parameters)
    if call.get("extra_body"):
        carrier[EXTRA_BODY] = call["extra_body"]
    # With the headers in place before the key is looked for, an Authorization header will do.
    asked = {
        **call["image_edit_optional_request_params"],
        "extra_headers": dict(call.get("extra_headers") or {}),
    }
    made = {
        **call,
        "litellm_params": parameters,
        "image_edit_optional_request_params": asked,
        "extra_headers": None,
    }
    admission.carry(carrier, {**made, "litellm_params": dict(parameters)})
    return made
