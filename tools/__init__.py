"""Developer tools that make runs. They are not part of the package."""
