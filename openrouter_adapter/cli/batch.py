"""`openrouter-adapter batch`: jobs of many requests, safe to kill, with their exact cost."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openrouter_adapter.batch import Summary

app = typer.Typer(
    help="Send a file of requests: safe to kill, never over budget, every cost exact.",
    no_args_is_help=True,
)

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The job's output folder.")]
_Budget = Annotated[
    str | None, typer.Option(help="USD that the job may cost in all; never passed.")
]
_Concurrency = Annotated[
    str, typer.Option(help="Requests in the air: a number, or auto for as many as prove good.")
]
_Tries = Annotated[int, typer.Option(min=1, help="How often a failing request is sent.")]
_Timeout = Annotated[float, typer.Option(min=1, help="Seconds that one answer may take.")]
_InOrder = Annotated[bool, typer.Option(help="Put results into the order of the input.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but failures.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
_Ledger = Annotated[
    str | None,
    typer.Option(help="A path or URL; else OPENROUTER_ADAPTER_LEDGER, else none is written."),
]
_Model = Annotated[
    str | None, typer.Option(help="Send every line to this model instead of its own.")
]


@app.command("run")
def run(
    job: Annotated[
        Path,
        typer.Argument(help="Requests in OpenAI's batch format; with --prompt, a table."),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The output folder.")] = None,
    budget: _Budget = None,
    concurrency: _Concurrency = "auto",
    model: _Model = None,
    prompt: Annotated[
        str | None, typer.Option(help="Make the job from a table first; see `batch make`.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="With --prompt: a system prompt.")] = None,
    id_column: Annotated[
        str | None, typer.Option(help="With --prompt: the column that names each row.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="With --prompt: of each answer.")
    ] = None,
    shard: Annotated[str, typer.Option(help="Send only part I of N, as I/N.")] = "1/1",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and estimate; send nothing.")
    ] = False,
    save_media: Annotated[bool, typer.Option(help="Write images as files.")] = False,
    in_order: _InOrder = False,
    skip_faulty: Annotated[
        bool, typer.Option(help="Send the good lines of a file that has faulty ones.")
    ] = False,
    tries: _Tries = 6,
    timeout: _Timeout = 600.0,
    ledger: _Ledger = None,
    name: Annotated[str | None, typer.Option(help="The job's name in the ledger.")] = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Send every request of a file; the same command again goes on where it ended.

    Ends with 0 when all were answered, 1 when some failed, 2 when the input or
    the folder is no good, 3 when it stopped early and can go on.
    """
    with _sentences():
        if out is None and (prompt is not None or not dry_run):
            raise typer.BadParameter("name a folder for the answers", param_hint="--out")
        if prompt is not None and out is not None:
            job = _made(job, out, model, prompt, system, id_column, max_tokens)
            model = None
        if dry_run or out is None:
            _print_dry_run(job, model, as_json=as_json)
            return
        options = {
            "budget": budget,
            "concurrency": concurrency,
            "model": model,
            "shard": _shard(shard),
            "save_media": save_media,
            "in_order": in_order,
            "skip_faulty": skip_faulty,
            "tries": tries,
            "timeout": timeout,
            "ledger": ledger,
            "job": name,
        }
        _run(job, out, options, quiet=quiet, as_json=as_json)


