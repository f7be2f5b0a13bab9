"""Print what became of the tests of several runs: `python -m tests.support.summary XML…`."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def lines(results: Sequence[Path]) -> Iterator[str]:
    """Return the lines for runs whose results pytest wrote as JUnit XML."""
    suites = [suite for path in results for suite in ET.parse(path).iter("testsuite")]  # noqa: S314
    cases = [case for suite in suites for case in suite.iter("testcase")]
    failed = [case for case in cases if {part.tag for part in case} & {"failure", "error"}]
    reasons = Counter(
        skipped.get("message", "") for case in cases for skipped in case.iter("skipped")
    )
    passed = len(cases) - len(failed) - reasons.total()
    minutes, seconds = divmod(round(sum(float(suite.get("time", 0)) for suite in suites)), 60)
    yield (
        f"LiteLLM {version('litellm')}, Python {platform.python_version()}: {passed:,} passed, "
        f"{len(failed):,} failed, {reasons.total():,} skipped in {minutes} min {seconds} s"
    )
    for case in failed:
        yield f"  failed: {case.get('classname')}::{case.get('name')}"
    for reason, count in reasons.most_common():
        yield f"  skipped {count}: {reason}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines([Path(path) for path in sys.argv[1:]]))
