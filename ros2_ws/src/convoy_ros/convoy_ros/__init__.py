"""Runs a component of convoy as a managed ROS 2 node: rclpy's adapter of the live host, and nothing else."""
