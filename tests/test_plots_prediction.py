"""Figures and tables of predictions, and the upload button, with a stub of a saved run."""

import io
from datetime import UTC, datetime
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_models_activation_maps import red_finder

from leuknet.exceptions import LeuknetError
from leuknet.inference.predict import words
from leuknet.plots.interactive.widgets import upload
from leuknet.plots.interpretation import prediction as show
from leuknet.runs.training_features import TrainingFeatures

NOW = datetime(2021, 4, 24, tzinfo=UTC)


@pytest.fixture
def kept():
    features = np.arange(12, dtype=np.float32)[:, None]
    table = pd.DataFrame({"source": ["one"] * 12, "role": ["train"] * 6 + ["test"] * 6})
    return SimpleNamespace(model=red_finder(), training_features=TrainingFeatures(features, table, {}))


def row(percentile=50.0, **changes):
    found = {"file": "a/b.png", "probability": 0.7, "class": "positive", "threshold": 0.5, "distance": 3.0}
    return found | {"percentile": percentile, "looks_like": "one", "share": 0.8, "words": "said"} | changes


def test_card_shows_image_map_probability_and_distance(kept):
    fig = show.prediction_card(kept, np.full((32, 32, 3), 200, np.uint8), row(), "mine")
    assert len(fig.axes) == 4 and fig.axes[2].patches[0].get_height() == 0.7
    assert "farther than 50 %" in fig.axes[3].get_title(loc="left") and "mine\nsaid" in fig.get_suptitle()
    plt.close(fig)


def test_words_warn_only_where_the_image_is_far():
    assert "means little" in words(row(99.0)) and "99 %" in words(row(99.0))
    assert "means little" not in words(row(40.0)) and "80 % are from one" in words(row(40.0))


def test_tables():
    shown = show.prediction_table([row(12.0)]).iloc[0]
    assert shown["file"] == "b.png" and shown["looks like"] == "one (80 %)" and shown["farther than (%)"] == 12
    rows = [
        row(distance=d, **{"class": c}) for d, c in ((1, "positive"), (2, "positive"), (3, "negative"), (4, "positive"))
    ]
    halves = show.distance_table(rows, [1, 1, 1, 1]).set_index("unseen images")
    assert halves["right calls (%)"].to_dict() == {"nearer half": 100, "farther half": 50}


def test_upload_draws_a_file_and_says_why_not(capsys):
    def draw(name, content):
        if not content.startswith(b"\x89PNG"):
            raise LeuknetError("not an image")
        fig, ax = plt.subplots()
        ax.imshow(np.asarray(Image.open(io.BytesIO(content))))
        return fig

    button, message, image = upload(draw).children
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    button.value = [
        {"name": "x.png", "content": memoryview(buffer.getvalue()), "type": "", "size": 1, "last_modified": NOW}
    ]
    assert (
        bytes(image.value).startswith(b"\x89PNG") and message.value == "x.png" and image.layout.visibility == "visible"
    )
    button.value = [{"name": "y.png", "content": memoryview(b"no"), "type": "", "size": 1, "last_modified": NOW}]
    assert message.value == "y.png: not an image" and image.layout.visibility == "hidden"
