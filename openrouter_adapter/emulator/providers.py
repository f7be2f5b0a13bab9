"""The providers: who they are, what they keep of a prompt, and `/providers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import catalog
from .call import Route

if TYPE_CHECKING:
    from .call import Call
    from .catalog import Endpoint, Model


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider. What it keeps is the emulator's own choice, near to what is published.

    Attributes:
        slug: Its name in a request.
        site: Its home page's host.
        country: Of its headquarters, ISO 3166.
        zdr: Whether it keeps nothing of a prompt.
        trains: Whether it may train on prompts.
    """

    slug: str
    site: str
    country: str = "US"
    zdr: bool = False
    trains: bool = False


_ALL = (
    Provider("amazon-bedrock", "aws.amazon.com", zdr=True),
    Provider("anthropic", "anthropic.com"),
    Provider("azure", "azure.microsoft.com", zdr=True),
    Provider("baseten", "baseten.co", zdr=True),
    Provider("black-forest-labs", "bfl.ai", "DE"),
    Provider("cerebras", "cerebras.ai", zdr=True),
    Provider("deepinfra", "deepinfra.com", zdr=True),
    Provider("fake-provider", "localhost", zdr=True),
    Provider("google-ai-studio", "ai.google.dev"),
    Provider("google-vertex", "cloud.google.com", zdr=True),
    Provider("groq", "groq.com", zdr=True),
    Provider("minimax", "minimax.io", "CN", trains=True),
    Provider("mistral", "mistral.ai", "FR"),
    Provider("nebius", "nebius.com", "NL", zdr=True),
    Provider("nextbit", "nextbit256.com", "GB", zdr=True),
    Provider("novita", "novita.ai", zdr=True),
    Provider("nvidia", "nvidia.com", trains=True),
    Provider("open-inference", "openinference.xyz", trains=True),
    Provider("openai", "openai.com"),
    Provider("perplexity", "perplexity.ai"),
    Provider("recraft", "recraft.ai"),
    Provider("seed", "seed.bytedance.com", "SG"),
    Provider("sourceful", "sourceful.com", "GB"),
    Provider("together", "together.ai", zdr=True),
    Provider("venice", "venice.ai", zdr=True),
    Provider("voyageai", "voyageai.com"),
    Provider("xai", "x.ai"),
    Provider("z-ai", "z.ai", "SG"),
)
_BY_SLUG = {provider.slug: provider for provider in _ALL}


def keeps_nothing(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint keeps nothing of a prompt."""
    return _BY_SLUG[endpoint.slug].zdr


def trains(model: Model, endpoint: Endpoint) -> bool:
    """Tell whether an endpoint may train on a prompt."""
    free_at_google = model.id.endswith(":free") and endpoint.slug == "google-ai-studio"
    return _BY_SLUG[endpoint.slug].trains or free_at_google


def list_providers(_: Call) -> dict[str, Any]:
    """Return the body of `GET /providers`."""
    names = {one.slug: one.provider for model in catalog.models() for one in model.endpoints}
    return {"data": [_wire(one, names[one.slug]) for one in _ALL if one.slug in names]}


def _wire(provider: Provider, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "slug": provider.slug,
        "headquarters": provider.country,
        "datacenters": [provider.country],
        "privacy_policy_url": f"https://{provider.site}/privacy",
        "terms_of_service_url": f"https://{provider.site}/terms",
        "status_page_url": f"https://status.{provider.site}",
    }


ROUTES = (Route("GET", "/providers", list_providers, "anybody"),)
