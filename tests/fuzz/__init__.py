"""What strangers send, made up: hypothesis looks for what breaks, atheris for where it leads."""
