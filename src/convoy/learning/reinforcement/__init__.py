"""Driving by deep reinforcement learning, on stable-baselines3."""
