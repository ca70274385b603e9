"""The world that convoy drives in: towns, what a camera sees of them, vehicles, traffic, an expert and environments."""
