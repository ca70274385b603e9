"""ONNX Runtime, imported so that it tells nobody that it runs."""

from __future__ import annotations

import os

# From its import on it would write to ~/.cache and send to its makers; disable_telemetry_events() comes too late.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as onnxruntime
