"""The check of all options, before anything is sent."""

from __future__ import annotations

from typing import Any

from openrouter_adapter.options.contradictions import contradictions
from openrouter_adapter.options.names import NATIVE_FIELDS, OPENROUTER_FIELDS
from openrouter_adapter.options.slips import warn_of_name


def check(fields: dict[str, Any], model: str) -> None:
    """Check the options among a request's fields, and put them into OpenRouter's own form.

    Changes `fields` itself, never a value of the caller's: the empty words of `transforms` and
    an empty `route` go, and `plugins={"web": {}}` becomes `[{"id": "web"}]`. A name or word
    that nobody knows is left as it is, with a warning when it is nearly a known one.

    Raises:
        litellm.BadRequestError: An option has the wrong type or contradicts another one. The
            message names each, with what is allowed.
    """
    if fields.keys() <= NATIVE_FIELDS:
        return
    # Waits until there is an option, because it needs pydantic's models.
    from openrouter_adapter.options.validation import faults_of_option

    _normalise(fields)
    faults: list[str] = []
    for name, value in fields.items():
        if name in OPENROUTER_FIELDS:
            if value is not None:
                faults += faults_of_option(name, value)
        elif name not in NATIVE_FIELDS:
            warn_of_name(name)
    faults = faults or contradictions(fields)
    if faults:
        from litellm.exceptions import BadRequestError

        raise BadRequestError("; ".join(faults), model=model, llm_provider="openrouter")


def _normalise(fields: dict[str, Any]) -> None:
    if "route" in fields and fields["route"] == "":
        del fields["route"]
    transforms = fields.get("transforms")
    if isinstance(transforms, (list, tuple)) and "" in transforms:
        fields["transforms"] = [word for word in transforms if word != ""]
    plugins = fields.get("plugins")
    if isinstance(plugins, dict) and all(
        isinstance(settings, dict) and settings.get("id", name) == name
        for name, settings in plugins.items()
    ):
        fields["plugins"] = [{"id": name, **settings} for name, settings in plugins.items()]
