"""What a printed number says about the number behind it, whichever way it was rounded; exact, in fractions."""

from fractions import Fraction


def parse(text: str) -> tuple[Fraction, Fraction]:
    """Return ``(value, unit of the last printed digit)`` of a printed number as Fractions; ``"96.07%"`` is 96.07."""
    text = text.replace("−", "-").replace(",", "").strip().rstrip("%")
    digits = len(text.partition(".")[2])
    return Fraction(text), Fraction(1, 10**digits)


def split(text: str) -> tuple[str, str]:
    """Return the texts of mean and spread of a cell ``"97.04 ± 1.21"``; the spread is empty where none is printed."""
    mean, _, spread = text.partition(" ± ")
    return mean, spread


def bounds(text: str, runs_rounded: bool = False) -> tuple[Fraction, Fraction]:
    """Return the closed interval of numbers that may be printed as `text`.

    It holds for rounding half up, half even and truncation (towards zero), and for floating point that falls just short
    of a printable number before truncation. With `runs_rounded`, also for means of runs that had themselves been
    rounded or truncated to the printed digits.

    Parameters
    ----------
    text : str
        A printed number; a percent sign is left out of the value.
    runs_rounded : bool

    Returns
    -------
    tuple of Fraction
        Lowest and highest.
    """
    value, unit = parse(text)
    below, above = (unit, 2 * unit) if runs_rounded else (unit / 2, unit)
    if text.lstrip().startswith(("-", "−")):
        return value - above, value + below
    return (value - above, value + above) if value == 0 else (value - below, value + above)


def spread_bounds(text: str, factor: int = 1) -> tuple[Fraction, Fraction]:
    """Return `bounds` of a printed spread, which is never negative, times `factor` (100: printed as a fraction)."""
    low, high = bounds(text)
    return max(low, Fraction(0)) * factor, high * factor


def could_print(number: float | Fraction, text: str) -> bool:
    """Return whether `number` (int, float or Fraction) may be printed as `text`."""
    low, high = bounds(text)
    return low <= Fraction(number) <= high


def only_truncated(number: float | Fraction, text: str) -> bool:
    """Return whether `text` is `number` cut off, and no way of rounding gives it."""
    value, unit = parse(text)
    return could_print(number, text) and abs(Fraction(number) - value) > unit / 2
