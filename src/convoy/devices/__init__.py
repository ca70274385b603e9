"""The hardware at both ends: cameras, actuators, a joystick."""
