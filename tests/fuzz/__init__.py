"""Generated hostile input: hypothesis looks for failures, atheris for new code paths."""
