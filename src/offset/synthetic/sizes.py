"""How large things are in real exports: quantiles of block sizes, rows per batch and waiting times.

Counted in public exports of 2021 to 2026. Between two quantiles sizes are spread evenly in their
logarithm. A table holds sizes that are equally likely, so that drawing one is a single look-up.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from math import exp, log
from typing import Final

SLOTS: Final = 8_192  # sizes in a table

Quantiles = tuple[tuple[float, int], ...]

_SHARES: Final = (0.0, 0.10, 0.25, 0.50, 0.75, 0.90, 0.99, 1.0)


def _quantiles(*sizes: int) -> Quantiles:
    return tuple(zip(_SHARES, sizes, strict=True))


# Blocks, in credits: minimum, 10, 25, 50, 75, 90, 99 % and maximum.
VERRA_BLOCKS: Final[Quantiles] = (
    (0.0, 1),
    (0.034, 1),  # 3.4 % of the blocks are a single credit
    *_quantiles(1, 8, 66, 550, 5_000, 25_000, 248_867, 1_100_000)[1:],
)
GOLD_STANDARD_ISSUANCES: Final = _quantiles(
    1, 473, 1_550, 5_120, 19_327, 66_462, 275_636, 1_355_185
)
GOLD_STANDARD_RETIREMENTS: Final[Quantiles] = (
    *_quantiles(1, 1, 10, 300, 8_602, 41_158, 0, 0)[:6],
    (1.0, 334_563),
)
ACR_ISSUANCES: Final = _quantiles(2, 673, 5_816, 32_468, 113_242, 330_599, 3_004_613, 14_863_538)
ACR_RETIREMENTS: Final = _quantiles(1, 10, 20, 170, 1_706, 10_000, 88_496, 387_738)
CAR_ISSUANCES: Final = _quantiles(3, 1_433, 6_099, 17_706, 46_774, 109_562, 683_087, 7_143_740)
CAR_RETIREMENTS: Final = _quantiles(1, 15, 151, 1_218, 7_265, 25_000, 114_589, 540_132)
# Too few rows are public for quantiles of their own: the span of those that are.
ART_ISSUANCES: Final[Quantiles] = ((0.0, 100_000), (0.5, 3_000_000), (1.0, 9_300_000))
ART_RETIREMENTS: Final[Quantiles] = ((0.0, 8), (0.5, 46_404), (1.0, 1_000_000))
CERCARBONO_ISSUANCES: Final[Quantiles] = ((0.0, 100), (0.5, 40_000), (1.0, 900_000))
CERCARBONO_RETIREMENTS: Final[Quantiles] = ((0.0, 1), (0.5, 900), (0.9, 15_000), (1.0, 150_000))
ARB_ISSUANCES: Final[Quantiles] = ((0.0, 500), (0.5, 60_000), (0.9, 400_000), (1.0, 13_000_000))
ARB_RETIREMENTS: Final[Quantiles] = ((0.0, 10), (0.5, 9_000), (0.9, 90_000), (1.0, 1_000_000))
ISOMETRIC_ISSUANCES_KG: Final[Quantiles] = ((0.0, 900), (0.5, 180_000), (1.0, 4_000_000))
ISOMETRIC_RETIREMENTS_KG: Final[Quantiles] = (
    (0.0, 19),
    (0.3, 1_000),
    (0.6, 9_000),
    (1.0, 2_000_000),
)

# Rows that a batch with rows has.
VERRA_ROWS: Final[Quantiles] = ((0.0, 1), (0.5, 9), (0.9, 134), (0.99, 286), (1.0, 286))
ACR_ROWS: Final[Quantiles] = ((0.0, 1), (0.5, 2), (0.9, 12), (0.99, 77), (1.0, 264))
CAR_ROWS: Final[Quantiles] = ((0.0, 1), (0.5, 1), (0.9, 7), (0.99, 41), (1.0, 114))

# Days from issue to retirement at Verra; 0 counts as 1 here.
WAITING_DAYS: Final = _quantiles(1, 91, 381, 757, 1_107, 1_379, 3_000, 3_780)


@cache
def spread(quantiles: Quantiles, *, rounded: bool = False) -> Sequence[int]:
    """Give `SLOTS` equally likely sizes of these quantiles.

    Args:
        quantiles: share of the sizes that are not larger, and the size.
        rounded: make most of them round numbers, as people cut blocks.
    """
    shares = [share for share, _ in quantiles]
    sizes = []
    for slot in range(SLOTS):
        share = (slot + 0.5) / SLOTS
        place = bisect_right(shares, share)
        (low, small), (high, large) = quantiles[place - 1], quantiles[place]
        part = (share - low) / (high - low)
        size = max(1, round(exp(log(small) + part * (log(large) - log(small)))))
        sizes.append(_rounded(size) if rounded and slot % 5 < 3 else size)
    return sizes


def _rounded(size: int) -> int:
    """Round to half of the first digit's unit: 5,123 to 5,000, 248,867 to 250,000."""
    if size < 10:
        return size
    step = int("1" + "0" * (len(str(size)) - 1)) // 2
    return max(step, round(size / step) * step)
