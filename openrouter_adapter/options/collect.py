"""The options of a call: collected from its keywords and `extra_body`, translated and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.options.names import NATIVE_FIELDS, OPENROUTER_FIELDS, warn_of_name
from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PREFIX: Final = "openrouter_"

CACHE: Final = "openrouter_cache"
CACHE_CLEAR: Final = "openrouter_cache_clear"
# `openrouter_metadata` already means the field `metadata` of a body.
ROUTER_METADATA: Final = "openrouter_router_metadata"
HEADER_OPTIONS: Final = frozenset({CACHE, CACHE_CLEAR, ROUTER_METADATA})

LONGEST_CACHE: Final = 86_400
"""The longest time for which OpenRouter keeps a response, in seconds."""


def gather(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, each under its plain name.

    A keyword takes precedence over its prefixed twin, with its whole value: `provider=` and
    `openrouter_provider=` are never merged. Parameters that are None count as not given. Order and
    values, the caller's own objects, are kept. Options for headers are left out.
    """
    fields: dict[str, Any] = {}
    for name, value in parameters.items():
        if value is None:
            continue
        if name.startswith(PREFIX) and name in HEADER_OPTIONS:
            continue
        if name.startswith(PREFIX) and (plain := name[len(PREFIX) :]):
            if parameters.get(plain) is None:
                fields[plain] = value
        else:
            fields[name] = value
    return fields


def body_fields(
    keywords: Mapping[str, Any], without: Collection[str] = ()
) -> tuple[dict[str, Any], Any]:
    """The fields of a body among a call's keywords, and the call's `extra_body`.

    Args:
        keywords: Of the call, prefixed or not.
        without: The names that are not sent.
    """
    fields = gather(keywords)
    extra = fields.pop("extra_body", None)
    for name in without:
        fields.pop(name, None)
    return fields, extra


def gather_known(parameters: Mapping[str, Any], also: Collection[str] = ()) -> dict[str, Any]:
    """The parameters for OpenRouter among all those of a call, under plain names.

    For endpoints where LiteLLM passes its own parameters with the caller's. The result has the
    options, the endpoint's fields in `also`, and whatever has the prefix. A warning names others
    that look like a misspelled option.
    """
    meant: dict[str, Any] = {}
    for name, value in parameters.items():
        if name in OPENROUTER_FIELDS or name in also or name.startswith(PREFIX):
            meant[name] = value
        elif isinstance(value, str | int | float | list | dict):
            warn_of_name(name)
    return gather(meant)


def with_extra(
    body: dict[str, Any], extra: Any, defaults: Collection[str] = (), model: str = ""
) -> dict[str, Any]:
    """A body with the fields of `extra_body` that it lacks, or the body itself.

    The fields are sent unchecked.

    Args:
        body: The fields from the call's keywords, including its model and its input.
        extra: The call's `extra_body`, or None.
        defaults: Names in `body` that come from no keyword: `extra` takes precedence over them.
        model: The model asked for, named in the error.

    Raises:
        litellm.BadRequestError: `extra_body` is not an object.
    """
    added = unsaid(extra, body.keys() - set(defaults), model)
    return {**body, **added} if added else body


def unsaid(extra: Any, said: Collection[str], model: str = "") -> dict[str, Any]:
    """The fields of `extra_body` that no keyword of the call sets.

    Raises:
        litellm.BadRequestError: `extra_body` is not an object.
    """
    if not extra:
        return {}
    if not isinstance(extra, dict):
        raise errors.bad_request(f"extra_body={extra!r:.100}: give an object of fields", model)
    return {name: value for name, value in extra.items() if name not in said}


def headers_of(parameters: Mapping[str, Any], model: str = "") -> dict[str, str]:
    """The headers that a call's options ask for.

    Args:
        parameters: The call's keywords. `openrouter_cache` is True, False, or seconds;
            `openrouter_cache_clear` and `openrouter_router_metadata` are True or False.
        model: Named in the error.

    Raises:
        litellm.BadRequestError: a value is invalid; the message names it and what is allowed.
    """
    headers = cache_headers(parameters.get(CACHE), parameters.get(CACHE_CLEAR), model)
    metadata = _flag(parameters, ROUTER_METADATA, model)
    if metadata is not None:
        headers["X-OpenRouter-Metadata"] = "enabled" if metadata else "disabled"
    return headers


def cache_headers(cache: Any, clear: Any = None, model: str = "") -> dict[str, str]:
    """The headers that switch OpenRouter's response cache on or off, or renew an entry.

    Raises:
        litellm.BadRequestError: a value is not among those that `headers_of` lists.

    Follows https://openrouter.ai/docs/guides/features/response-caching.
    """
    headers: dict[str, str] = {}
    if cache is not None:
        # `isinstance` would take True for one second.
        is_time = type(cache) is int and 1 <= cache <= LONGEST_CACHE
        if not is_time and not isinstance(cache, bool):
            raise _wrong(CACHE, cache, f"True, False, or 1 to {LONGEST_CACHE} seconds", model)
        headers["X-OpenRouter-Cache"] = "false" if cache is False else "true"
        if is_time:
            headers["X-OpenRouter-Cache-TTL"] = str(cache)
    if _flag({CACHE_CLEAR: clear}, CACHE_CLEAR, model):
        headers["X-OpenRouter-Cache-Clear"] = "true"
    return headers


