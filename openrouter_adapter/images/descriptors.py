"""Requests to the images API, held to what OpenRouter lists for their model.

See https://openrouter.ai/docs/guides/overview/multimodal/image-generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What a descriptor may stand for. `size` is not among them: OpenRouter turns it into the fields
# that a model takes.
_DESCRIBED: Final = (
    *("aspect_ratio", "background", "input_references", "n", "output_compression"),
    *("output_format", "quality", "resolution", "seed"),
)
# OpenRouter leaves these out for models that lack them.
_IGNORED: Final = frozenset({"output_compression", "quality"})


def faults(fields: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a model does not take of a request: the field, and what is wrong with it.

    Args:
        fields: The request's fields, as they would be sent.
        parameters: The model's `supported_parameters`.
    """
    for name in _DESCRIBED:
        value = fields.get(name)
        descriptor = parameters.get(name)
        if name == "input_references":
            value = len(value) if isinstance(value, list) else int(value is not None)
        if descriptor is None:
            if value not in {None, 0} and name not in _IGNORED and (name, value) != ("n", 1):
                known = ", ".join(sorted(set(parameters) & set(_DESCRIBED)))
                yield name, f"the model takes no {name}, but {known or 'a prompt only'}"
        elif value is not None and isinstance(descriptor, dict):
            allowed = _allowed(value, descriptor)
            if allowed is not None:
                yield name, f"{name}={value!r}: the model takes {allowed}"


def _allowed(value: Any, descriptor: Mapping[str, Any]) -> str | None:
    """What a descriptor allows in place of a value; None where the value is allowed."""
    values = descriptor.get("values")
    if descriptor.get("type") == "enum" and isinstance(values, list):
        return None if value in values else " | ".join(map(repr, values))
    least, most = descriptor.get("min"), descriptor.get("max")
    if descriptor.get("type") != "range" or not _is_number(value):
        return None
    too_few = _is_number(least) and value < least
    too_many = _is_number(most) and value > most
    return f"{least} to {most}" if too_few or too_many else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
