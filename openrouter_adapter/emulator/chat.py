"""From a chat's body to its completion: routing, checks, answer, price."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from . import (
    answers,
    billing,
    body_builder,
    caching,
    errors,
    images,
    limits,
    plugins,
    presets,
    reasoning,
    routing,
    stored_files,
    tokens,
)
from .answers import Answer, Thought
from .billing import Usage
from .bodies import check_chat
from .completion import Completion
from .errors import ApiError

if TYPE_CHECKING:
    from decimal import Decimal

    from .catalog import Endpoint, Model
    from .faults import RequestFaults
    from .plugins import Plugins, Work
    from .routing import Target
    from .state import State


def complete(
    state: State, body: dict[str, Any], faults: RequestFaults, *, in_batch: bool = False
) -> Completion:
    """Return the completion of the first endpoint that can answer a chat.

    Args:
        state: The account and the caller's key.
        body: The request.
        faults: The faults that may strike.
        in_batch: Whether it is a request of a batch.

    Raises:
        ApiError: The last error, with those before it in its metadata.
    """
    body = stored_files.with_contents(presets.applied(body, state.presets), state.files)
    check_chat(body)
    body = {**body, "messages": state.guardrails.filtered(state.key, body["messages"])}
    refusals: list[ApiError] = []
    for name in routing.names(body):
        try:
            target = routing.target_of(name, in_batch=in_batch)
            routing.check_modalities(target.model, body)
            permitted = state.guardrails.permitted(state.key, target.model)
            candidates = routing.endpoints(target, body, permitted)
        except ApiError as refusal:
            _keep(refusals, refusal)
            continue
        for endpoint in candidates:
            model, provider = target.model.id, endpoint.provider
            try:
                fault = faults.take("attempt", model, provider)
                if fault is not None:
                    raise state.refuse(fault, faults.path, body, model, provider)
                return _attempt(state, body, target, endpoint, faults.path)
            except ApiError as refusal:
                _keep(refusals, refusal)
    last = refusals[-1]
    if len(refusals) > 1:
        previous = [{"code": one.status, "message": one.message} for one in refusals]
        last.metadata = {**(last.metadata or {}), "previous_errors": previous}
    raise last


def _keep(refusals: list[ApiError], refusal: ApiError) -> None:
    if not refusal.falls_back:
        raise refusal
    refusals.append(refusal)


def _attempt(
    state: State, body: dict[str, Any], target: Target, endpoint: Endpoint, path: str
) -> Completion:
    plugged = plugins.plugins_of(body, target)
    work = plugins.work(body, target, endpoint, plugged)
    added_tokens = tokens.count(_extra(body)) + tokens.count(work.context)
    body = _compressed(body, endpoint, added_tokens, plugged)
    prompt_tokens = tokens.prompt_tokens(body["messages"]) + added_tokens
    output_limit = routing.output_limit(body)
    _check_length(body, endpoint, prompt_tokens)
    limits.check_worst_case(state, target.model, endpoint, prompt_tokens, output_limit)
    if state.settings.check_signatures:
        is_claude = target.model.author == "anthropic"
        reasoning.check_returned(body["messages"], endpoint.provider, is_claude=is_claude)
    if target.model.author == "anthropic":
        caching.check_breakpoints(body, endpoint.provider)
    cached = state.cache.use(body, endpoint, target.model.id, state.now())
    wish = reasoning.wish(body, target.model)
    answer = plugins.healed(_answer(state, body, target, wish), body, plugged)
    answer = limited(answer, body)
    answer = replace(answer, annotations=answer.annotations + work.annotations)
    usage = replace(
        _usage(answer, prompt_tokens, body, work, target.model),
        cached=cached.read,
        cache_write=cached.written,
        cache_write_1h=cached.written_1h,
    )
    cost = billing.price(usage, endpoint, is_byok=state.is_byok(target.model, endpoint))
    if billing.insured(usage, answer.finish_reason):
        cost = billing.Cost(is_byok=cost.is_byok)
    return Completion(
        id=state.new_id(),
        created=int(state.now()),
        model=target.model,
        endpoint=endpoint,
        answer=answer,
        call_ids=state.call_ids(len(answer.tool_calls), endpoint.provider),
        usage=usage,
        cost=cost,
        show_reasoning=not wish.exclude,
        path=path,
    )


def _extra(body: dict[str, Any]) -> str:
    # Tools and schemas are part of the prompt that a provider counts.
    parts = [body[name] for name in ("tools", "response_format") if body.get(name)]
    return orjson.dumps(parts).decode() if parts else ""


def _compressed(
    body: dict[str, Any], endpoint: Endpoint, added_tokens: int, plugged: Plugins
) -> dict[str, Any]:
    budget = endpoint.context_length - (routing.output_limit(body) or 0) - added_tokens
    if tokens.prompt_tokens(body["messages"]) <= budget or not plugins.compresses(
        body, plugged, endpoint.context_length
    ):
        return body
    return {**body, "messages": plugins.middle_out(body["messages"], budget)}


def _check_length(body: dict[str, Any], endpoint: Endpoint, prompt_tokens: int) -> None:
    output = routing.output_limit(body) or 0
    if prompt_tokens + output > endpoint.context_length:
        raise errors.context_length(endpoint.context_length, prompt_tokens, output)


def _answer(state: State, body: dict[str, Any], target: Target, wish: reasoning.Wish) -> Answer:
    messages = body["messages"]
    model = target.model
    configured = answers.scripted(state.settings.answer, body, model.id)
    if configured is not None:
        answer = configured
    elif _draws(body, target):
        answer = _drawing(body, target)
    elif model.always_calls:
        answer = answers.insist(body, messages)
    elif model.id == body_builder.MODEL:
        built = body_builder.build(answers.last_words(messages))
        answer = Answer(orjson.dumps({"requests": built}).decode())
    else:
        answer = answers.compose(body, messages)
    if wish.enabled and answer.reasoning is None and not _thought_before(messages, model):
        prompt = answers.last_words(messages)
        thought = answers.thought(prompt, wish.effort)
        is_redacted = reasoning.REDACTION_TRIGGER in prompt
        answer = replace(answer, reasoning=(Thought(thought, True),) if is_redacted else thought)
    return answer


def _thought_before(messages: list[dict[str, Any]], model: Model) -> bool:
    # Claude reasons once a turn: not again after a tool's result.
    form = model.reasoning.format if model.reasoning else ""
    return form == reasoning.ANTHROPIC and messages[-1].get("role") == "tool"


def _draws(body: dict[str, Any], target: Target) -> bool:
    wanted = body.get("modalities")
    return "image" in target.model.output and (wanted is None or "image" in wanted)


def _drawing(body: dict[str, Any], target: Target) -> Answer:
    prompt = answers.last_words(body["messages"])
    url = images.data_url(prompt, body.get("image_config"))
    speaks = "text" in target.model.output and "text" in (body.get("modalities") or ["text"])
    words = answers.caption(prompt) if speaks else ""
    return Answer(content=words, images=(url,))


def limited(answer: Answer, body: dict[str, Any]) -> Answer:
    """Cut an answer at the request's stop sequences and token limit."""
    content = answer.content
    stop = body.get("stop")
    for sequence in [stop] if isinstance(stop, str) else stop or ():
        if content and sequence and sequence in content:
            content = content.partition(sequence)[0]
            answer = replace(answer, stopped_at=sequence)
    limit = routing.output_limit(body)
    if limit is None:
        return replace(answer, content=content)
    thought = answer.reasoning
    if isinstance(thought, str):
        thought = tokens.truncate(thought, limit)
        limit -= tokens.count(thought)
    cut = tokens.truncate(content, limit) if content else content
    if (cut, thought) != (content, answer.reasoning):
        return replace(answer, content=cut, reasoning=thought, finish_reason="length")
    return replace(answer, content=content)


