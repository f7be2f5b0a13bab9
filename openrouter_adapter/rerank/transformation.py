"""`litellm.rerank("openrouter/…")`: the class that LiteLLM calls, and its steps.

See https://openrouter.ai/docs/api-reference/overview.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from litellm.llms.base_llm.rerank.transformation import BaseRerankConfig
from litellm.types.rerank import RerankResponse

from openrouter_adapter import admission, options
from openrouter_adapter.endpoint import Endpoint, tell_of_answer
from openrouter_adapter.wire import connection, errors, model_names, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

logger = logging.getLogger("openrouter_adapter")

# Cohere's parameters, which LiteLLM's function accepts and OpenRouter's endpoint lacks.
_UNSUPPORTED: Final = ("rank_fields", "max_chunks_per_doc", "max_tokens_per_doc", "instruction")


def build_body(model: str, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a rerank request.

    Args:
        model: As OpenRouter names it.
        keywords: `query`, `documents` (texts, or objects with `text` and `image`), `top_n`,
            `user`, OpenRouter's options (`provider`, …), and `extra_body`, which is sent
            unchecked and fills in what no keyword sets.

    Raises:
        litellm.BadRequestError: a field is invalid; the message names what is allowed.
    """
    fields, extra = options.body_fields(keywords)
    _check_query(fields, model)
    _check_documents(fields.get("documents"), model)
    options.check(fields, model)
    named = {"model": model_names.wire_model(model), **fields}
    return options.with_extra(named, extra, model=model)


def _check_query(fields: Mapping[str, Any], model: str) -> None:
    query, top_n = fields.get("query"), fields.get("top_n")
    if not isinstance(query, str) or not query.strip():
        raise errors.bad_request(f"query={query!r}: give the text to compare documents to", model)
    if top_n is not None and (isinstance(top_n, bool) or not isinstance(top_n, int) or top_n < 1):
        raise errors.bad_request(f"top_n={top_n!r}: give a whole number from 1", model)


def _check_documents(documents: Any, model: str) -> None:
    allowed = "give texts, or objects with `text` or `image`"
    if not isinstance(documents, list | tuple) or not documents:
        raise errors.bad_request(f"documents={documents!r:.200}: {allowed}", model)
    for place, document in enumerate(documents):
        if not isinstance(document, str) and not (
            isinstance(document, dict) and (document.get("text") or document.get("image"))
        ):
            raise errors.bad_request(f"documents[{place}]={document!r:.200}: {allowed}", model)


def parse(
    content: bytes,
    request: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    model: str = "",
) -> dict[str, Any]:
    """The checked wire answer: `results`, best first, each with `index` and `relevance_score`.

    Raises:
        One of LiteLLM's exceptions: the answer is an error, or has no valid results.
    """
    body = errors.read_body(content, headers, model)
    results, count = body.get("results"), len(request["documents"])
    if not isinstance(results, list) or not results:
        raise errors.no_answer(body, "the answer has no results", headers, model)
    for result in results:
        index, score = result["index"], result["relevance_score"]
        if not isinstance(index, int) or not 0 <= index < count:
            message = f"result for document {index!r} of {count}"
            raise errors.no_answer(body, message, headers, model)
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise errors.no_answer(body, f"relevance_score={score!r}", headers, model)
    return body


class OpenRouterRerankResponse(RerankResponse):
    """LiteLLM's response, whose types leave a document's image out of `model_dump()`."""

    results: Any = None
    meta: Any = None


