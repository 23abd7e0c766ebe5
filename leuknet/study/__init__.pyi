"""What `leuknet.study` gives out, imported when it is first used, for it loads Keras."""

from .study import open_study as open_study
