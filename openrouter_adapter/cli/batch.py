"""`openrouter-adapter batch`: jobs of many requests, safe to kill, with their exact cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._app import App, Command
from openrouter_adapter.cli._errors import friendly_errors
from openrouter_adapter.cli._jobs import print_dry_run, print_summary, run_job, tell_blank
from openrouter_adapter.cli._printing import print_json

if TYPE_CHECKING:
    from openrouter_adapter.batch.from_table import Requests
    from openrouter_adapter.batch.options import JobOptions

app = App(
    help="Send files of requests. A job can be killed and resumed, and never exceeds its budget.",
    no_args_is_help=True,
)

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The output folder of the job.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
_ON_RAY = "--on-ray"


# The options of every command that runs a job.
_Budget = Annotated[
    str | None, typer.Option(help="The most that the job may cost, in USD, over all its runs.")
]
_Concurrency = Annotated[
    str, typer.Option(help="Requests in flight: a number, or auto to find the best number.")
]
_InOrder = Annotated[bool, typer.Option(help="Sort results into the order of the input.")]
_Tries = Annotated[int, typer.Option(min=1, help="How many times a request is sent at most.")]
_Timeout = Annotated[float, typer.Option(min=1, help="Seconds that one response may take.")]
_Ledger = Annotated[
    str | None,
    typer.Option(help="A path or a URL. Default: OPENROUTER_ADAPTER_LEDGER, or no ledger."),
]
_KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going",
        help="Also send requests whose model OpenRouter doesn't have, and continue even if many "
        "requests in a row fail with the same error.",
    ),
]
_OnRay = Annotated[
    str | None,
    typer.Option(
        _ON_RAY,
        metavar="[ADDRESS]",
        help="Run on a Ray cluster: the one at ADDRESS, or the one of this machine.",
    ),
]
_Rest = Annotated[
    str | None,
    typer.Option(
        metavar="send|refuse",
        help="With --half-price: if a batch can't take a request, send it the usual way or refuse.",
    ),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]


class _RayCommand(Command):
    """Accepts `--on-ray` without an address too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Inserts the address `auto` if none was given."""
        given = [*args, "-"]
        args = [
            one
            for here, after in zip(args, given[1:], strict=True)
            for one in ([here, "auto"] if here == _ON_RAY and after.startswith("-") else [here])
        ]
        return super().parse_args(ctx, args)


@app.command("run", cls=_RayCommand)
def run(
    job: Annotated[
        Path,
        typer.Argument(help="Requests in OpenAI's batch format; with --prompt, a table."),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The output folder.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Send every line to this model instead of its own.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Create the job from a table first; see `batch make`.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="With --prompt: a system prompt.")] = None,
    id_column: Annotated[
        str | None, typer.Option(help="With --prompt: the column whose values are the ids.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="With --prompt: the most tokens of each response.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(help="Send only part I of N, given as I/N. Send the other parts elsewhere."),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"With {_ON_RAY}: how many tasks a new job has. Default: one per CPU."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and estimate; send nothing.")
    ] = False,
    save_media: Annotated[bool, typer.Option(help="Write images to files.")] = False,
    cache: Annotated[
        bool | None,
        typer.Option("--cache/--no-cache", help="Use OpenRouter's response cache, which is free."),
    ] = None,
    cache_seconds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=86_400,
            help="Use the response cache, and keep new responses this many seconds.",
        ),
    ] = None,
    skip_faulty: Annotated[
        bool, typer.Option(help="Send the valid lines of a file that has invalid ones.")
    ] = False,
    half_price: Annotated[
        bool,
        typer.Option(
            "--half-price",
            help="Send the requests to OpenRouter's Batch API: about half the price, within a day.",
        ),
    ] = False,
    rest: _Rest = None,
    name: Annotated[str | None, typer.Option(help="The name of the job in the ledger.")] = None,
    budget: _Budget = None,
    concurrency: _Concurrency = "auto",
    in_order: _InOrder = False,
    keep_going: _KeepGoing = False,
    tries: _Tries = 6,
    timeout: _Timeout = 600.0,
    ledger: _Ledger = None,
    on_ray: _OnRay = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Send every request of a file. The same command again continues where it ended.

    The exit code is 0 if all requests succeeded, 1 if some failed, 2 if the input or
    the folder is invalid, and 3 if the job stopped early and can continue.
    """
    if out is None and (prompt is not None or not dry_run):
        raise typer.BadParameter("name a folder for the results", param_hint="--out")
    if shards is not None and on_ray is None:
        raise typer.BadParameter(f"is only for {_ON_RAY}", param_hint="--shards")
    if rest is not None and not half_price:
        raise typer.BadParameter("is only for --half-price", param_hint="--rest")
    if shard is not None and on_ray is not None:
        raise typer.BadParameter(f"{_ON_RAY} has --shards N", param_hint="--shard")
    if prompt is None:
        _refuse({"--system": system, "--id-column": id_column, "--max-tokens": max_tokens})
    elif model is None:
        raise typer.BadParameter("name a model for the prompts", param_hint="--model")
    part: dict[str, Any] = {} if shard is None else {"shard": _shard(shard)}
    if shards is not None:
        part["shards"] = shards
    options: JobOptions = {
        "budget": budget,
        "concurrency": concurrency,
        "in_order": in_order,
        "keep_going": keep_going,
        "tries": tries,
        "timeout": timeout,
        "ledger": ledger,
        "model": model,
        "save_media": save_media,
        "skip_faulty": skip_faulty,
        "cache": cache if cache_seconds is None else cache_seconds,
        "job": name,
        "half_price": half_price,
        "rest": rest,
    }
    from openrouter_adapter import batch
    from openrouter_adapter.batch.from_table import make_in_folder

    with friendly_errors(exit_code=2, is_verbatim=True):
        if prompt is not None and model is not None and out is not None:
            requests = _requests(model, prompt, system, id_column, max_tokens)
            made = make_in_folder(out, job, **requests)
            job, options["model"] = made.job, None
            if not quiet:
                tell_blank(made)
        if dry_run or out is None:
            found = batch.dry_run(
                job,
                model=options["model"],
                skip_faulty=skip_faulty,
                keep_going=keep_going,
                half_price=half_price,
                rest=rest,
            )
            if options["cache"] is not None:
                # The Batch API has no response cache, which may save more.
                found = replace(found, at_half_price=None)
            print_dry_run(found, as_json=as_json)
            return
        run_job(job, out, {**options, **part}, on_ray=on_ray, quiet=quiet, as_json=as_json)


