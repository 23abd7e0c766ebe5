"""Figures, tables and widgets of the pages, one function each, in a common style.

Names are imported lazily on first use (listed in ``__init__.pyi``), so ``from leuknet import plots`` loads neither
Matplotlib nor any lower subpackage.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
