"""Nets, data, training and export. The only home of torch: nothing that runs on a robot imports this package."""
