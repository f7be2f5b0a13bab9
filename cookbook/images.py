"""Two images from one prompt, with a size in pixels, written as files.

Run it with OPENROUTER_API_KEY set. It costs about 8 US cents and writes into the current folder.
"""

import base64
from pathlib import Path

import litellm

import openrouter_adapter

openrouter_adapter.register()

# 1536x1024 is 3:2, the nearest ratio that models make. The size can also be a ratio ("16:9").
# `n` images are `n` simultaneous requests: their images, tokens and cost are added up.
response = litellm.image_generation(
    prompt="A lighthouse at dusk, in flat colours",
    model="openrouter/google/gemini-2.5-flash-image",
    size="1536x1024",
    n=2,
)
for number, image in enumerate(response.data, 1):
    # The image's media type, and the model's text about it.
    about = image.provider_specific_fields
    path = Path(f"lighthouse-{number}.{about['media_type'].removeprefix('image/')}")
    path.write_bytes(base64.b64decode(image.b64_json))
    print(f"{path}: {about.get('content', 'no text')}")

print(f"\n{response.usage.output_tokens_details['image_tokens']} tokens of images")
print(f"cost: {response._hidden_params['response_cost']:.12f} USD")
