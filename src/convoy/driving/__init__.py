"""From what the camera sees to a command that is safe to drive."""
