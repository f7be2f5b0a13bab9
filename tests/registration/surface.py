"""Every way in LiteLLM by which a request can reach OpenRouter, and what becomes of it.

A table to be read, and walked by a test against the installed LiteLLM: docs/budgets.md has it in
words. "Counted" is a request that the gate is asked about and whose bill reaches it; while a
budget applies it is refused if it has no room. "Refused" raises, with or without a ledger.
"Free" is sent without asking the gate, and costs nothing. "Harmless" costs nothing, or is raised
by LiteLLM before it sends anything. What is missing here still leaves through a client that
clients.py watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTED: Final = "counted"
REFUSED: Final = "refused"
FREE: Final = "free"
HARMLESS: Final = "harmless"


@dataclass(frozen=True, slots=True)
class Way:
    """One way, or several that go alike.

    Attributes:
        outcome: COUNTED, REFUSED, FREE or HARMLESS.
        why: By what, or why not.
        config: The class that LiteLLM finds for OpenRouter; empty where it finds none.
    """

    outcome: str
    why: str
    config: str = ""


_NONE: Final = Way(HARMLESS, "LiteLLM has none for OpenRouter, and raises before it sends")

HOOKS: Final[Mapping[str, Way]] = {
    "chat": Way(COUNTED, "our class", "OpenRouterChatConfig"),
    "embedding": Way(COUNTED, "our class", "OpenRouterEmbeddingConfig"),
    "image_generation": Way(COUNTED, "our class", "OpenRouterImageGenerationConfig"),
    "image_edit": Way(COUNTED, "our class", "OpenRouterImageEditConfig"),
    "responses_api": Way(COUNTED, "our class", "OpenRouterResponsesConfig"),
    "rerank": Way(COUNTED, "our class", "OpenRouterRerankConfig"),
    "audio_transcription": Way(COUNTED, "our class", "OpenRouterAudioTranscriptionConfig"),
    "decisions": Way(COUNTED, "where it leaves (clients.py)", "OpenRouterDecisionsConfig"),
    "text_completion": Way(COUNTED, "made as a chat", "OpenAITextCompletionConfig"),
    "text_to_speech": Way(COUNTED, "litellm.speech is ours"),
    "anthropic_messages": Way(COUNTED, "our class", "OpenRouterAnthropicMessagesConfig"),
    "google_genai_generate_content": Way(COUNTED, "made as a chat"),
    "model_info": Way(HARMLESS, "lists models, and counts tokens here", "OpenRouterModelInfo"),
    "passthrough": _NONE,
    "skills_api": _NONE,
    "evals_api": _NONE,
    "image_variation": _NONE,
    "files": Way(FREE, "LiteLLM has none for OpenRouter, and its functions are ours"),
    "batches": Way(COUNTED, "LiteLLM has none for OpenRouter, and its functions are ours"),
    "vector_store": _NONE,
    "vector_stores": _NONE,
    "vector_store_files": _NONE,
    "video": Way(COUNTED, "our class", "OpenRouterVideoConfig"),
    "container": _NONE,
    "realtime": _NONE,
    "realtime_http": _NONE,
    "search": Way(HARMLESS, "its providers are search engines; OpenRouter is none of them"),
    "sandbox": Way(HARMLESS, "its providers run code; OpenRouter is none of them"),
    "harness": Way(HARMLESS, "its providers run agents; OpenRouter is none of them"),
    "extraction": _NONE,
}
"""What `ProviderConfigManager.get_provider_…_config` finds for OpenRouter."""

FUNCTIONS: Final[Mapping[tuple[str, ...], Way]] = {
    (
        *("completion", "text_completion", "embedding", "image_generation", "image_edit"),
        *("responses", "responses_api_with_mcp", "rerank", "transcription", "speech"),
        *("video_generation", "video_remix", "video_edit", "video_extension"),
    ): Way(COUNTED, "our classes"),
    ("decisions", "systemone"): Way(COUNTED, "where it leaves (clients.py)"),
    ("anthropic_messages", "anthropic_messages_handler"): Way(
        COUNTED, "our class, or made as a chat with openrouter_messages_route='chat'"
    ),
    ("generate_content",): Way(COUNTED, "made as a chat"),
    ("create_batch",): Way(COUNTED, "ours (batches/)"),
    ("retrieve_batch", "list_batches"): Way(HARMLESS, "ours (batches/), which cost nothing"),
    ("cancel_batch",): Way(REFUSED, "OpenRouter can't cancel a batch"),
    ("compact_responses", "cancel_responses"): Way(COUNTED, "where it leaves (clients.py)"),
    (
        *("get_responses", "delete_responses", "list_input_items"),
        *("video_status", "video_content"),
    ): Way(HARMLESS, "costs nothing"),
    ("video_list", "video_create_character", "video_get_character"): Way(
        REFUSED, "OpenRouter has none: our class raises"
    ),
    (
        *("create_fine_tuning_job", "cancel_fine_tuning_job"),
        *("list_fine_tuning_jobs", "retrieve_fine_tuning_job", "moderation"),
    ): Way(REFUSED, "LiteLLM would ask OpenAI, with OpenRouter's key (functions.py)"),
    ("create_file", "file_content", "file_delete", "file_list", "file_retrieve"): Way(
        FREE, "ours (workspace_files/); a key of OpenRouter is not sent to OpenAI"
    ),
    (
        *("create_container", "delete_container", "list_containers", "retrieve_container"),
        *("list_container_files", "upload_container_file", "file_content_streaming"),
    ): Way(REFUSED, "for OpenRouter LiteLLM raises; a key of OpenRouter is not sent to OpenAI"),
    (
        *("create_agent", "delete_agent", "get_agent", "list_agents", "list_agent_versions"),
        *("create_eval", "delete_eval", "get_eval", "list_evals", "cancel_eval"),
        *("create_run", "delete_run", "get_run", "list_runs", "cancel_run", "run_thread"),
        *("create_skill", "delete_skill", "get_skill", "list_skills"),
        *("create_assistants", "delete_assistant", "get_assistants"),
        *("create_thread", "get_thread", "add_message", "get_messages"),
        *("vector_store_file_content", "vector_store_file_create", "vector_store_file_delete"),
        *("vector_store_file_list", "vector_store_file_retrieve", "vector_store_file_update"),
        *("llm_passthrough_route", "realtime_health_check", "extraction"),
    ): _NONE,
    (
        *("count_tokens", "mock_completion", "exception_type", "get_llm_provider"),
        *("get_litellm_params", "get_model_info", "get_model_info_helper", "get_optional_params"),
        *("get_optional_params_add_message", "get_optional_params_embeddings"),
        *("get_optional_params_image_gen", "get_optional_params_transcription"),
        *("get_optional_rerank_params", "pre_process_non_default_params", "prompt_factory"),
        *("add_provider_specific_params_to_optional_params", "supports_httpx_timeout"),
        *("declared_authenticating_provider", "responses_api_bridge_check"),
        *("drops_unsupported_allowed_tools_tool_choice", "header_auth_params"),
        *("is_claude_tool_target", "is_explicitly_disabled_factory", "per_call_model_info"),
        *("raise_if_allowed_tools_tool_choice_unsupported", "resolve_chat_reasoning"),
        *("raise_if_hosted_tool_choice_unsupported", "reasoning_effort_needs_allowing"),
        *("supports_pdf_input", "maybe_run_chat_completion_agentic_loop"),
        *("completion_cost", "cost_per_token", "response_cost_calculator", "register_model"),
        *("get_provider_fields", "validate_environment", "supports_audio_input"),
        *("supports_audio_output", "supports_box_questions", "supports_function_calling"),
        *("supports_parallel_function_calling", "supports_reasoning", "supports_response_schema"),
        *("supports_system_messages", "supports_tool_search", "supports_url_context"),
        *("supports_video_input", "supports_vision", "supports_web_search"),
    ): Way(HARMLESS, "sends nothing"),
    ("check_valid_key",): Way(COUNTED, "made as a chat"),
    ("get_valid_models",): Way(HARMLESS, "it lists models, which costs nothing"),
    ("nlp_cloud_chat_completion", "replicate_chat_completion"): Way(
        HARMLESS, "other providers' own"
    ),
}
"""LiteLLM's functions that take a provider, or a model and a key. A twin in `a…` goes alike."""

