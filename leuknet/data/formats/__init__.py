"""Readers of data sets as their providers ship them: which file is an image, of which class, of whose patient."""

from leuknet.data.formats.layouts import LAYOUTS, Image, LabelBy, Layout, read, recognise

__all__ = ["LAYOUTS", "Image", "LabelBy", "Layout", "read", "recognise"]
