"""Figures, tables and widgets of the pages, one function each, in one visual language.

A name is imported from its module when it is first used (``__init__.pyi`` lists them), so ``from leuknet import plots``
loads neither Matplotlib nor anything of the rooms below.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
