"""The rule for `extra_body` on every endpoint: it fills in what no keyword of the call says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openrouter_adapter.wire import errors

if TYPE_CHECKING:
    from collections.abc import Collection


def with_extra(
    body: dict[str, Any], extra: Any, defaults: Collection[str] = (), model: str = ""
) -> dict[str, Any]:
    """Return a body with the fields of `extra_body` that it lacks; the same one if it lacks none.

    The fields are sent unchecked.

    Args:
        body: The fields that the call's keywords make, its model and its input among them.
        extra: The call's `extra_body`, or None.
        defaults: The names in `body` that no keyword said, which give way to `extra`.
        model: The model asked for, named in the error.

    Raises:
        litellm.BadRequestError: `extra_body` is not an object.
    """
    added = unsaid(extra, body.keys() - set(defaults), model)
    return {**body, **added} if added else body


def unsaid(extra: Any, said: Collection[str], model: str = "") -> dict[str, Any]:
    """Return the fields of `extra_body` that are not among those that the call has said.

    Raises:
        litellm.BadRequestError: `extra_body` is not an object.
    """
    if not extra:
        return {}
    if not isinstance(extra, dict):
        raise errors.bad_request(f"extra_body={extra!r:.100}: give an object of fields", model)
    return {name: value for name, value in extra.items() if name not in said}
