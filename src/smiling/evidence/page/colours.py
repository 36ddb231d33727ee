"""Contrast of colours as the Web Content Accessibility Guidelines 2.2 define it."""

from matplotlib.colors import to_hex, to_rgb

GRAPHICS = 3.0  # the least contrast of a line with what is behind it (success criterion 1.4.11)
STEPS = 50  # from a colour to black or white


def luminance(paint: str) -> float:
    """Relative luminance, from 0 (black) to 1 (white)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(paint)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1 (alike) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def legible(paint: str, background: str, least: float = GRAPHICS) -> str:
    """`paint`, or the shade nearest to it, towards white on dark and else towards black, with enough contrast."""
    end = 0.0 if luminance(background) > 0.5 else 1.0
    for step in range(STEPS + 1):
        share = step / STEPS
        red, green, blue = (part + share * (end - part) for part in to_rgb(paint))
        shade = to_hex((red, green, blue))
        if contrast(shade, background) >= least:
            return shade
    raise ValueError(f"nothing has a contrast of {least} with {background}")
