"""`openrouter-adapter video`: a video from a prompt, as a file, with its exact cost."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from openrouter_adapter import money
from openrouter_adapter.cli._errors import fail, friendly_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from typing_extensions import Self

_COMMAND: Final = "openrouter-adapter video"
_STOPPED: Final = 130  # As a shell reports a program that Ctrl-C ended.


def run(
    prompt: Annotated[str | None, typer.Argument(help="What to show.", show_default=False)] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            dir_okay=False,
            metavar="FILE",
            help="The file to write, such as clip.mp4; an existing one is replaced.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model that makes videos, such as google/veo-3.1.")
    ] = None,
    seconds: Annotated[int | None, typer.Option(min=1, help="Length of the video.")] = None,
    size: Annotated[
        str | None, typer.Option(help="1280x720, 720p, 4K or 16:9. Default: the model's.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="An image: the first frame."),
    ] = None,
    fetch: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Wait for a job that was submitted before, instead of a new one."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the video.")] = 1800,
    where: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="PATH|URL",
            help="The ledger to write the cost to, whose budgets apply. Default: "
            "OPENROUTER_ADAPTER_LEDGER, or no ledger.",
        ),
    ] = None,
) -> None:
    """Make a video and write it to a file.

    Ctrl-C ends the wait, not the job: the command prints how to fetch the video later.
    """
    target = _checked(prompt, out, model, fetch)
    with friendly_errors(OSError, ValueError), _registered(where):
        fields = {"seconds": seconds, "size": size, "input_reference": image}
        given = {name: value for name, value in fields.items() if value is not None}
        job = fetch or _submit(str(model), str(prompt), given)
        _finish(job, target, timeout)


def _checked(prompt: str | None, out: Path | None, model: str | None, fetch: str | None) -> Path:
    """The file to write; ends the command before anything is charged if an option is wrong."""
    if out is None:
        raise fail("Give --out FILE, such as --out clip.mp4.", 2)
    if fetch is not None and (prompt is not None or model is not None):
        raise fail("--fetch ID takes neither a prompt nor --model: the job has them.", 2)
    if fetch is None and not (prompt and model):
        raise fail('Give a prompt and --model: "A wren sings." --model google/veo-3.1.', 2)
    if not out.parent.is_dir():
        raise fail(f"There is no folder {out.parent}.", 2)
    return out


@contextlib.contextmanager
def _registered(where: str | None) -> Iterator[None]:
    import openrouter_adapter
    from openrouter_adapter import ledger

    if where is not None:
        ledger.enable(where)
    try:
        with openrouter_adapter.registered():
            yield
    finally:
        if where is not None:
            ledger.disable()


def _submit(model: str, prompt: str, fields: dict[str, Any]) -> str:
    """Starts a job; returns OpenRouter's id of it."""
    import litellm

    named = f"openrouter/{model.removeprefix('openrouter/')}"
    try:
        video: Any = litellm.video_generation(prompt=prompt, model=named, **fields)
    except KeyboardInterrupt:
        raise fail(
            "Stopped while the request was sent: OpenRouter may have started a job, and charge it.",
            _STOPPED,
        ) from None
    job = str(video._hidden_params["openrouter"]["job_id"])
    typer.echo(f"The job is {job}.", err=True)
    return job


def _finish(job: str, target: Path, timeout: float) -> None:
    """Waits for a job, writes its video, and prints its cost."""
    from openrouter_adapter.batch.display import Screen

    shown = _Progress(Screen(stderr=True))
    again = f"{_COMMAND} --fetch {shlex.quote(job)} --out {shlex.quote(str(target))}"
    try:
        with friendly_errors(OSError), shown:
            video = _downloaded(job, target, timeout, shown)
    except KeyboardInterrupt:
        # Ends the line on which a terminal shows `^C`.
        typer.echo("", err=True)
        raise fail(f"Stopped. {_continues(shown.status)} To fetch it:\n{again}", _STOPPED) from None
    except typer.Exit:
        if shown.status != "failed":
            typer.echo(f"To fetch the video:\n{again}", err=True)
        raise
    cost = money.decimal((video.usage or {}).get("cost"))
    charged = "cost unknown" if cost is None else f"USD {money.plain(cost)}"
    typer.echo(f"{target}: {target.stat().st_size:,} bytes, {charged}")


def _downloaded(job: str, target: Path, timeout: float, shown: _Progress) -> Any:
    import openrouter_adapter

    video = openrouter_adapter.wait_for_video(job, timeout=timeout, on_progress=shown.show)
    shown.say("downloading")
    openrouter_adapter.download_video(job, target)
    return video


def _continues(status: str) -> str:
    if status == "completed":
        return "The video is completed."
    return "The job continues, and will be charged."


class _Progress:
    """A line that changes on a terminal; elsewhere a line for each new status."""

    def __init__(self, console: Console) -> None:
        self.status = ""
        self._console = console
        self._said = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            # The other spinners have characters that some consoles lack.
            spinner, text = SpinnerColumn("line"), TextColumn("{task.description}", markup=False)
            self._bar = Progress(
                spinner, text, TimeElapsedColumn(), console=self._console, transient=True
            )
            self._bar.add_task("waiting", total=None)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def show(self, video: Any) -> None:
        """Displays the status of a job."""
        self.status = str(video.status)
        self.say(self.status.replace("_", " "))

    def say(self, text: str) -> None:
        """Displays a text, unless it is displayed already."""
        if text == self._said:
            return
        self._said = text
        # A video is waited for even if nothing can be displayed.
        with contextlib.suppress(OSError):
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], description=text)
            else:
                self._console.print(text, markup=False, highlight=False, soft_wrap=True)
