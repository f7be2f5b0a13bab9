"""Names of models that OpenRouter doesn't have: found before the first request is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from openrouter_adapter import api, catalog
from openrouter_adapter.catalog.near_names import did_you_mean

if TYPE_CHECKING:
    from openrouter_adapter.batch.requests import Request
    from openrouter_adapter.catalog import Catalog

# Names that OpenRouter is asked about, at most; a job rarely has more than one unknown name.
_MOST_ASKED: Final = 50
# Seconds for the list of models, and for each question.
_TIMEOUT: Final = 10.0


@dataclass(slots=True)
class ModelCheck:
    """Looks the models of requests up in the catalogue, each name once.

    OpenRouter itself is asked about a name that the catalogue lacks, for the catalogue may be a
    day old. A name about which it can't be asked counts as known.
    """

    api_key: str | None = None
    api_base: str | None = None
    _faults: dict[str, str | None] = field(default_factory=dict)
    _asked: int = 0
    _has_catalog: bool = False

    def look(self, request: Request) -> str | None:
        """Why a request can't be answered, None if its models exist."""
        for name in catalog.names_of(request.body):
            if name not in self._faults:
                self._faults[name] = self._fault(name)
            fault = self._faults[name]
            if fault is not None:
                return fault
        return None

    @property
    def has_catalog(self) -> bool:
        """Whether a model was looked up in a catalogue, so that there is one."""
        return self._has_catalog

    def _fault(self, name: str) -> str | None:
        # What a preset names is known to OpenRouter alone.
        if "@" in name or self._asked >= _MOST_ASKED:
            return None
        known = self._catalog()
        if known is None or name in known:
            return None
        self._asked += 1
        if not self._is_unknown(name):
            return None
        hint = did_you_mean(name, known) or "`openrouter-adapter models --search WORD` finds names"
        return f"model is {name!r}, which OpenRouter doesn't have. {hint}"

    def _catalog(self) -> Catalog | None:
        try:
            found = catalog.load(api_key=self.api_key, base_url=self.api_base, timeout=_TIMEOUT)
        except Exception:  # noqa: BLE001 - without a catalogue the requests themselves find out
            self._asked = _MOST_ASKED
            return None
        self._has_catalog = True
        return found

    def _is_unknown(self, name: str) -> bool:
        try:
            api.get_endpoints(name, api_key=self.api_key, base_url=self.api_base, timeout=_TIMEOUT)
        except Exception as failure:  # noqa: BLE001 - the same
            return getattr(failure, "status_code", None) == 404
        return False
