"""Ranges of values compatible with a printed number under any rounding, computed exactly with fractions."""

from fractions import Fraction


def parse(text: str) -> tuple[Fraction, Fraction]:
    """Return ``(value, unit of the last digit)`` of a printed number as Fractions; ``"96.07%"`` has the value 96.07."""
    text = text.replace("−", "-").replace(",", "").strip().rstrip("%")
    digits = len(text.partition(".")[2])
    return Fraction(text), Fraction(1, 10**digits)


def split(text: str) -> tuple[str, str]:
    """Split a cell such as ``"97.04 ± 1.21"`` into mean and spread; the spread is empty if none is printed."""
    mean, _, spread = text.partition(" ± ")
    return mean, spread


def bounds(text: str, runs_rounded: bool = False) -> tuple[Fraction, Fraction]:
    """Return the closed interval of numbers that may be printed as `text`.

    The interval covers rounding half up, rounding half even and truncation (towards zero), including floating-point
    values slightly below a printable number before truncation. With `runs_rounded`, it also covers means of runs that
    had been rounded or truncated to the printed digits.

    Parameters
    ----------
    text : str
        A printed number; a percent sign is ignored.
    runs_rounded : bool
        Whether the runs had been rounded before averaging.

    Returns
    -------
    tuple of Fraction
        Lowest and highest number.
    """
    value, unit = parse(text)
    below, above = (unit, 2 * unit) if runs_rounded else (unit / 2, unit)
    if text.lstrip().startswith(("-", "−")):
        return value - above, value + below
    return (value - above, value + above) if value == 0 else (value - below, value + above)


def spread_bounds(text: str, factor: int = 1) -> tuple[Fraction, Fraction]:
    """Return the `bounds` of a printed spread (non-negative) times `factor` (100 if it is printed as a fraction)."""
    low, high = bounds(text)
    return max(low, Fraction(0)) * factor, high * factor


def could_print(number: float | Fraction, text: str) -> bool:
    """Return whether `number` (int, float or Fraction) may be printed as `text`."""
    low, high = bounds(text)
    return low <= Fraction(number) <= high


def only_truncated(number: float | Fraction, text: str) -> bool:
    """Return whether `text` can be obtained from `number` by truncation but not by rounding."""
    value, unit = parse(text)
    return could_print(number, text) and abs(Fraction(number) - value) > unit / 2
