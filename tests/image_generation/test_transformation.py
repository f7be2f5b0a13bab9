"""Images over chat: what is sent, what comes back, and answers without an image."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import litellm
import pytest

from tests.support import answers
from tests.support.calls import IMAGE_MODEL, WAYS, draw

if TYPE_CHECKING:
    from tests.support.loopback import Loopback

BOTH_WAYS = pytest.mark.parametrize("way", ["image_generation", "aimage_generation"])
DATA = "aGVsbG8="
LINK = "https://a.example/bird.webp?sig=1"


# What is sent


@BOTH_WAYS
def test_the_plainest_request(openrouter: Loopback, way: str) -> None:
    WAYS[way]()
    assert openrouter.body == {
        "model": "google/gemini-2.5-flash-image",
        "messages": [{"role": "user", "content": "a bird"}],
        "modalities": ["image", "text"],
        "usage": {"include": True},
    }


@BOTH_WAYS
@pytest.mark.parametrize(
    ("keywords", "config"),
    [
        ({"size": "1536x1024"}, {"aspect_ratio": "3:2"}),
        ({"size": "16:9"}, {"aspect_ratio": "16:9"}),
        ({"size": "2K"}, {"image_size": "2K"}),
        ({"quality": "hd"}, {"image_size": "4K"}),
        ({"size": "16:9", "quality": "medium"}, {"aspect_ratio": "16:9", "image_size": "2K"}),
        ({"size": "2K", "quality": "high"}, {"image_size": "2K"}),
        ({"image_config": {"strength": 0.5}}, {"strength": 0.5}),
        (
            {"size": "16:9", "quality": "hd", "image_config": {"aspect_ratio": "1:1"}},
            {"aspect_ratio": "1:1", "image_size": "4K"},
        ),
        (
            {"size": "16:9", "openrouter_image_config": {"image_size": "2K"}},
            {"aspect_ratio": "16:9", "image_size": "2K"},
        ),
    ],
    ids=str,
)
def test_size_and_quality_fill_in_what_image_config_leaves_open(
    openrouter: Loopback, way: str, keywords: dict[str, Any], config: dict[str, Any]
) -> None:
    WAYS[way](**keywords)
    assert openrouter.body["image_config"] == config


@pytest.mark.parametrize("keywords", [{"size": "auto"}, {"quality": "auto"}, {}])
def test_auto_sends_no_image_config(openrouter: Loopback, keywords: dict[str, str]) -> None:
    draw(**keywords)
    assert "image_config" not in openrouter.body


def test_the_callers_image_config_is_not_changed(openrouter: Loopback) -> None:
    config = {"strength": 0.5}
    draw(size="16:9", image_config=config)
    assert config == {"strength": 0.5}
    assert openrouter.body["image_config"] == {"aspect_ratio": "16:9", "strength": 0.5}


@BOTH_WAYS
@pytest.mark.parametrize(
    ("keywords", "words"), [({"size": "3000x1000"}, "5:2"), ({"quality": "ultra"}, "'hd'")]
)
def test_a_wrong_size_or_quality_is_an_error_before_anything_is_sent(
    openrouter: Loopback, way: str, keywords: dict[str, str], words: str
) -> None:
    with pytest.raises(litellm.BadRequestError, match=words):
        WAYS[way](**keywords)
    assert openrouter.requests == []


@BOTH_WAYS
@pytest.mark.parametrize("keywords", [{"size": "3000x1000"}, {"quality": "ultra"}])
def test_drop_params_drops_them_and_says_so(
    openrouter: Loopback, way: str, keywords: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "openrouter_adapter"):
        WAYS[way](**keywords, drop_params=True)
    assert "image_config" not in openrouter.body
    assert f"{next(iter(keywords))} is dropped" in caplog.text


def test_litellms_global_drop_params_counts(
    openrouter: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "drop_params", True)
    draw(quality="ultra")
    assert "image_config" not in openrouter.body


@pytest.mark.parametrize(
    "keywords",
    [
        {"user": "user-1"},
        {"seed": 7},
        {"provider": {"only": ["google"]}},
        {"modalities": ["image"]},
        {"session_id": "s"},
    ],
)
def test_a_keyword_is_sent(openrouter: Loopback, keywords: dict[str, Any]) -> None:
    draw(**keywords)
    assert {name: openrouter.body[name] for name in keywords} == keywords


@pytest.mark.parametrize(
    "keywords", [{"n": 1}, {"response_format": "b64_json"}, {"response_format": "url"}]
)
def test_what_is_settled_here_is_not_sent(openrouter: Loopback, keywords: dict[str, Any]) -> None:
    draw(**keywords)
    assert openrouter.body.keys().isdisjoint(keywords)


def test_a_router_sends_its_deployments_options(openrouter: Loopback) -> None:
    deployment = {"model": IMAGE_MODEL, "image_config": {"aspect_ratio": "1:1"}}
    router = litellm.Router(model_list=[{"model_name": "i", "litellm_params": deployment}])
    router.image_generation("a bird", model="i", size="16:9")
    assert openrouter.body["image_config"] == {"aspect_ratio": "1:1"}
    assert "max_retries" not in openrouter.body


# What comes back


@BOTH_WAYS
@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/svg+xml"])
def test_a_data_url_is_base64_with_its_media_type(
    openrouter: Loopback, way: str, media_type: str
) -> None:
    openrouter.replies(answers.image(f"data:{media_type};base64,{DATA}"))
    (image,) = WAYS[way]().data
    assert (image.b64_json, image.url) == (DATA, None)
    assert image.provider_specific_fields["media_type"] == media_type


def test_a_data_url_of_text_becomes_base64(openrouter: Loopback) -> None:
    openrouter.replies(answers.image("data:image/svg+xml,%3Csvg%3E%C3%A9</svg>"))
    (image,) = draw().data
    assert base64.b64decode(image.b64_json) == "<svg>é</svg>".encode()
    assert image.provider_specific_fields["media_type"] == "image/svg+xml"


def test_a_data_url_stays_one_where_urls_were_asked_for(openrouter: Loopback) -> None:
    url = f"data:image/webp;base64,{DATA}"
    openrouter.replies(answers.image(url))
    (image,) = draw(response_format="url").data
    assert (image.b64_json, image.url) == (None, url)


@pytest.mark.parametrize("form", [None, "url", "b64_json"])
def test_a_link_is_a_url(openrouter: Loopback, form: str | None) -> None:
    openrouter.replies(answers.image(LINK))
    (image,) = draw(response_format=form).data
    assert (image.b64_json, image.url) == (None, LINK)


def test_a_link_as_a_bare_string_is_a_url(openrouter: Loopback) -> None:
    body = answers.image()
    body["choices"][0]["message"]["images"] = [{"type": "image_url", "image_url": LINK}]
    openrouter.replies(body)
    assert draw().data[0].url == LINK


def test_several_images_of_one_answer(openrouter: Loopback) -> None:
    openrouter.replies(answers.image(LINK, f"data:image/png;base64,{DATA}"))
    first, second = draw().data
    assert (first.url, second.b64_json) == (LINK, DATA)


def test_the_words_beside_an_image_are_kept(openrouter: Loopback) -> None:
    details = [{"type": "reasoning.encrypted", "data": "c"}]
    openrouter.replies(answers.image(content="A wren.", reasoning_details=details))
    specific = draw().data[0].provider_specific_fields
    assert specific["content"] == "A wren."
    assert specific["reasoning_details"] == details
    assert specific["native_finish_reason"] == "stop"


@BOTH_WAYS
@pytest.mark.usefixtures("openrouter")
def test_usage_is_split_into_text_and_images(way: str) -> None:
    usage = WAYS[way]().usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (5, 1300, 1305)
    assert usage.input_tokens_details.text_tokens == 5
    assert usage.input_tokens_details.image_tokens == 0
    assert usage.output_tokens_details == {"image_tokens": 1290, "text_tokens": 10}
    assert usage.cost == answers.COST


def test_images_that_were_read_are_tokens_of_their_own(openrouter: Loopback) -> None:
    body = answers.image()
    body["usage"] = {
        **body["usage"],
        "prompt_tokens": 263,
        "prompt_tokens_details": {"cached_tokens": 0, "image_tokens": 258},
    }
    openrouter.replies(body)
    details = draw().usage.input_tokens_details
    assert (details.image_tokens, details.text_tokens) == (258, 5)


@BOTH_WAYS
@pytest.mark.usefixtures("openrouter")
def test_cost_and_facts_are_in_the_hidden_params(way: str) -> None:
    response = WAYS[way]()
    assert response.created == 1_700_000_000
    assert response._hidden_params["response_cost"] == answers.COST
    assert response._hidden_params["openrouter"]["provider"] == "OpenAI"
    assert response._hidden_params["openrouter"]["generation_id"] == "gen-1"


# Answers without an image


@BOTH_WAYS
def test_words_only_are_an_error_with_the_words_and_the_cost(
    openrouter: Loopback, way: str
) -> None:
    openrouter.replies(answers.completion("What size would you like?"))
    with pytest.raises(litellm.UnprocessableEntityError) as caught:
        WAYS[way](max_retries=0)
    assert "What size would you like?" in str(caught.value)
    assert "0.0004970133333333333 USD" in str(caught.value)
    assert caught.value.openrouter["cost"] == answers.COST
    assert caught.value.openrouter["generation_id"] == "gen-1"


def test_an_unknown_cost_is_said(openrouter: Loopback) -> None:
    body = answers.completion("No.")
    del body["usage"]
    openrouter.replies(body)
    with pytest.raises(litellm.UnprocessableEntityError, match="its cost is not known"):
        draw(max_retries=0)


@BOTH_WAYS
@pytest.mark.parametrize("is_refusal", [True, False], ids=["refusal", "content_filter"])
def test_a_refusal_is_a_content_policy_violation(
    openrouter: Loopback, way: str, is_refusal: bool
) -> None:
    body = answers.completion(None if is_refusal else "I may not draw that.")
    if is_refusal:
        body["choices"][0]["message"]["refusal"] = "I may not draw that."
    else:
        body["choices"][0]["finish_reason"] = "content_filter"
    openrouter.replies(body)
    with pytest.raises(litellm.ContentPolicyViolationError, match="I may not draw that") as caught:
        WAYS[way](max_retries=0)
    assert caught.value.openrouter["cost"] == answers.COST


@pytest.mark.parametrize("image", [{}, {"image_url": {}}, {"image_url": {"url": ""}}, None, "a"])
def test_an_image_of_an_odd_form_is_an_error(openrouter: Loopback, image: Any) -> None:
    body = answers.image()
    body["choices"][0]["message"]["images"] = [image]
    openrouter.replies(body)
    with pytest.raises((litellm.UnprocessableEntityError, litellm.ServiceUnavailableError)):
        draw(max_retries=0)


def test_a_failure_is_its_exception(openrouter: Loopback) -> None:
    openrouter.replies(answers.error(402, "no credits"), 402)
    with pytest.raises(litellm.exceptions.PaymentRequiredError, match="no credits"):
        draw(max_retries=0)
