"""Which of a machine's devices can run a net, found out by loading the provider itself.

ONNX Runtime lists the providers it was built with as available, wants to load them only when a session is made,
and then goes on with the CPU after a log line. Loading the provider's library first gives the reason, and keeps
a machine without an NVIDIA device free of error lines.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from convoy.inference.errors import ModelError
from convoy.inference.runtime import onnxruntime

Device = Literal["auto", "cpu", "cuda", "tensorrt"]

_INSTALL = "install the libraries with `pip install 'convoy[gpu]'` (or `uv sync --extra gpu`)"
_PROVIDERS: dict[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


def device_of(provider: str) -> str:
    """Return the device's name, such as 'cuda', of an ONNX Runtime provider."""
    return next(device for device, name in _PROVIDERS.items() if name == provider)


def choose(device: str) -> list[str]:
    """Return the devices to try, best first; a device asked for by name is the only one.

    'auto' never tries TensorRT: it builds its engine for minutes at the first load, which a user must want.

    Raises:
        ModelError: there is no such device, or the one asked for does not load; with the reason.
    """
    if device not in get_args(Device):
        raise ModelError(f"There is no device {device!r}; wanted one of {', '.join(get_args(Device))}.")
    if device == "auto":
        return ["cpu"] if why_not("cuda") else ["cuda", "cpu"]
    reason = why_not(device)
    if reason:
        raise ModelError(f"Device {device!r} does not load: {reason}.")
    return [device]


@cache
def why_not(device: str) -> str | None:
    """Say why a device can't run nets here, and what to do; None where it can."""
    if device == "cpu":
        return None
    provider = _PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        return f"this build of ONNX Runtime has no {provider}; {_INSTALL}"
    driver = _why_no_driver()
    if driver:
        return driver
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        onnxruntime.preload_dlls()
    prefix, suffix = ("", ".dll") if sys.platform == "win32" else ("lib", ".so")
    library = Path(onnxruntime.__file__).parent / "capi" / f"{prefix}onnxruntime_providers_{device}{suffix}"
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        further = " and TensorRT 10 from NVIDIA" if device == "tensorrt" else ""
        return f"{error}; {_INSTALL}{further}"
    return None


def _why_no_driver() -> str | None:
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed (libcuda is missing)"
    count = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status or not count.value:
        return f"the NVIDIA driver reports no device (cuInit: status {status}, {count.value} devices)"
    return None


def providers(device: str) -> list[tuple[str, dict[str, Any]]]:
    """Return ONNX Runtime's list of providers, with their options, for a session on the device."""
    # Full float32, and no search by timing for the fastest kernel: the same input gives the same output
    # each time, and as nearly as can be that of the CPU, on which models are evaluated.
    cuda = ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"})
    cpu: tuple[str, dict[str, Any]] = ("CPUExecutionProvider", {})
    if device == "cpu":
        return [cpu]
    if device == "cuda":
        return [cuda, cpu]
    cache_home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "convoy" / "tensorrt"
    options = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(cache_home)}
    return [("TensorrtExecutionProvider", options), cuda, cpu]