ROUTES: Final[Mapping[str, Way]] = {
    "/openrouter/{endpoint:path}": Way(
        COUNTED, "where it leaves (clients.py), by virtual key; GET and the account's are free"
    ),
    "pass_through_endpoints with OpenRouter's address": Way(
        COUNTED, "where it leaves (clients.py)"
    ),
    "websockets": Way(HARMLESS, "OpenRouter has none; those of Responses are made as streams"),
    "all other routes": Way(COUNTED, "they call LiteLLM's functions"),
}
"""The routes of LiteLLM's proxy."""

OTHER: Final[Mapping[str, Way]] = {
    "openai/… and other providers' models with OpenRouter's address": Way(
        COUNTED,
        "where it leaves (clients.py), if the address is openrouter.ai or "
        "OPENROUTER_API_BASE; without labels, but for the key",
    ),
    "model_info.supported_endpoints: ['/v1/messages']": Way(
        COUNTED, "our class goes before LiteLLM's, which would send no key"
    ),
    "aiohttp_openai/… with OpenRouter's address": Way(
        REFUSED, "its client is none of httpx's, and can't be watched"
    ),
    "a client of the caller's own": Way(
        COUNTED, "on the endpoints that are ours; elsewhere it is the caller's, and not watched"
    ),
    "get_valid_models, health checks of a key": Way(HARMLESS, "GET /models costs nothing"),
    "LITELLM_RUST": Way(HARMLESS, "LiteLLM's Rust client serves no model of OpenRouter's"),
}
"""Ways that have no hook, function or route of their own."""
