"""The machine and the versions that a figure was measured with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from beholder.cores import usable_cores

_PACKAGES = (
    "beholder",
    "numpy",
    "pillow",
    "onnxruntime",
    "keras",
    "tensorflow-cpu",
    "tf2onnx",
    "jax",
    "jaxlib",
    "scikit-learn",
)
# Of a person's surroundings, what changes how numbers are added up, and so the last bits of a network or more of it.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_DEFAULT_PRNG_IMPL",
    "JAX_DISABLE_JIT",
    "JAX_ENABLE_X64",
    "JAX_PLATFORMS",
    "MKL_NUM_THREADS",
    "NPY_DISABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_NUM_THREADS",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)


def describe_environment() -> dict[str, Any]:
    """Facts of the machine and the versions of the packages that matter, JSON-ready; imports none of them."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _cpuinfo("model name") or platform.processor() or "unknown",
        "cores": usable_cores(),
        "memory_gb": _memory_gb(),
        "versions": versions(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def versions() -> dict[str, str]:
    """Name and version of each package that is installed and matters to a figure."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware (AVX-512 BF16 or AMX), as Linux tells it."""
    flags = _cpuinfo("flags").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def has_int8() -> bool:
    """Whether the processor sums 8-bit products in one instruction: VNNI or AMX, on ARM the dot product or more.

    Without it int8 gains little, and older instructions of x86 saturate: they answer wrong.
    """
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    found = {*_cpuinfo("flags").split(), *_cpuinfo("Features").split()}
    return not found.isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})


def _cpuinfo(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field), "")


def _memory_gb() -> float | None:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