@app.command("resume")
def resume(
    folder: _Folder,
    budget: _Budget = None,
    concurrency: _Concurrency = "auto",
    in_order: _InOrder = False,
    tries: _Tries = 6,
    timeout: _Timeout = 600.0,
    ledger: _Ledger = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Go on with a job that was stopped, killed, or out of budget."""
    options = {
        "budget": budget,
        "concurrency": concurrency,
        "in_order": in_order,
        "tries": tries,
        "timeout": timeout,
        "ledger": ledger,
    }
    with _sentences():
        _run(None, folder, options, quiet=quiet, as_json=as_json)


@app.command("retry")
def retry(
    folder: _Folder,
    budget: _Budget = None,
    concurrency: _Concurrency = "auto",
    tries: _Tries = 6,
    timeout: _Timeout = 600.0,
    ledger: _Ledger = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Send the failures of a job again."""
    from openrouter_adapter.batch import front

    options = {
        "budget": budget,
        "concurrency": concurrency,
        "tries": tries,
        "timeout": timeout,
        "ledger": ledger,
    }
    with _sentences():
        front.prepare_retry(folder)
        _run(None, folder, options, quiet=quiet, as_json=as_json)


@app.command("status")
def status(folder: _Folder, as_json: _Json = False) -> None:
    """Say how far a job is; it may be running."""
    from openrouter_adapter import batch

    with _sentences():
        _print_summary(batch.status(folder), as_json=as_json)


@app.command("cost")
def cost(folder: _Folder, as_json: _Json = False) -> None:
    """Say what a job has cost so far, by model and provider."""
    from openrouter_adapter import batch

    with _sentences():
        found = batch.status(folder)
    shares = {"models": found.models, "providers": found.providers}
    if as_json:
        _print_json({"cost_usd": format(found.cost, "f"), **shares})
        return
    typer.echo(f"USD {found.cost.normalize():f}")
    for kind, parts in shares.items():
        typer.echo(f"by {kind[:-1]}:")
        for name, share in parts.items():
            typer.echo(f"  {name}: USD {share['cost_usd']}, {share['requests']:,} requests")


@app.command("make")
def make(
    table: Annotated[Path, typer.Argument(help="CSV with a header, or Parquet.")],
    job: Annotated[Path, typer.Argument(help="The file to write.")],
    model: Annotated[str, typer.Option(help="As OpenRouter names it.")],
    prompt: Annotated[
        str, typer.Option(help='Names columns in braces: "Translate into French: {text}".')
    ],
    system: Annotated[str | None, typer.Option(help="A system prompt; the same.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The column that names each row.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Of each answer.")] = None,
) -> None:
    """Write a job from a table: a request for each row."""
    from openrouter_adapter import batch

    parameters = {} if max_tokens is None else {"max_tokens": max_tokens}
    with _sentences():
        count = batch.make(
            table,
            job,
            model=model,
            prompt=prompt,
            system=system,
            id_column=id_column,
            parameters=parameters,
        )
    typer.echo(f"{count:,} requests in {job}. To send them:")
    typer.echo(f"  openrouter-adapter batch run {job} --out {job.with_suffix('')}")


def _made(
    table: Path,
    out: Path,
    model: str | None,
    prompt: str,
    system: str | None,
    id_column: str | None,
    max_tokens: int | None,
) -> Path:
    """The job of a table, in the output folder; made once."""
    from openrouter_adapter import batch
    from openrouter_adapter.batch.folder import Folder

    if model is None:
        raise typer.BadParameter("name a model for the prompts", param_hint="--model")
    job = out / "job.jsonl"
    if not job.exists():
        Folder(out).make()
        parameters = {} if max_tokens is None else {"max_tokens": max_tokens}
        batch.make(
            table,
            job,
            model=model,
            prompt=prompt,
            system=system,
            id_column=id_column,
            parameters=parameters,
        )
    return job


def _run(
    job: Path | None, out: Path, options: Mapping[str, Any], *, quiet: bool, as_json: bool
) -> None:
    from rich.console import Console

    from openrouter_adapter import batch
    from openrouter_adapter.batch.display import Display

    if quiet or as_json:
        summary = batch.run(job, out, **options)
    else:
        with Display(Console(stderr=True)) as display:
            summary = batch.run(job, out, watch=display.show, **options)
    if not quiet or as_json:
        _print_summary(summary, as_json=as_json)
    if summary.left:
        raise typer.Exit(3)
    if summary.failed:
        raise typer.Exit(1)


def _print_dry_run(job: Path, model: str | None, *, as_json: bool) -> None:
    from openrouter_adapter import batch
    from openrouter_adapter.batch.display import lines_of_dry_run

    found = batch.dry_run(job, model=model)
    if as_json:
        _print_json(found.as_json())
    else:
        typer.echo("\n".join(lines_of_dry_run(found)))


def _print_summary(summary: Summary, *, as_json: bool) -> None:
    from openrouter_adapter.batch.display import lines_of_summary

    if as_json:
        _print_json(summary.as_json())
    else:
        typer.echo("\n".join(lines_of_summary(summary)))


def _print_json(content: Any) -> None:
    import json

    typer.echo(json.dumps(content, indent=2))


def _shard(text: str) -> tuple[int, int]:
    number, _, shards = text.partition("/")
    if not (number.isdigit() and shards.isdigit()):
        raise typer.BadParameter(f"{text!r} is not I/N, such as 1/4", param_hint="--shard")
    return int(number), int(shards)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Says what is the matter in a sentence, and ends with 2."""
    from litellm.exceptions import APIError, AuthenticationError

    from openrouter_adapter.batch import BatchError

    try:
        yield
    except (BatchError, AuthenticationError, APIError) as failure:
        typer.echo(str(failure).removeprefix("litellm.AuthenticationError: "), err=True)
        raise typer.Exit(2) from None
