"""Videos: submission, status, content, cost."""
