"""Certified norms against plain singular values: time ratios (below 1: ours is faster) and tightness.

Run: python experiments/benchmarks/norms.py [--repeat 3] [--quick]
Both sides of a ratio are timed in turn and the best time of each counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from boundcheck.numerics.convolution import convolution_norm, convolution_norm_lower
from boundcheck.numerics.spectral import spectral_norm, spectral_norm_lower

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
NAMED = {"64x64x3x3, n=32": (64, 64, 3, 32, 1, 1), "512x512x3x3, n=8": (512, 512, 3, 8, 1, 1)}


def fft_norm(kernel: np.ndarray, size: int, padding: int) -> float:
    """The usual float64 way: half spectrum, singular values; the torus large enough for zero padding, stride dropped."""
    transform = np.fft.rfft2(kernel, (size + padding, size + padding)).transpose(2, 3, 0, 1)
    blocks = transform.reshape(-1, *kernel.shape[:2])
    return float(np.linalg.svd(blocks, compute_uv=False).max())


def race(ours: Callable[[], Any], theirs: Callable[[], Any], repeat: int) -> tuple[float, float, Any, Any]:
    """Best time of each in seconds, and what they returned."""
    best = [float("inf"), float("inf")]
    results: list[Any] = [None, None]
    for _ in range(repeat):
        for place, call in enumerate((ours, theirs)):
            start = time.perf_counter()
            results[place] = call()
            best[place] = min(best[place], time.perf_counter() - start)
    return best[0], best[1], results[0], results[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave out the layers of the ResNet-18")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print("| case | ours, s | plain, s | ratio | upper/plain - 1 | lower/upper |\n|---|---|---|---|---|---|")

    def row(name: str, ours: float, plain: float, upper: float, reference: float, lower: float) -> None:
        print(
            f"| {name} | {ours:.3f} | {plain:.3f} | {ours / plain:.2f} | {upper / reference - 1:.1e} | {lower / upper:.4f} |",
            flush=True,
        )

    for shape in ((512, 784), (2048, 2048)):
        matrix = rng.standard_normal(shape)
        ours, plain, upper, reference = race(
            lambda m=matrix: spectral_norm(m), lambda m=matrix: float(np.linalg.svd(m, compute_uv=False)[0]), options.repeat
        )
        row(f"matrix {shape[0]}x{shape[1]}", ours, plain, upper, reference, spectral_norm_lower(matrix, steps=100))

    total = [0.0, 0.0]
    layers = [(f"convolution {name}", layer) for name, layer in NAMED.items()]
    layers += [] if options.quick else [(f"ResNet-18 {layer}", layer) for layer in RESNET18]
    for name, (out, channels, taps, size, stride, padding) in layers:
        kernel = rng.standard_normal((out, channels, taps, taps)) / np.sqrt(channels * taps**2)
        ours, plain, upper, reference = race(
            lambda k=kernel, n=size, s=stride, p=padding: convolution_norm(k, (n, n), s, p),
            lambda k=kernel, n=size, p=padding: fft_norm(k, n, p),
            options.repeat,
        )
        lower = convolution_norm_lower(kernel, (size, size), stride=stride, padding=padding, steps=100)
        row(name, ours, plain, upper, reference, lower)
        if name.startswith("ResNet"):
            total = [total[0] + ours, total[1] + plain]
    if total[1]:
        print(f"| ResNet-18, all of these | {total[0]:.3f} | {total[1]:.3f} | {total[0] / total[1]:.2f} | | |")


if __name__ == "__main__":
    main()
