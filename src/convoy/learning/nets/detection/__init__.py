"""Networks that find things: convoy's own one-stage detector, and torchvision's behind the same interface."""
