"""Launch files, parameter files and ROS arguments: from text to a graph of components."""
