"""What images cost by the image, the megapixel, the token and the request, before they are made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from openrouter_adapter import catalog as package
from openrouter_adapter.catalog.catalog import parse_image_endpoint
from openrouter_adapter.catalog.loading import union
from openrouter_adapter.emulator import Emulator, images_api
from openrouter_adapter.emulator import models as emulated_models
from openrouter_adapter.emulator.catalog import models as emulated

URL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
FLUX = "black-forest-labs/flux.2-pro"
SEEDREAM = "bytedance-seed/seedream-4.5"
GROK = "x-ai/grok-imagine-image-2.0"
RIVERFLOW = "sourceful/riverflow-v2.5-pro"
STYLES = "recraft/recraft-v4-styles"

CATALOG = package.Catalog(
    emulated_models.listing()["data"],
    endpoints={
        model.id: emulated_models.endpoints_object(model)["data"]["endpoints"]
        for model in emulated()
    },
    image_endpoints={
        model.id: images_api.endpoints_object(model)["endpoints"]
        for model in emulated()
        if model.image_api
    },
)


def usd(text: str) -> Decimal:
    return Decimal(text)


def line(usd: float, unit: str = "image", billable: str = "output_image", **more: str) -> Any:
    return {"billable": billable, "unit": unit, "cost_usd": usd, **more}


def painter(*offers: list[Any], **model: Any) -> package.Catalog:
    """A catalogue of one model, with a provider for each list of lines."""
    row = {
        "id": "a/painter",
        "pricing": {"prompt": "0", "completion": "0"},
        "architecture": {"output_modalities": ["image"]},
        **model,
    }
    rows = [
        {"provider_name": f"P{place}", "provider_tag": f"p{place}", "pricing": lines}
        for place, lines in enumerate(offers)
    ]
    return package.Catalog([row], image_endpoints={"a/painter": rows} if offers else None)


def bounded(catalog: package.Catalog = CATALOG, **body: Any) -> package.Estimate:
    return package.bound({"model": "a/painter", "prompt": "a wren", **body}, "/images", catalog)


@pytest.mark.parametrize(
    ("model", "fields", "likely", "worst"),
    [
        (SEEDREAM, {}, "0.04", "0.04"),
        (SEEDREAM, {"n": 3}, "0.12", "0.12"),
        (SEEDREAM, {"input_references": [URL, URL]}, "0.04", "0.04"),
        # A price for each quality and tier.
        (GROK, {"resolution": "1K", "quality": "low"}, "0.04", "0.04"),
        (GROK, {"resolution": "2K", "quality": "medium"}, "0.08", "0.08"),
        (GROK, {"resolution": "1K"}, "0.04", "0.06"),
        (GROK, {"quality": "low"}, "0.04", "0.06"),
        (GROK, {}, "0.04", "0.08"),
        (GROK, {"size": "2K", "quality": "low"}, "0.06", "0.06"),
        (GROK, {"quality": "low", "resolution": "1K", "input_references": [URL]}, "0.05", "0.05"),
        # A price without a variant is for what the others are not.
        (RIVERFLOW, {}, "0.13", "0.17"),
        (RIVERFLOW, {"resolution": "1K"}, "0.13", "0.13"),
        (RIVERFLOW, {"resolution": "2K"}, "0.15", "0.15"),
        (RIVERFLOW, {"size": "2048x2048"}, "0.13", "0.17"),
        # Once a request, whatever number of references.
        (STYLES, {"input_references": [URL, URL]}, "0.04", "0.04"),
        (STYLES, {"n": 2, "input_references": [URL]}, "0.075", "0.08"),
    ],
    ids=str,
)
def test_images_sold_by_the_image(
    model: str, fields: dict[str, Any], likely: str, worst: str
) -> None:
    found = bounded(model=model, **fields)
    assert (found.likely, found.worst) == (usd(likely), usd(worst))
    assert found.details is not None
    assert found.details.knows_endpoints


def test_images_sold_by_the_megapixel() -> None:
    usual = bounded(model=FLUX)
    assert usual.likely == usd("0.03") * usd("1.048576")
    assert usual.worst == usd("0.03") * usd("4.194304") * usd("1.1")
    larger = bounded(model=FLUX, size="2048x1024")
    assert larger.likely == usd("0.03") * usd("2.097152")
    assert usual.worst > (larger.worst or 0) > (larger.likely or 0)
    # Less than a megapixel is not counted on.
    assert bounded(model=FLUX, size="256x256").worst == usd("0.03") * usd("1.048576") * usd("1.1")


def test_images_sold_by_the_token_use_the_catalogues_prices() -> None:
    found = bounded(model="openai/gpt-image-1-mini")
    assert usd("0.01") < (found.likely or 0) < usd("0.02")
    assert (found.worst or 0) > 100_000 * usd("0.000008")


def test_a_token_price_that_only_the_images_api_has() -> None:
    lines = [line(0.00005, "token"), line(0.000005, "token", "input_text")]
    found = bounded(painter(lines, context_length=4096))
    assert usd("0.06") < (found.likely or 0) < usd("0.07")
    assert (found.worst or 0) > 4096 * usd("0.00005")
    assert bounded(painter(lines)).worst is None


def test_the_most_expensive_provider_bounds_the_cost() -> None:
    two = painter([line(0.02)], [line(0.05)])
    assert (bounded(two).likely, bounded(two).worst) == (usd("0.02"), usd("0.05"))
    only = bounded(two, provider={"only": ["p0"]})
    assert only.worst == usd("0.02")
    assert bounded(two, provider={"ignore": ["p1"]}).worst == usd("0.02")
    none = bounded(two, provider={"only": ["p9"]})
    assert "none of its providers fits" in (none.unknown_because or "")


def test_a_tier_of_an_unknown_name_may_be_meant_by_any_request() -> None:
    book = painter([line(0.045), line(0.09, variant="high_resolution")])
    found = bounded(book, resolution="1K")
    assert (found.likely, found.worst) == (usd("0.045"), usd("0.09"))


def test_fonts_are_billed_for_each() -> None:
    book = painter([line(0.02), line(0.03, billable="input_font")])
    fonts = {"options": {"sourceful": {"font_inputs": [{"url": "a"}, {"url": "b"}]}}}
    assert bounded(book, provider=fonts).worst == usd("0.08")


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        (painter(), "was not loaded"),
        (painter([]), "lists no price"),
        (painter([line(0.02, "furlong")]), "output_image by the furlong"),
        (painter([line(0.02, "image", "input_smell"), line(0.01)]), "input_smell by the image"),
    ],
)
def test_a_price_that_nobody_can_say_is_unknown_not_nothing(
    book: package.Catalog, reason: str
) -> None:
    found = bounded(book)
    assert found.worst is None
    assert reason in (found.unknown_because or "")


def test_a_free_model_is_free() -> None:
    book = painter(id="a/painter:free")
    assert bounded(book, model="a/painter:free").likely == 0


def test_odd_rows_are_read_as_far_as_they_go() -> None:
    offer = parse_image_endpoint({"pricing": ["x", {"unit": "image"}, line(0.01)]})
    assert [(one.unit, one.usd) for one in offer.lines] == [("image", usd("0.01"))]
    assert offer.parameters == {}
    odd = union([offer, parse_image_endpoint({"supported_parameters": {"n": None}})])
    assert odd == {"n": None}


CASES: list[tuple[str, dict[str, Any]]] = [
    (FLUX, {}),
    (FLUX, {"size": "1024x1024"}),
    (SEEDREAM, {"n": 4, "resolution": "4K", "aspect_ratio": "21:9"}),
    (SEEDREAM, {"input_references": [URL]}),
    (GROK, {}),
    (GROK, {"quality": "medium", "size": "2K", "input_references": [URL, URL]}),
    (RIVERFLOW, {"resolution": "4K"}),
    (STYLES, {"input_references": [URL], "n": 2}),
    ("openai/gpt-image-1-mini", {"quality": "high", "n": 2}),
    ("recraft/recraft-v4.1-vector", {"output_format": "svg"}),
    ("google/gemini-2.5-flash-image", {"input_references": [URL]}),
]


@pytest.mark.parametrize(("model", "fields"), CASES, ids=str)
def test_no_bill_of_an_image_is_above_its_bound(model: str, fields: dict[str, Any]) -> None:
    body = {"model": model, "prompt": "a wren", **fields}
    with Emulator() as emulator:
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        reply = httpx.post(f"{emulator.base_url}/images", json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        (row,) = emulator.bill()
    found = package.bound(body, "/images", CATALOG)
    assert found.worst is not None
    assert 0 < row.cost <= found.worst
