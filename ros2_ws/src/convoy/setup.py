"""Wraps the repository's ``src/convoy`` and ``sim/convoy_sim``, which lie here as symbolic links, for colcon."""

from setuptools import find_packages, setup

setup(
    name="convoy",
    version="0.1.0",
    packages=find_packages(include=["convoy*"]),
    package_data={"convoy": ["interfaces/definitions/*/msg/*.msg", "console/static/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/convoy"]),
        ("share/convoy", ["package.xml"]),
    ],
    zip_safe=False,
)
