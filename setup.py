"""Puts two top-level folders into the package, which setup.cfg cannot. The rest is there."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["lct", "lct.*"]), "lct.templates", "lct.static"],
    package_dir={"lct.templates": "templates", "lct.static": "static"},
)
