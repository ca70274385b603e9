"""One executable per component, so that ``ros2 run convoy_ros NAME`` and launch files find it by its name."""

from setuptools import setup

from convoy.components import COMPONENTS

setup(
    name="convoy_ros",
    version="0.1.0",
    packages=["convoy_ros"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/convoy_ros"]),
        ("share/convoy_ros", ["package.xml"]),
    ],
    entry_points={"console_scripts": [f"{name} = convoy_ros.main:main" for name in COMPONENTS]},
    zip_safe=False,
)
