"""How many requests an image call is: truly asynchronous, and `n` of them side by side.

The chat route answers a request with what the model makes, whatever `n` says; so `n` images
are `n` requests, and their images, usage and cost are added up. The images API counts itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm.llms.custom_httpx.llm_http_handler import BaseLLMHTTPHandler

from openrouter_adapter import admission, errors, images
from openrouter_adapter.image_generation import dedicated

if TYPE_CHECKING:
    from litellm.types.utils import ImageResponse


class ImageHandler(BaseLLMHTTPHandler):
    """LiteLLM's HTTP handler for images; other providers pass through to LiteLLM's own."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def image_generation_handler(self, *arguments: Any, **call: Any) -> Any:
        """Sends a call's requests; a coroutine of it where the call was asynchronous."""
        if call.get("custom_llm_provider") != errors.PROVIDER:
            return self._original.image_generation_handler(*arguments, **call)
        call_type = getattr(call.get("logging_obj"), "call_type", None)
        is_async = call_type == "aimage_generation" or call.pop("_is_async", False)
        parameters = call["image_generation_optional_request_params"]
        count = images.count(parameters, call["model"])
        if dedicated.is_chosen(parameters, call["model"]):
            # The images API knows `n`, and answers with all of them.
            count = 1
        if is_async:
            return self._send_async(count, call)
        return images.send_each(self._send, _calls(count, call))

    def _send(self, call: dict[str, Any]) -> Any:
        admission.carry(call["litellm_params"], call)
        with admission.settled_on_failure(call["litellm_params"]):
            admission.listen(call.get("client"), call["litellm_params"], is_async=False)
            response: Any = super().image_generation_handler(**call)
            return response

    async def _send_async(self, count: int, call: dict[str, Any]) -> ImageResponse:
        handler: Any = super().image_generation_handler

        async def send(one: dict[str, Any]) -> ImageResponse:
            admission.carry(one["litellm_params"], one)
            with admission.settled_on_failure(one["litellm_params"]):
                admission.listen(one.get("client"), one["litellm_params"], is_async=True)
                response: ImageResponse = await handler(**one, _is_async=True)
                return response

        return await images.send_each_async(send, _calls(count, call))


def _calls(count: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """The call `count` times; each has parameters of its own, which hold its ticket."""
    return [{**call, "litellm_params": dict(call["litellm_params"])} for _ in range(count)]
