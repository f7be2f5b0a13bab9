"""Images through `litellm.image_generation`."""
