"""What image models do and take: as the catalogue read it, else as this release knows it.

A model that answers with images alone is refused by OpenRouter on the chat route, so the route of a
request depends on the model. Both routes are chosen in layers below the catalogue; whoever reads
OpenRouter's lists reports them here with `learn` and `describe`, and nothing here reads a file or
asks the network.
See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openrouter_adapter.images import shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    Parameters = Mapping[str, Any]

MOST_IMAGES: Final = 10
"""The largest `n` that the images API takes of any model."""

_only_images: dict[str, bool] = {}
_parameters: dict[str, Parameters] = {}


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A model that makes images.

    Attributes:
        only_images: Whether it answers with images alone. OpenRouter refuses a chat whose
            `modalities` ask such a model for text.
        parameters: `supported_parameters` of OpenRouter's image models: a descriptor for each field
            that the model takes. None where they are not known.
        are_read: Whether the parameters were read from OpenRouter, and requests can be held to
            them; those of this release may be out of date, and only help to plan a request.
    """

    only_images: bool
    parameters: Parameters | None = None
    are_read: bool = False

    def takes(self, field: str) -> bool:
        """Whether a field reaches the model; True where its parameters are not known."""
        return self.parameters is None or field in self.parameters

    @property
    def most_images(self) -> int:
        """The largest `n` of one request to the images API."""
        if self.parameters is None:
            return MOST_IMAGES
        descriptor = self.parameters.get("n")
        most = descriptor.get("max") if isinstance(descriptor, dict) else 1
        if isinstance(most, bool) or not isinstance(most, int | float):
            return MOST_IMAGES
        return min(max(int(most), 1), MOST_IMAGES)

    @property
    def aspect_ratios(self) -> tuple[str, ...] | None:
        """The ratios that OpenRouter lists for the model; None where they were not read."""
        if not self.are_read or self.parameters is None:
            return None
        descriptor = self.parameters.get("aspect_ratio")
        values = descriptor.get("values") if isinstance(descriptor, dict) else None
        if not isinstance(values, list):
            return None
        return tuple(value for value in values if isinstance(value, str) and ":" in value)


def find(model: str) -> ImageModel | None:
    """What is known of a model that makes images; None for any other, and for unknown ones.

    Args:
        model: As a request names it, with or without `openrouter/`; a variant such as `:free`
            counts as the model itself where it is not known by its own name.
    """
    name = model.removeprefix("openrouter/")
    base = name.partition(":")[0]
    for tried in (name, base) if base != name else (name,):
        only = _only_images.get(tried)
        read = _parameters.get(tried)
        known = shipped.find(tried)
        if read is not None:
            return ImageModel(bool(known and known[0] if only is None else only), read, True)
        if only is not None:
            return ImageModel(only, known[1] if known else None)
        if known is not None:
            return ImageModel(*known)
    return None


def learn(only_images: Mapping[str, bool]) -> None:
    """Takes over which models make images, and whether they answer with nothing else."""
    _only_images.update(only_images)


def describe(parameters: Mapping[str, Parameters]) -> None:
    """Takes over `supported_parameters`, as OpenRouter has them now, by the model's name."""
    _parameters.update(parameters)


def forget() -> None:
    """Forgets everything that was read; what this release knows stays."""
    _only_images.clear()
    _parameters.clear()
