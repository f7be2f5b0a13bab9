"""Print what scripts/test-clients found: `python tests/clients/table.py NAME=RESULT.xml …`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

VERSION = "from importlib.metadata import version; print(version({!r}))"
# Where the project's name is not the client's.
PROJECTS = {"pydantic-ai": "pydantic-ai-slim"}


def version(environment: Path, project: str) -> str:
    """Return the version of a project that is installed in an environment, or a dash."""
    command = [str(environment / "bin/python"), "-c", VERSION.format(project)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() or "-"


def row(name: str, result: Path) -> list[str]:
    """Return a client's line: the versions, and how many tests passed and failed."""
    versions = [version(result.parent, one) for one in (PROJECTS.get(name, name), "litellm")]
    if not result.exists():
        return [name, *versions, "was not run", ""]
    suite = ET.parse(result).getroot().find("testsuite")  # noqa: S314 - pytest wrote it
    assert suite is not None
    tests, failed, errors, skipped = (
        int(suite.get(count, 0)) for count in ("tests", "failures", "errors", "skipped")
    )
    return [name, *versions, str(tests - failed - errors - skipped), str(failed + errors)]


def main() -> None:
    """Print the table in Markdown."""
    rows = [["client", "version", "LiteLLM", "passed", "failed"], ["---"] * 5]
    for pair in sys.argv[1:]:
        name, _, result = pair.partition("=")
        rows.append(row(name, Path(result)))
    sys.stdout.writelines(f"| {' | '.join(cells)} |\n" for cells in rows)


if __name__ == "__main__":
    main()
