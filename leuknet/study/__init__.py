"""A study: its profile, the runs behind each of the paper's tables, and the machine's requirements."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
