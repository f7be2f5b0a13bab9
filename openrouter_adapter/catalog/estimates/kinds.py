"""The endpoints with estimates: how their prompts are counted, and what their answers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.catalog.estimates.prompt_tokens import Prompt
from openrouter_adapter.catalog.estimates.tokenizers import family

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openrouter_adapter.catalog.catalog import Model


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of endpoint: how its prompts are counted, and what its answers are.

    Attributes:
        read: Adds a body to a prompt.
        answers: `text`, `images`, or `nothing` if no answer is billed.
    """

    read: Callable[[Prompt, Mapping[str, Any]], None]
    answers: str = "text"

    def prompt(self, body: Mapping[str, Any], model: Model | None) -> Prompt:
        """The prompt of a body for a model; None stands for a model that a router will choose."""
        if model is None:
            found = Prompt(family("Router", ""))
        else:
            found = Prompt(family(model.tokenizer, model.id), model.longest)
        self.read(found, body)
        return found

    def makes_images_alone(self, model: Model) -> bool:
        """Whether the answers are only images, for which the images API has prices of its own."""
        writes = model.output_modalities
        return "image" in writes and (self.answers == "images" or "text" not in writes)


_IMAGES: Final = Kind(Prompt.add_image_request, "images")
KINDS: Final = {
    "/chat/completions": Kind(Prompt.add_chat),
    "/completions": Kind(Prompt.add_completion),
    "/responses": Kind(Prompt.add_response),
    "/messages": Kind(Prompt.add_messages),
    "/embeddings": Kind(Prompt.add_embedding, "nothing"),
    "/rerank": Kind(Prompt.add_rerank, "nothing"),
    "/images/generations": _IMAGES,
    "/images": _IMAGES,
}
"""The endpoints with estimates, by path, except that of videos."""
