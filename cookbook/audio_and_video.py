"""A recording and a video as part of a question.

Run it with OPENROUTER_API_KEY set. It costs less than a US cent.
"""

import base64
import io
import math
import struct
import wave
from typing import Any

import litellm

import openrouter_adapter

openrouter_adapter.register()

RATE = 16_000


def tone(seconds: float, hertz: float) -> bytes:
    """A sine as a WAV file, in place of your own recording."""
    samples = (math.sin(2 * math.pi * hertz * t / RATE) for t in range(int(seconds * RATE)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(b"".join(struct.pack("<h", int(20_000 * s)) for s in samples))
    return file.getvalue()


def ask(*parts: dict[str, Any]) -> None:
    """Ask about some parts, print the answer and its cost."""
    response = litellm.completion(
        "openrouter/google/gemini-2.5-flash",
        messages=[{"role": "user", "content": list(parts)}],
        max_tokens=100,
    )
    print(response.choices[0].message.content)
    print(f"cost: {response._hidden_params['response_cost']:.12f} USD\n")


# Audio is sent as base64 with its format (wav, mp3, flac, m4a, …), never as a link.
recording = base64.b64encode(tone(seconds=1, hertz=440)).decode()
ask(
    {"type": "text", "text": "What do you hear?"},
    {"type": "input_audio", "input_audio": {"data": recording, "format": "wav"}},
)

# A video is a link, if the provider takes links (Gemini on AI Studio takes only YouTube's), or a
# data URL of an mp4, mpeg, mov or webm file: data:video/mp4;base64,…
ask(
    {"type": "text", "text": "What happens in this video? One sentence."},
    {"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=jNQXAC9IVRw"}},
)