class OpenRouterRerankConfig(Endpoint, BaseRerankConfig):
    """LiteLLM's transformation class for OpenRouter's `/rerank`. Holds no state."""

    _path = "/rerank"
    _parameters = ("query", "documents", "top_n", "return_documents", "user")

    def get_supported_cohere_rerank_params(self, model: str) -> list[Any]:
        """Cohere's parameters that have a meaning here, whatever the model."""
        return list(self._parameters)

    def map_cohere_rerank_params(
        self,
        non_default_params: dict[str, Any],
        model: str,
        drop_params: bool,
        query: str,
        documents: list[str | dict[str, Any]],
        custom_llm_provider: str | None = None,
        top_n: int | None = None,
        rank_fields: list[str] | None = None,
        return_documents: bool | None = True,
        max_chunks_per_doc: int | None = None,
        max_tokens_per_doc: int | None = None,
        instruction: str | None = None,
    ) -> dict[str, Any]:
        """The parameters for OpenRouter among all that LiteLLM has of the call.

        Raises:
            litellm.BadRequestError: a parameter of Cohere's that OpenRouter lacks, and
                `drop_params` is off.
        """
        given = {**non_default_params, "rank_fields": rank_fields}
        for name in _UNSUPPORTED:
            value = given.pop(name, None)
            if value is None:
                continue
            said = f"{name}={value!r} is not supported by OpenRouter's /rerank"
            if not drop_params:
                raise errors.bad_request(f"{said}; leave it out, or set drop_params", model)
            logger.warning("%s: dropped", said)
        fields = options.gather_known(given, (*self._parameters, "extra_body"))
        fields.setdefault("return_documents", True)
        return fields

    def validate_environment(  # type: ignore[override] # LiteLLM's differs from its other endpoints
        self,
        headers: dict[str, Any],
        model: str,
        api_key: str | None = None,
        optional_params: dict[str, Any] | None = None,
        litellm_params: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The request headers, with `extra_headers`, which LiteLLM leaves to this class.

        Raises:
            litellm.AuthenticationError: there is no key.
        """
        extra = (litellm_params or {}).get("extra_headers") or {}
        return super().validate_environment({**headers, **extra}, model, [], {}, {}, api_key)

    def get_complete_url(  # type: ignore[override] # the same
        self,
        api_base: str | None,
        model: str,
        optional_params: dict[str, Any] | None = None,
    ) -> str:
        """The endpoint's URL under the call's, LiteLLM's or the environment's base."""
        return connection.endpoint_url(api_base, self._path)

    def transform_rerank_request(
        self,
        model: str,
        optional_rerank_params: dict[str, Any],
        headers: dict[str, Any],
        litellm_params: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The body, admitted."""
        keywords = {n: v for n, v in optional_rerank_params.items() if n != "return_documents"}
        body = build_body(model, keywords)
        admission.before_send(body, self._path)
        return body

    def transform_rerank_response(
        self,
        model: str,
        raw_response: httpx.Response,
        model_response: RerankResponse,
        logging_obj: Any,
        api_key: str | None = None,
        request_data: dict[str, Any] | None = None,
        optional_params: dict[str, Any] | None = None,
        litellm_params: dict[str, Any] | None = None,
    ) -> RerankResponse:
        """LiteLLM's response with the billed cost; `meta` has the usage.

        Raises:
            One of LiteLLM's exceptions (errors.py): the answer is an error, or ranks nothing.
        """
        request = request_data or {}
        tell_of_answer(logging_obj, raw_response, request, inputs=request.get("query"), key=api_key)
        content, headers = raw_response.content, raw_response.headers
        with admission.finishing() as finish, errors.for_malformed(content, headers, model):
            body = parse(content, request, headers, model)
            asked = getattr(logging_obj, "optional_params", None) or {}
            results = body["results"]
            if asked.get("return_documents") is False:
                results = [_without_document(result) for result in results]
            response = OpenRouterRerankResponse(
                id=usage.read_generation_id(body, headers), results=results, meta=_meta(body)
            )
            hidden = response._hidden_params
            finish(usage.attach(hidden, body, headers))
            hidden["model"] = body.get("model") or model
            hidden["openrouter"].pop("results", None)
            if isinstance(body.get("usage"), dict):
                hidden["openrouter"]["usage"] = body["usage"]
        return response


def _without_document(result: Mapping[str, Any]) -> Any:
    return {name: value for name, value in result.items() if name != "document"}


def _meta(body: Mapping[str, Any]) -> Any:
    """The wire's usage, in the form of Cohere's, which LiteLLM expects."""
    counts = body.get("usage")
    if not isinstance(counts, dict):
        return None
    units = {n: counts[n] for n in ("search_units", "total_tokens") if counts.get(n) is not None}
    tokens = counts.get("total_tokens")
    return {
        "billed_units": units,
        **({} if tokens is None else {"tokens": {"input_tokens": tokens}}),
    }
