"""Images out: real PNGs, of the shape that was asked for."""

from __future__ import annotations

import base64
import struct
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from openrouter_adapter.emulator import images

if TYPE_CHECKING:
    from .conftest import Client

GEMINI = "google/gemini-2.5-flash-image"


def opened(url: str) -> tuple[int, int, bytes]:
    """Read a PNG strictly: signature, checksums, and as many pixels as it says."""
    data = base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, chunks = 8, {}
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, place + 8 + length)
        assert checksum == zlib.crc32(kind + content)
        chunks[kind] = content
        place += 12 + length
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    pixels = zlib.decompress(chunks[b"IDAT"])
    assert (depth, colour) == (8, 2)
    assert len(pixels) == height * (1 + 3 * width)
    assert b"IEND" in chunks
    return width, height, pixels


def draw(client: Client, prompt: str = "A fox", **body: Any) -> dict[str, Any]:
    return client.chat(prompt, **{"model": GEMINI, "modalities": ["image", "text"], **body}).message


def test_an_image_opens(client: Client) -> None:
    message = draw(client)
    (image,) = message["images"]
    assert (image["type"], image["index"]) == ("image_url", 0)
    assert opened(image["image_url"]["url"])[:2] == (128, 128)
    assert "A fox" in message["content"]


@pytest.mark.parametrize("ratio", [*images.PIXELS, "1:4", "8:1"])
def test_the_aspect_ratio_is_kept(client: Client, ratio: str) -> None:
    message = draw(client, image_config={"aspect_ratio": ratio})
    width, height, _ = opened(message["images"][0]["image_url"]["url"])
    wide, high = (float(side) for side in ratio.split(":"))
    assert width / height == pytest.approx(wide / high, rel=0.05)


def test_the_tier_makes_it_larger_and_dearer(client: Client) -> None:
    sizes = [
        opened(draw(client, image_config={"image_size": tier})["images"][0]["image_url"]["url"])[0]
        for tier in ("1K", "2K", "4K")
    ]
    costs = [row.cost for row in client.emulator.bill()]
    assert sizes == [128, 256, 512]
    assert costs == sorted(set(costs))


def test_prompts_have_colours_of_their_own(client: Client) -> None:
    one, two, again = (draw(client, prompt)["images"] for prompt in ("A fox", "A cat", "A fox"))
    assert one == again != two


def test_image_tokens_are_priced_as_such(client: Client) -> None:
    draw(client)
    (row,) = client.emulator.bill()
    words = row.tokens_completion - row.tokens_image
    assert row.tokens_image == 1290
    assert row.cost == (
        row.tokens_prompt * Decimal("0.0000003")
        + words * Decimal("0.0000025")
        + 1290 * Decimal("0.00003")
    )


def test_a_model_for_images_only_says_nothing(client: Client) -> None:
    message = draw(client, model="black-forest-labs/flux.2-pro", modalities=["image"])
    assert message["content"] == ""
    assert client.emulator.bill()[0].cost == Decimal("0.03")


def test_a_model_that_draws_nothing_is_no_endpoint_for_it(client: Client) -> None:
    reply = client.chat(model="openai/gpt-4o", modalities=["image", "text"])
    assert reply.status == 404
    assert "output modalities: image, text" in reply.json["error"]["message"]


def test_a_model_that_sees_nothing_is_no_endpoint_for_it(client: Client) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    shown = [{"role": "user", "content": [image]}]
    reply = client.chat(shown, model="meta-llama/llama-3.3-70b-instruct")
    assert reply.status == 404
    assert "support image input" in reply.json["error"]["message"]
    assert client.chat(shown).status == 200


def test_words_only_when_no_image_is_wanted(client: Client) -> None:
    assert "images" not in draw(client, modalities=["text"])
