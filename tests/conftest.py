"""What every test needs: LiteLLM without its network, and no OpenRouter settings of the machine."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
