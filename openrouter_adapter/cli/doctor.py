"""`openrouter-adapter doctor`: the setup, its problems, and how to fix them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from openrouter_adapter.cli._options import JsonOption, LedgerOption

if TYPE_CHECKING:
    from openrouter_adapter.doctor import Finding


def run(
    as_json: JsonOption = False,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Connect neither to OpenRouter nor to a database server."),
    ] = False,
    places: Annotated[
        bool, typer.Option("--places", help="Print each place in LiteLLM that is replaced too.")
    ] = False,
    where: LedgerOption = None,
) -> None:
    """Check the installation, the key, the network, the catalogue and the ledger.

    Nothing is spent, and nothing is changed. The exit code is 1 if something breaks calls, or
    prevents their cost from being recorded.
    """
    from openrouter_adapter import doctor

    findings = list(doctor.examine(is_offline=offline, ledger=where))
    is_wrong = any(one.state is doctor.State.wrong for one in findings)
    table = doctor.places() if (places or as_json) and doctor.has_litellm() else []
    if as_json:
        from openrouter_adapter.cli._printing import print_json

        records = [asdict(one) for one in findings]
        print_json({"ok": not is_wrong, "findings": records, "places": table})
    else:
        for one in findings:
            _print(one)
        if table:
            from openrouter_adapter.cli._printing import print_table

            rows = [(row["place"], row["for"], row["found"] or "missing") for row in table]
            print_table(["place", "for", "found"], rows, texts=3)
    if is_wrong:
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    typer.echo(f"{finding.state.value:5}  {finding.subject}: {finding.text}")
    if finding.advice:
        typer.echo(f"       → {finding.advice}")
