"""convoy: perception and control for robots and cars on ROS 2.

The way of a frame: `interfaces` decodes it, a `graph` component (``perception``, ``driving``) asks
`inference` for a result and publishes it, and one of the `hosts` carries the messages.
"""

__version__ = "0.1.0"