def _usage(
    answer: Answer, prompt_tokens: int, body: dict[str, Any], work: Work, model: Model
) -> Usage:
    thought = sum(tokens.count(one.text) for one in answer.thoughts)
    config = body.get("image_config")
    drawn = len(answer.images) * images.image_tokens(config, model.image_tokens)
    spoken = tokens.count(answer.content) if answer.content else 0
    called = sum(
        tokens.count(call.name) + tokens.count(call.arguments or "") for call in answer.tool_calls
    )
    return Usage(
        prompt=prompt_tokens,
        completion=thought + drawn + spoken + called,
        reasoning=thought,
        images=drawn,
        drawn=_drawn_price(answer, body, model),
        native_searches=work.native_searches,
        server_tools=work.server_tools,
        surcharge=work.surcharge,
    )


def _drawn_price(answer: Answer, body: dict[str, Any], model: Model) -> Decimal:
    """Return USD for images that a model charges by the image, as on the images API."""
    if not answer.images:
        return billing.ZERO
    given = body.get("image_config")
    config = given if isinstance(given, dict) else {}
    shape = {"aspect_ratio": "1:1", "image_size": "1K"} | {n: str(v) for n, v in config.items()}
    shown = sum(
        part.get("type") == "image_url"
        for message in body["messages"]
        for part in answers.parts_of(message.get("content"))
    )
    return images.price(model.image_api, config, shape, number=len(answer.images), given=shown)
