"""`openrouter-adapter router-config`: the YAML of a Router or a proxy, from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter.cli._errors import fail, friendly_errors
from openrouter_adapter.cli._options import MaxCompletion, MaxPrompt, MinContext, RefreshOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openrouter_adapter.routing import Chosen


def run(
    model: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Ids, or patterns such as 'anthropic/*'. Default: all."
        ),
    ] = None,
    need: Annotated[
        list[str] | None,
        typer.Option(
            help="An ability that models must have: vision, files, audio, video, tools, reasoning, "
            "structured_outputs, image_output, embeddings."
        ),
    ] = None,
    min_context: MinContext = None,
    max_prompt: MaxPrompt = None,
    max_completion: MaxCompletion = None,
    sort: Annotated[
        str, typer.Option(help="How to sort: id, prompt, completion, context, newest.")
    ] = "id",
    most: Annotated[
        int | None, typer.Option(min=1, help="Take only the first models, this many.")
    ] = None,
    wildcard: Annotated[
        bool,
        typer.Option("--wildcard", help="Add openrouter/*; if no model is selected, only that."),
    ] = False,
    fallback: Annotated[
        list[str] | None, typer.Option(metavar="A>B>C", help="Fall back from A to B, then to C.")
    ] = None,
    context_fallbacks: Annotated[
        bool,
        typer.Option(
            "--context-fallbacks",
            help="Send prompts that are too long to a model with a larger context.",
        ),
    ] = False,
    similar_fallbacks: Annotated[
        int, typer.Option(min=0, help="Fall back to this many models with the same abilities.")
    ] = 0,
    key_env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="An environment variable with a key. If repeated, they share the load.",
        ),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="One name for all models; the Router chooses among them.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="JSON", help="OpenRouter's provider preferences.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=JSON",
            help="More litellm_params of some models. If repeated, later ones win.",
        ),
    ] = None,
    rpm: Annotated[
        int | None, typer.Option(min=1, help="Requests per minute, for each deployment.")
    ] = None,
    tpm: Annotated[
        int | None, typer.Option(min=1, help="Tokens per minute, for each deployment.")
    ] = None,
    api_base: Annotated[str | None, typer.Option(help="Another base URL.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="LiteLLM's routing_strategy; cost-based-routing adds prices.")
    ] = None,
    retries: Annotated[int | None, typer.Option(min=0, help="LiteLLM's num_retries.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="USD/TIME", help="LiteLLM's provider budget, such as 10/1d."),
    ] = None,
    proxy: Annotated[
        bool,
        typer.Option(
            "--proxy", help="Write a configuration of LiteLLM's proxy, with our callback."
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", dir_okay=False, help="The file to write. Default: print."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    refresh: RefreshOption = False,
) -> None:
    """Write the YAML of a LiteLLM Router or proxy, after building a Router from it as a check."""
    if output is not None and output.exists() and not force:
        raise fail(f"{output} exists; use --force to overwrite it.")
    from openrouter_adapter import routing
    from openrouter_adapter.cli._catalog import load_catalog

    chains = fallback or []
    limits = (need, min_context, max_prompt, max_completion)
    is_only_wildcard = wildcard and not (model or chains or any(limits))
    with friendly_errors(ValueError, is_verbatim=True):
        chosen: list[Chosen] = []
        if not is_only_wildcard:
            chosen = routing.select(
                *(model or ()),
                needs=need or (),
                min_context=min_context,
                max_prompt=max_prompt,
                max_completion=max_completion,
                order=sort,
                most=most,
                also=[name for text in chains for name in routing.chain(text)],
                catalog=load_catalog(refresh),
            )
        deployment = routing.Deployment(
            keys=tuple(key_env or ("OPENROUTER_API_KEY",)),
            group=group,
            provider=None if provider is None else _json("--provider", provider),
            rpm=rpm,
            tpm=tpm,
            api_base=api_base,
            prices=strategy == "cost-based-routing",
            parameters=_parameters(parameters or []),
        )
        configuration = routing.config(
            chosen,
            deployment,
            fallbacks=chains,
            context_fallbacks=context_fallbacks,
            similar_fallbacks=similar_fallbacks,
            wildcard=wildcard,
            settings=_settings(strategy, retries, budget),
            proxy=proxy,
        )
        number = routing.check(configuration)
        text = routing.dumps(configuration)
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise fail(f"{output} can't be written: {error.strerror}.") from error
    where = f"{output}: " if output else ""
    typer.echo(
        f"{where}models: {len(chosen)}, deployments: {number}; litellm.Router accepts it. "
        f"Keys are read from {', '.join(deployment.keys)}.",
        err=True,
    )


def _settings(strategy: str | None, retries: int | None, budget: str | None) -> dict[str, Any]:
    settings: dict[str, Any] = {"routing_strategy": strategy, "num_retries": retries}
    if budget is not None:
        limit, _, time = budget.partition("/")
        try:
            usd = float(limit)
        except ValueError:
            usd = 0.0
        if usd <= 0 or not time:
            raise fail(
                f"Invalid --budget {budget!r}: write USD and a time, such as 10/1d or 0.5/30m."
            )
        settings["provider_budget_config"] = {
            "openrouter": {"budget_limit": usd, "time_period": time}
        }
    return {name: value for name, value in settings.items() if value is not None}


def _parameters(texts: list[str]) -> dict[str, Mapping[str, Any]]:
    found = {}
    for text in texts:
        pattern, _, settings = text.partition("=")
        found[pattern] = _json("--parameters", settings)
    return found


def _json(option: str, text: str) -> Mapping[str, Any]:
    import orjson

    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise fail(f"Invalid {option} {text!r}: it must be a JSON object.")
    return found
