"""A video, from its submission to the file, within a limit for one video.

Run it with OPENROUTER_API_KEY set. It costs about 0.40 USD, takes some minutes, and writes
`wren.mp4` and `spend.db`.
"""

import litellm

import openrouter_adapter
from openrouter_adapter import ledger

openrouter_adapter.register()
book = ledger.enable("spend.db")
book.budget("videos", 1)

video = litellm.video_generation(
    "A wren sings on a branch.",
    model="openrouter/alibaba/wan-2.6",
    seconds="5",
    size="1280x720",
)
print("reserved:", book.budgets()[0].held, "USD")

video = openrouter_adapter.wait_for_video(video.id, on_progress=lambda now: print(now.status))
path = openrouter_adapter.download_video(video.id, "wren.mp4")
print(path, path.stat().st_size, "bytes")

book.flush()
print("spent:", book.budgets()[0].spent, "USD")
print(f"cost: {video.usage['cost']} USD")
