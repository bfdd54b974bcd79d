"""Certified norms against plain singular values: time ratios (below 1: ours is faster) and tightness.

Run: python experiments/benchmarks/norms.py [--repeat 3] [--quick]
Both sides of a ratio are timed in turn, in processor seconds, and the best time of each counts. A row a case goes to
norm_rows.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import boundcheck
from boundcheck.numerics.convolution import convolution_norm, convolution_norm_lower
from boundcheck.numerics.spectral import spectral_norm, spectral_norm_lower
from boundcheck.studies.machine import machine

ROWS = Path(__file__).parent / "norm_rows.jsonl"
STEPS = 300  # of power iteration from below: the gap between the ends is then that of the bound from above, mostly

# (out, in, taps, input size, stride, padding) of the different convolutions of a ResNet-18 at 32 x 32.
RESNET18 = [
    (64, 3, 3, 32, 1, 1),
    (64, 64, 3, 32, 1, 1),
    (128, 64, 3, 32, 2, 1),
    (128, 64, 1, 32, 2, 0),
    (128, 128, 3, 16, 1, 1),
    (256, 128, 3, 16, 2, 1),
    (256, 128, 1, 16, 2, 0),
    (256, 256, 3, 8, 1, 1),
    (512, 256, 3, 8, 2, 1),
    (512, 256, 1, 8, 2, 0),
    (512, 512, 3, 4, 1, 1),
]
MATRICES = [(512, 784), (2048, 2048)]
NAMED = {"64x64x3x3, n=32": (64, 64, 3, 32, 1, 1), "512x512x3x3, n=8": (512, 512, 3, 8, 1, 1)}


def fft_norm(kernel: np.ndarray, size: int, padding: int) -> float:
    """The usual float64 way: half spectrum, singular values; the torus large enough for zero padding, stride dropped."""
    transform = np.fft.rfft2(kernel, (size + padding, size + padding)).transpose(2, 3, 0, 1)
    blocks = transform.reshape(-1, *kernel.shape[:2])
    return float(np.linalg.svd(blocks, compute_uv=False).max())


def race(ours: Callable[[], Any], theirs: Callable[[], Any], repeat: int) -> tuple[float, float, Any, Any]:
    """Best time of each in processor seconds of all threads, and what they returned."""
    best = [float("inf"), float("inf")]
    results: list[Any] = [None, None]
    for _ in range(repeat):
        for place, call in enumerate((ours, theirs)):
            start = time.process_time()
            results[place] = call()
            best[place] = min(best[place], time.process_time() - start)
    return best[0], best[1], results[0], results[1]


def dense_case(shape: tuple[int, int], repeat: int, rng: np.random.Generator) -> dict[str, Any]:
    """A Gaussian matrix against LAPACK's singular values."""
    matrix = rng.standard_normal(shape)
    ours, plain, upper, exact = race(
        lambda: spectral_norm(matrix), lambda: float(np.linalg.svd(matrix, compute_uv=False)[0]), repeat
    )
    lower = spectral_norm_lower(matrix, steps=STEPS)
    sizes = {"matrix": list(shape)}
    return row(f"matrix {shape[0]}x{shape[1]}", sizes, "numpy svdvals", ours, plain, upper, lower) | {"excess": upper / exact - 1}


def convolution_case(name: str, layer: tuple[int, ...], repeat: int, rng: np.random.Generator) -> dict[str, Any]:
    """A Gaussian kernel against singular values of its transform; its true norm lies between the two ends."""
    out, channels, taps, size, stride, padding = layer
    kernel = rng.standard_normal((out, channels, taps, taps)) / np.sqrt(channels * taps**2)
    ours, plain, upper, _ = race(
        lambda: convolution_norm(kernel, (size, size), stride, padding), lambda: fft_norm(kernel, size, padding), repeat
    )
    lower = convolution_norm_lower(kernel, (size, size), stride=stride, padding=padding, steps=STEPS)
    sizes = dict(zip(("out", "in", "taps", "size", "stride", "padding"), layer, strict=True))
    return row(name, sizes, "FFT and SVD, float64", ours, plain, upper, lower)


def row(what: str, sizes: dict[str, Any], plainly: str, ours: float, plain: float, upper: float, lower: float) -> dict[str, Any]:
    """What is kept of a case; ``excess`` is an upper bound of upper / norm - 1."""
    return {
        "schema": "boundcheck-norms/2",
        "boundcheck": boundcheck.__version__,
        "what": what,
        "sizes": sizes,
        "against": plainly,
        "seconds": round(ours, 4),
        "seconds_plain": round(plain, 4),
        "ratio": round(ours / plain, 3),
        "upper": upper,
        "lower": lower,
        "excess": upper / lower - 1,
    }


def main() -> None:
    """Run every case, print its row and append it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave out the layers of the ResNet-18")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    setting = {
        "repeat": options.repeat,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": machine() | {"system": platform.system()},
    }
    print("| case | ours, s | plain, s | ratio | excess at most |\n|---|---|---|---|---|")
    layers = [(f"convolution {name}", layer) for name, layer in NAMED.items()]
    layers += [] if options.quick else [(f"ResNet-18 {layer}", layer) for layer in RESNET18]
    cases: list[Callable[[], dict[str, Any]]] = [lambda s=s: dense_case(s, options.repeat, rng) for s in MATRICES]
    cases += [lambda n=n, a=a: convolution_case(n, a, options.repeat, rng) for n, a in layers]
    found = []
    with ROWS.open("a", encoding="utf-8") as rows:
        for case in cases:
            done = case()
            rows.write(json.dumps(done | setting | {"load": os.getloadavg()[0]}) + "\n")
            rows.flush()
            found.append(done)
            seconds = f"{done['seconds']:.3f} | {done['seconds_plain']:.3f} | {done['ratio']:.2f}"
            print(f"| {done['what']} | {seconds} | {done['excess']:.1e} |", flush=True)
    ours, plain = (sum(f[key] for f in found if f["what"].startswith("ResNet")) for key in ("seconds", "seconds_plain"))
    if plain:
        print(f"| ResNet-18, all of these | {ours:.3f} | {plain:.3f} | {ours / plain:.2f} | |")


if __name__ == "__main__":
    main()
