"""Edits of images through `litellm.image_edit`."""
