"""Jobs through LiteLLM's calls: statuses, contents, failures, and the cost, once."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import av
import litellm
import pytest
from litellm.types.videos.utils import decode_video_id_with_provider

from openrouter_adapter.video_generation import jobs
from tests.support.waiting import happens

from .conftest import VEO, submit

if TYPE_CHECKING:
    from openrouter_adapter.emulator import Emulator

    from .conftest import Costs

FLUX = "openrouter/black-forest-labs/flux-3-video"


def finish(emulated: Emulator) -> None:
    emulated.advance(seconds=5)


def test_a_video_is_submitted_watched_and_downloaded(emulated: Emulator) -> None:
    video = submit()
    decoded = decode_video_id_with_provider(video.id)
    assert (decoded["custom_llm_provider"], decoded["model_id"]) == ("openrouter", "google/veo-3.1")
    assert (video.status, video.seconds, video.size) == ("queued", "4", "1280x720")
    assert video.created_at is not None
    emulated.advance(seconds=0.5)
    assert litellm.video_status(video.id).status == "in_progress"
    finish(emulated)
    done = litellm.video_status(video.id)
    assert (done.id, done.status, done.progress) == (video.id, "completed", 100)
    with av.open(io.BytesIO(litellm.video_content(video.id))) as opened:
        (stream,) = opened.streams.video
        assert (stream.width, stream.height, opened.duration) == (1280, 720, 4_000_000)


def test_the_asynchronous_twins_do_the_same(emulated: Emulator, costs: Costs) -> None:
    async def all_of_it() -> tuple[Any, bytes]:
        video = await litellm.avideo_generation(model=VEO, prompt="A wren.", seconds="4")
        finish(emulated)
        first = await litellm.avideo_status(video.id)
        await litellm.avideo_status(video.id)
        return first, await litellm.avideo_content(video.id)

    try:
        done, content = asyncio.run(all_of_it())
    finally:
        litellm.in_memory_llm_clients_cache.flush_cache()
    assert done._hidden_params["response_cost"] == float(emulated.bill()[0].cost) == 1.6
    assert content[4:8] == b"ftyp"
    assert happens(lambda: len(costs.told) >= 3)
    assert sum(cost or 0 for cost in costs.costs) == 1.6


def test_the_cost_counts_once_however_often_the_status_is_asked_for(
    emulated: Emulator, costs: Costs
) -> None:
    video = submit()
    litellm.video_status(video.id)
    finish(emulated)
    seen = [litellm.video_status(video.id) for _ in range(5)]
    litellm.video_content(video.id)
    (bill,) = emulated.bill()
    assert [one._hidden_params["response_cost"] for one in seen] == [float(bill.cost), 0, 0, 0, 0]
    # Each answer has the job's cost.
    assert {one._hidden_params["openrouter"]["cost"] for one in seen} == {float(bill.cost)}
    assert {one.usage["cost"] for one in seen} == {float(bill.cost)}
    assert happens(lambda: len(costs.told) == 8)
    assert sum(cost or 0 for cost in costs.costs) == float(bill.cost)
    models = {model for kind, model, _ in costs.told.values() if kind == "video_status"}
    assert models == {"google/veo-3.1"}


@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired"])
def test_a_job_that_fails_says_why_and_adds_no_cost(emulated: Emulator, ending: str) -> None:
    emulated.faults.add(f"choice-error=502; job={ending}; message=the bird flew away")
    video = submit()
    finish(emulated)
    failed = litellm.video_status(video.id)
    assert (failed.status, failed.error) == (
        "failed",
        {"code": ending, "message": "the bird flew away"},
    )
    assert failed._hidden_params["response_cost"] == 0
    assert "cost" not in failed._hidden_params["openrouter"]
    raised = jobs.failure_of(failed)
    assert isinstance(raised, litellm.BadGatewayError)
    assert f"is {ending}: the bird flew away" in str(raised)
    with pytest.raises(litellm.BadRequestError, match="is not completed"):
        litellm.video_content(video.id)


def test_a_job_that_moderation_stopped_is_a_policy_error(emulated: Emulator) -> None:
    emulated.faults.add("choice-error=400; message=Content policy violation")
    video = submit()
    finish(emulated)
    raised = jobs.failure_of(litellm.video_status(video.id))
    assert isinstance(raised, litellm.ContentPolicyViolationError)


@pytest.mark.parametrize("way", ["video_remix", "video_edit", "video_extension"])
def test_a_completed_video_is_continued_by_its_id(emulated: Emulator, way: str) -> None:
    first = submit(model=FLUX, seconds="5", size="720p")
    finish(emulated)
    more = {"seconds": "5"} if way == "video_extension" else {"extra_body": {"seconds": "5"}}
    video = getattr(litellm, way)(first.id, prompt="It flies away.", **more)
    assert emulated.requests[-1].body == {
        "model": "black-forest-labs/flux-3-video",
        "prompt": "It flies away.",
        "duration": 5,
        "previous_job_id": first._hidden_params["openrouter"]["job_id"],
    }
    finish(emulated)
    assert litellm.video_status(video.id)._hidden_params["response_cost"] == 2.05


def test_a_plain_id_names_no_model_to_continue_with(emulated: Emulator) -> None:
    with pytest.raises(litellm.BadRequestError, match="extra_body"):
        litellm.video_remix("gen-vid-1", prompt="More.", custom_llm_provider="openrouter")
    assert emulated.requests == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: litellm.video_list(custom_llm_provider="openrouter"), "can't list videos"),
        (
            lambda: litellm.video_content(
                "gen-vid-1", variant="thumbnail", custom_llm_provider="openrouter"
            ),
            "variant='thumbnail'",
        ),
        (
            lambda: litellm.video_create_character(
                name="Wren", video=b"x", custom_llm_provider="openrouter"
            ),
            "doesn't support characters",
        ),
    ],
)
def test_what_openrouter_lacks_is_refused_with_the_reason(
    emulated: Emulator, call: Any, said: str
) -> None:
    with pytest.raises(litellm.BadRequestError, match=said):
        call()
    assert emulated.requests == []


def test_an_unknown_job_is_not_found(emulated: Emulator) -> None:  # noqa: ARG001
    for call in (litellm.video_status, litellm.video_content):
        with pytest.raises(litellm.NotFoundError, match="gen-vid-none not found"):
            call("gen-vid-none", custom_llm_provider="openrouter")


def test_the_key_of_a_call_is_used_for_every_step(
    emulated: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    monkeypatch.delenv("OPENROUTER_API_BASE")
    to: dict[str, Any] = {"api_key": emulated.api_key, "api_base": emulated.base_url}
    video = submit(**to)
    finish(emulated)
    assert litellm.video_status(video.id, **to).status == "completed"
    assert litellm.video_content(video.id, **to)[4:8] == b"ftyp"
    with pytest.raises(litellm.AuthenticationError, match="OPENROUTER_API_KEY"):
        litellm.video_status(video.id, api_base=emulated.base_url)


def test_the_signed_addresses_are_nowhere_in_the_answer_or_the_log(
    emulated: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    video = submit()
    finish(emulated)
    done = litellm.video_status(video.id)
    said = json.dumps([done.model_dump(), done._hidden_params], default=str) + caplog.text
    assert "/outputs/" not in said
    assert "unsigned_urls" in done._hidden_params["openrouter"]
