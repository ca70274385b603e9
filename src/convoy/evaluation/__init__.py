"""Metrics, replay scoring and reports."""
