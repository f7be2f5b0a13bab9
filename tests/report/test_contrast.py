"""Contrast of the spend page's texts in light and dark, from the colours of its stylesheet.

Follows https://www.w3.org/TR/WCAG22/#contrast-minimum.
"""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = (resources.files("openrouter_adapter.report") / "template/page.css").read_text("utf-8")
# Colours of texts, and what is behind them.
TEXTS = ("text", "soft")
GROUNDS = ("ground", "card", "track", "warn")
LEAST_OF_TEXT = 4.5
LEAST_OF_SHAPES = 3.0
Colour = tuple[float, float, float]


def colours(block: str) -> dict[str, Colour]:
    """The custom properties of a block that are colours, as shares of red, green and blue."""
    found = {}
    for name, digits in re.findall(r"--([\w-]+): #([0-9a-f]{3,6})\b", block):
        full = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
        red, green, blue = (int(full[at : at + 2], 16) / 255 for at in (0, 2, 4))
        found[name] = (red, green, blue)
    return found


LIGHT, DARK = (colours(block) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2])
SCHEMES = {"light": LIGHT, "dark": {**LIGHT, **DARK}}


def luminance(colour: Colour) -> float:
    """The relative luminance of WCAG, from 0 to 1."""
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """A colour of which one is this share, as `color-mix(in srgb, …)` over a ground."""
    red, green, blue = (a * share + b * (1 - share) for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def test_the_ratio_is_wcag_s() -> None:
    black, white, grey = colours("--a: #000; --b: #ffffff; --c: #767676;").values()
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(grey, white) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_can_be_read_on_each_ground(text: str, ground: str, scheme: str) -> None:
    found = SCHEMES[scheme]
    assert contrast(found[text], found[ground]) >= LEAST_OF_TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_text_can_be_read_in_the_hottest_cell(scheme: str) -> None:
    found = SCHEMES[scheme]
    mix = re.search(r"var\(--failed\) calc\((\d+)% \+ var\(--heat\) \* (\d+)%\)", CSS)
    assert mix
    least, more = map(int, mix.groups())
    for share in (least / 100, (least + more) / 100):
        for ground in ("card", "track"):
            cell = mixed(found["failed"], found[ground], share)
            assert contrast(found["text"], cell) >= LEAST_OF_TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["c0", "c1", "c2", "c3", "c4", "other", "failed"])
def test_a_bar_can_be_told_from_its_card(name: str, scheme: str) -> None:
    found = SCHEMES[scheme]
    assert contrast(found[name], found["card"]) >= LEAST_OF_SHAPES


def test_no_other_colour_is_given_to_a_text() -> None:
    used = set(re.findall(r"(?<![\w-])color: ([^;}]+)", CSS))
    # `card` is on a ground of `text`, in tips and pressed buttons.
    assert used <= {*(f"var(--{name})" for name in (*TEXTS, "card")), "inherit"}
    for rule in re.findall(r"\{([^{}]*)\}", CSS):
        if re.search(r"(?<![\w-])color: var\(--card\)", rule):
            assert "background: var(--text)" in rule
    behind = set(re.findall(r"background: var\(--([\w-]+)\)", CSS))
    marks = {*(f"c{number}" for number in range(5)), "other", "failed"}
    assert behind <= {*GROUNDS, "text", *marks}
