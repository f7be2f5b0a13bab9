"""JSON is read as it stands, and where only a character of it is broken."""

from __future__ import annotations

import pytest

from openrouter_adapter.wire import errors


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"cost": 0.0004970133333333333}', {"cost": 0.0004970133333333333}),
        (rb'["\ud83d\udc26"]', ["\U0001f426"]),
        (
            rb'["\ud83d", 0.0004970133333333333, "\udc26"]',
            ["\ufffd", 0.0004970133333333333, "\ufffd"],
        ),
        (rb'{"\ud83d": {"a": ["x\udc26"]}}', {"\ufffd": {"a": ["x\ufffd"]}}),
        (rb'["\\ud83d", "\ud83d"]', [r"\ud83d", "\ufffd"]),
        (b"\xef\xbb\xbf[1]", [1]),
    ],
)
def test_what_can_be_read(content: bytes, found: object) -> None:
    assert errors.loads(content) == found


@pytest.mark.parametrize(
    "content",
    [b"", b'{"a": ', b"[NaN]", b"[-Infinity]", b"\xff\xfe", b'"\xe9"', b"[" * 100_000],
)
def test_what_is_no_json(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        errors.loads(content)
