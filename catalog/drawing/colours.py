"""Two colour maps of the project's own, the same for every reader.

Both are straight lines in OKLab (Ottosson 2020, "A perceptual color space for image processing"),
so that equal steps of a score look equally far apart and lightness only rises: a reader who does
not see the hue still sees the order. Dark blue to yellow keeps apart for all common forms of
colour blindness.
"""

from __future__ import annotations

Lab = tuple[float, float, float]

LOW = "#14284b"
HIGH = "#ffd84a"
NEGATIVE = "#8ed0ff"
MIDDLE = "#1b2130"

# Okabe and Ito 2008 (palette for colour-blind readers), without black, which is text here
CATEGORIES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _gamma(channel: float) -> float:
    if channel <= 0.0031308:
        return 12.92 * channel
    return float(1.055 * channel ** (1 / 2.4) - 0.055)


def rgb(colour: str) -> tuple[float, float, float]:
    """``#rrggbb`` as three numbers from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1), 0 for black and 1 for white."""
    red, green, blue = (_linear(channel) for channel in rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _to_lab(colour: str) -> Lab:
    red, green, blue = (_linear(channel) for channel in rgb(colour))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _to_hex(lab: Lab) -> str:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(
        f"{round(255 * min(1.0, max(0.0, _gamma(min(1.0, max(0.0, c)))))):02x}" for c in channels
    )


def _between(start: str, end: str, share: float) -> str:
    one, other = _to_lab(start), _to_lab(end)
    lightness, a, b = (x + (y - x) * share for x, y in zip(one, other, strict=True))
    return _to_hex((lightness, a, b))


def sequential(share: float) -> str:
    """Colour of ``share`` in 0..1, from :data:`LOW` to :data:`HIGH`; clipped outside."""
    return _between(LOW, HIGH, min(1.0, max(0.0, share)))


def diverging(share: float) -> str:
    """Colour of ``share`` in -1..1: light blue, dark at 0, yellow; clipped outside."""
    clipped = min(1.0, max(-1.0, share))
    return _between(MIDDLE, HIGH if clipped >= 0 else NEGATIVE, abs(clipped))


def text_on(colour: str) -> str:
    """Black or white, whichever has the higher contrast on ``colour``."""
    light = luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"
