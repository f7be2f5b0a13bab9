"""`openrouter-adapter router-config`: a Router's or a proxy's YAML from the catalogue."""

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
            metavar="[MODEL]...", help="Ids, or patterns such as 'anthropic/*'; none are all."
        ),
    ] = None,
    need: Annotated[
        list[str] | None,
        typer.Option(
            help="What each must do: vision, files, audio, video, tools, reasoning, "
            "structured_outputs, image_output, embeddings."
        ),
    ] = None,
    min_context: MinContext = None,
    max_prompt: MaxPrompt = None,
    max_completion: MaxCompletion = None,
    sort: Annotated[str, typer.Option(help="id, prompt, completion, context, newest.")] = "id",
    most: Annotated[int | None, typer.Option(min=1, help="How many models, the first.")] = None,
    wildcard: Annotated[
        bool,
        typer.Option("--wildcard", help="openrouter/* too; alone where no model is asked for."),
    ] = False,
    fallback: Annotated[
        list[str] | None, typer.Option(metavar="A>B>C", help="A falls back to B, then to C.")
    ] = None,
    context_fallbacks: Annotated[
        bool, typer.Option("--context-fallbacks", help="Too long prompts go to a larger context.")
    ] = False,
    similar_fallbacks: Annotated[
        int, typer.Option(min=0, help="Fall back to so many models that can do the same.")
    ] = 0,
    key_env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A variable with a key; several share the load."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="One name for all, among which the Router chooses.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="JSON", help="OpenRouter's provider preferences.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=JSON", help="Further litellm_params of some models; later ones win."
        ),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests per minute, each.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens per minute, each.")] = None,
    api_base: Annotated[str | None, typer.Option(help="Another base URL.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="LiteLLM's routing_strategy; cost-based brings the prices.")
    ] = None,
    retries: Annotated[int | None, typer.Option(min=0, help="LiteLLM's num_retries.")] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="USD/TIME", help="LiteLLM's provider budget, such as 10/1d."),
    ] = None,
    proxy: Annotated[
        bool, typer.Option("--proxy", help="For LiteLLM's proxy, with this package's callback.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="A file; else printed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over the file.")] = False,
    refresh: RefreshOption = False,
) -> None:
    """Writes the YAML of a LiteLLM Router or proxy, and builds a Router from it to be sure."""
    if output is not None and output.exists() and not force:
        raise fail(f"{output} is there already; --force writes over it.")
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
        f"{where}models: {len(chosen)}, deployments: {number}; litellm.Router was built from it. "
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
            raise fail(f"--budget is {budget!r}; write USD and a time, such as 10/1d or 0.5/30m.")
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
        raise fail(f"{option}: {text!r} is no JSON object.")
    return found
