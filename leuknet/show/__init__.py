"""The show room: figures, tables and widgets, one function each, in one visual language."""

from leuknet.show.curves import (
    accuracy_table,
    by_test_set,
    confusion,
    learning_curves,
    protocols,
    threshold_view,
)
from leuknet.show.network import network_diagram
from leuknet.show.publish import banner, figure, table
from leuknet.show.splits import paired_protocols, split_map
from leuknet.show.summaries import percent_summary, profiles_table, settings_table
from leuknet.show.survey import first_look
from leuknet.show.widgets import slide

__all__ = [
    "accuracy_table",
    "banner",
    "by_test_set",
    "confusion",
    "figure",
    "first_look",
    "learning_curves",
    "network_diagram",
    "paired_protocols",
    "percent_summary",
    "profiles_table",
    "protocols",
    "settings_table",
    "slide",
    "split_map",
    "table",
    "threshold_view",
]