def _flag(parameters: Mapping[str, Any], name: str, model: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, value, "True or False", model)
    return value


def _wrong(name: str, value: Any, allowed: str, model: str) -> Exception:
    return errors.bad_request(f"{name}={value!r:.100}: give {allowed}", model)


def fold_reasoning(fields: dict[str, Any], model: str) -> None:
    """Replaces `reasoning_effort` and `thinking` by `reasoning`, in place.

    Raises:
        litellm.BadRequestError: they contradict each other, or the `reasoning` that was given.
    """
    effort, thinking = fields.pop("reasoning_effort", None), fields.pop("thinking", None)
    if effort is None and thinking is None:
        return
    given = fields.get("reasoning")
    if given is not None and not isinstance(given, dict):
        return
    by_thinking, by_effort = _of_thinking(thinking, model), _of_effort(effort)
    asked = by_thinking | by_effort
    is_overruled = any(asked[name] != value for name, value in by_thinking.items())
    if is_overruled or ("effort" in asked and "max_tokens" in asked):
        raise contradiction(f"reasoning_effort={effort!r}", f"thinking={thinking!r}", model)
    for name, value in asked.items():
        other = {"effort": "max_tokens", "max_tokens": "effort"}.get(name, name)
        for rival in (name, other):
            if given and rival in given and (rival != name or given[rival] != value):
                ours = (
                    f"thinking={thinking!r}" if effort is None else f"reasoning_effort={effort!r}"
                )
                raise contradiction(ours, f"reasoning={given!r}", model)
    fields["reasoning"] = {**(given or {}), **asked}


def _of_effort(effort: Any) -> dict[str, Any]:
    if effort is None:
        return {}
    # LiteLLM also accepts the Responses API's object: {"effort": …, "summary": …}.
    return dict(effort) if isinstance(effort, dict) else {"effort": effort}


def _of_thinking(thinking: Any, model: str) -> dict[str, Any]:
    """Anthropic's thinking: enabled with a budget in tokens, adaptive, or disabled."""
    if thinking is None:
        return {}
    kind = thinking.get("type") if isinstance(thinking, dict) else thinking
    if kind in {"enabled", "adaptive", True}:
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        return {"enabled": True} if budget is None else {"max_tokens": budget}
    if kind in {"disabled", False}:
        return {"effort": "none"}
    raise errors.bad_request(
        f"thinking={thinking!r} is invalid: its type is 'enabled' (with budget_tokens), "
        "'adaptive' or 'disabled'",
        model,
    )


def contradiction(one: str, other: str, model: str = "") -> Exception:
    """The exception for two parameters, each with its value, that contradict each other."""
    return errors.bad_request(f"{one} and {other} contradict each other: give one of them", model)


def check(fields: dict[str, Any], model: str) -> None:
    """Checks the options among a request's fields, and converts them to OpenRouter's own form.

    Changes `fields` itself, but none of the caller's values: empty items of `transforms` and an
    empty `route` are removed, and `plugins={"web": {}}` becomes `[{"id": "web"}]`. An unknown name
    or word is left unchanged, with a warning if it resembles a known one.

    Raises:
        litellm.BadRequestError: An option has the wrong type or contradicts another one. The
            message names each, with what is allowed.
    """
    if fields.keys() <= NATIVE_FIELDS:
        return
    # Not imported before there is an option, because it needs pydantic's models.
    from openrouter_adapter.options.validation import contradictions, faults_of_option

    _normalise(fields)
    faults: list[str] = []
    for name, value in fields.items():
        if name in OPENROUTER_FIELDS:
            if value is not None:
                faults += faults_of_option(name, value)
        elif name not in NATIVE_FIELDS:
            warn_of_name(name)
    faults = faults or contradictions(fields)
    if faults:
        raise errors.bad_request("; ".join(faults), model)


def _normalise(fields: dict[str, Any]) -> None:
    if "route" in fields and fields["route"] == "":
        del fields["route"]
    transforms = fields.get("transforms")
    if isinstance(transforms, (list, tuple)) and "" in transforms:
        fields["transforms"] = [word for word in transforms if word != ""]
    plugins = fields.get("plugins")
    if isinstance(plugins, dict) and all(
        isinstance(settings, dict) and settings.get("id", name) == name
        for name, settings in plugins.items()
    ):
        fields["plugins"] = [{"id": name, **settings} for name, settings in plugins.items()]
