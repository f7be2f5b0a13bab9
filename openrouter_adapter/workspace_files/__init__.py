"""Files that are uploaded to a workspace once, and named by their id in many requests."""
