"""Live without ROS: components as ROS 2 nodes over Eclipse Cyclone DDS."""