@app.command("resume", cls=_RayCommand)
def resume(
    folder: _Folder,
    budget: _Budget = None,
    concurrency: _Concurrency = "auto",
    in_order: _InOrder = False,
    keep_going: _KeepGoing = False,
    tries: _Tries = 6,
    timeout: _Timeout = 600.0,
    rest: _Rest = None,
    ledger: _Ledger = None,
    on_ray: _OnRay = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Continue a job that was stopped, killed or out of budget."""
    options: JobOptions = {
        "budget": budget,
        "concurrency": concurrency,
        "in_order": in_order,
        "keep_going": keep_going,
        "tries": tries,
        "timeout": timeout,
        "ledger": ledger,
        "rest": rest,
    }
    with friendly_errors(exit_code=2, is_verbatim=True):
        run_job(None, folder, options, on_ray=on_ray, quiet=quiet, as_json=as_json)


@app.command("retry", cls=_RayCommand)
def retry(
    folder: _Folder,
    budget: _Budget = None,
    concurrency: _Concurrency = "auto",
    in_order: _InOrder = False,
    keep_going: _KeepGoing = False,
    tries: _Tries = 6,
    timeout: _Timeout = 600.0,
    rest: _Rest = None,
    ledger: _Ledger = None,
    on_ray: _OnRay = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Send the failed requests of a job again."""
    from openrouter_adapter.batch import api

    with friendly_errors(exit_code=2, is_verbatim=True):
        api.prepare_retry(folder)
    resume(
        folder,
        budget=budget,
        concurrency=concurrency,
        in_order=in_order,
        keep_going=keep_going,
        tries=tries,
        timeout=timeout,
        rest=rest,
        ledger=ledger,
        on_ray=on_ray,
        quiet=quiet,
        as_json=as_json,
    )


@app.command("status")
def status(folder: _Folder, as_json: _Json = False) -> None:
    """Show the progress of a job, which may be running."""
    from openrouter_adapter import batch

    with friendly_errors(exit_code=2, is_verbatim=True):
        print_summary(batch.status(folder), as_json=as_json)


@app.command("cost")
def cost(folder: _Folder, as_json: _Json = False) -> None:
    """Show what a job has cost so far, by model and provider."""
    from openrouter_adapter import batch
    from openrouter_adapter.batch.display import line_of_share

    with friendly_errors(exit_code=2, is_verbatim=True):
        found = batch.status(folder)
    shares = {"models": found.models, "providers": found.providers}
    if as_json:
        print_json({"cost_usd": format(found.cost, "f"), **shares})
        return
    typer.echo(f"USD {money.plain(found.cost)}")
    for kind, parts in shares.items():
        typer.echo(f"by {kind[:-1]}:")
        for name, share in parts.items():
            typer.echo(f"  {line_of_share(name, share)}")


@app.command("make")
def make(
    table: Annotated[Path, typer.Argument(help="CSV with a header, or Parquet.")],
    job: Annotated[Path, typer.Argument(help="The file to write.")],
    model: Annotated[str, typer.Option(help="The model, as OpenRouter names it.")],
    prompt: Annotated[
        str,
        typer.Option(help='The prompt, with columns in braces: "Translate into French: {text}".'),
    ],
    system: Annotated[
        str | None, typer.Option(help="A system prompt, with columns in braces.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="The column whose values are the ids.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="The most tokens of each response.")
    ] = None,
) -> None:
    """Create a job from a table, with one request per row."""
    from openrouter_adapter.batch.from_table import make_job

    with friendly_errors(exit_code=2, is_verbatim=True):
        requests = _requests(model, prompt, system, id_column, max_tokens)
        made = make_job(table, job, requests)
    tell_blank(made)
    typer.echo(f"{made.requests:,} requests in {job}. To send them:")
    out = job.with_name(f"{job.stem}-answers")
    typer.echo(f"  openrouter-adapter batch run {job} --out {out}")


def _requests(
    model: str,
    prompt: str,
    system: str | None,
    id_column: str | None,
    max_tokens: int | None,
) -> Requests:
    """The request of each row of a table."""
    return {
        "model": model,
        "prompt": prompt,
        "system": system,
        "id_column": id_column,
        "parameters": None if max_tokens is None else {"max_tokens": max_tokens},
    }


def _refuse(given: dict[str, Any]) -> None:
    """Refuses options that are only for --prompt."""
    for name, value in given.items():
        if value is not None:
            raise typer.BadParameter("is only for a table, with --prompt", param_hint=name)


def _shard(text: str) -> tuple[int, int]:
    number, _, shards = text.partition("/")
    if not (number.isdigit() and shards.isdigit()):
        raise typer.BadParameter(f"{text!r} is not I/N, such as 1/4", param_hint="--shard")
    return int(number), int(shards)
