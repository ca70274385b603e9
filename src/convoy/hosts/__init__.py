"""The hosts: where components run. `in_process` for replay, simulation and tests; `dds` live, without ROS."""
