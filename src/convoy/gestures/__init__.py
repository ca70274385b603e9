"""From the skeletons of hands to gestures, and from gestures to commands."""
