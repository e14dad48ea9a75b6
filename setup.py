"""What setup.cfg cannot say: two folders at the top go into the package. The rest is there."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["lct", "lct.*"]), "lct.templates", "lct.static"],
    package_dir={"lct.templates": "templates", "lct.static": "static"},
)
