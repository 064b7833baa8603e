"""Grafana's named colours, which differ by theme, as CSS variables."""

import re
from collections.abc import Mapping

HUES: Mapping[str, tuple[str, ...]] = {
    "red": ("#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A", "#AD0317"),
    "orange": ("#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400", "#E55400"),
    "yellow": ("#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400", "#CC9D00"),
    "green": ("#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D", "#19730E"),
    "blue": ("#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4", "#1250B0"),
    "purple": ("#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8", "#7C2EA3"),
}
"""Light to dark; the dark theme uses the first five, the light theme the last five."""

SHADES = ("super-light-", "light-", "", "semi-dark-", "dark-")

PALETTE = (
    "green", "semi-dark-yellow", "blue", "orange", "red", "purple",
    "dark-green", "dark-yellow", "dark-blue", "dark-orange", "dark-red", "dark-purple",
)  # fmt: skip
"""Colours of series that have none of their own, in this order."""

NAMED = {
    shade + hue: {"dark": tones[n], "light": tones[n + 1]}
    for hue, tones in HUES.items()
    for n, shade in enumerate(SHADES)
}

TEXT = "var(--text)"

_WRITTEN = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([\d.,% ]+\)|transparent")


def css(color: str) -> str:
    """A colour as CSS; what is no colour is that of text."""
    if color in NAMED:
        return f"var(--{color})"
    return color if _WRITTEN.fullmatch(color) else TEXT


def on(color: str) -> str:
    """Black or white, whichever is read better on a colour."""
    tone = NAMED[color]["dark"] if color in NAMED else color
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", tone):
        return TEXT
    red, green, blue = (_linear(int(tone[n : n + 2], 16) / 255) for n in (1, 3, 5))
    # Relative luminance of WCAG 2; at 0.179 black and white have the same contrast.
    bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179
    return "#111217" if bright else "#ffffff"


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def variables(theme: str) -> str:
    """The named colours of a theme as declarations of CSS."""
    return "".join(f"--{name}:{tones[theme]};" for name, tones in NAMED.items())
