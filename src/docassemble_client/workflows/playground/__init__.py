"""Keep Playground projects and folders in step."""
