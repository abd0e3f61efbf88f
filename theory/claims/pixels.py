"""The price of a pixel under the uniform law: 8 bits, if it takes all of its 256 values."""

from collections.abc import Sequence
from typing import Any

from flint import arb

from theory.certified import ball, decide_equal, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.sources import BRUNA

PIXELS = BRUNA.slide("Pixel Recurrent Networks")


def code_length(values: Sequence[int], base: Any) -> Any:
    """−log P(X = x) in this base for X uniform on the values: the same for each x."""
    return ball(len(set(values))).log() / ball(base).log()


@claim(
    "uniform-bits-per-dim",
    says="The uniform law on {0, …, 255} costs log₂ 256 = 8 bits for each dimension, whatever the data",
    statement=r"-\frac{1}{d}\log_2 \prod_{u=1}^{d} \frac{1}{256} = \log_2 256 = 8",
    source=PIXELS,
    primary="van den Oord, Kalchbrenner & Kavukcuoglu 2016, the table's first row",
    method=(Exact, Certified),
    priority="P2",
)
def uniform_bits_per_dim(*, bits=lambda: Q(8), values=lambda: range(256), base=lambda: 2):
    """Powers of integers, 256ᵈ = 2⁸ᵈ up to d = 3072, the pixels of a 32 × 32 image in three colours; logs in balls."""
    with precision(128):
        price, levels = bits(), len(set(values()))
        if price == int(price) and isinstance(base(), int):
            for d in (1, 2, 784, 3072):
                if levels**d != base() ** (int(price) * d):
                    return Refuted(dimensions=d, levels=levels, bits=price, base=base())
        return all_hold([decide_equal(code_length(values(), base()), price, distance=1e-15)])


uniform_bits_per_dim.printed(
    "a pixel of two values",
    where=PIXELS,
    printed="x(u) ∈ {0, 255}",
    correct="x(u) ∈ {0, …, 255}; two values would cost 1 bit",
    values=lambda: (0, 255),
)
uniform_bits_per_dim.mutant("8 nats", base=lambda: arb(1).exp())
uniform_bits_per_dim.mutant("the values 1 to 255", values=lambda: range(1, 256))


@uniform_bits_per_dim.boundary("a density can cost less than nothing: uniform on [0, ¼], −log₂ 4 = −2 bits")
def continuous() -> Outcome:
    density = 1 / Q(1, 4)
    return Holds(bits=-2) if density == 2**2 else Refuted(density=density)


@uniform_bits_per_dim.boundary("dequantised: x + U is uniform on [0, 256), and its density costs 8 bits again")
def dequantised() -> Outcome:
    with precision(128):
        return decide_equal(-(ball(Q(1, 256)).log() / ball(2).log()), 8, distance=1e-15)
