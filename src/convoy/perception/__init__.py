"""What is seen, from the images of calibrated cameras."""
