"""Read data sets in their providers' native layouts: images, classes and patients."""

from leuknet.data.formats.layouts import LAYOUTS, Image, LabelBy, Layout, read, recognise

__all__ = ["LAYOUTS", "Image", "LabelBy", "Layout", "read", "recognise"]
