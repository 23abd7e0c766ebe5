"""Vincent, Kwon, Lee & Moon 2015 [7]: leukocytes and nuclei, texture, fractal dimension, geometry, a two-step network.

The paper says (section 2.1): features of the grey-level co-occurrence matrix, the fractal dimension [10] and geometric
attributes from the segmentation of leukocytes and lymphoblasts, a multilayer perceptron, 97.70 % on 100 images of
ALL-IDB 1; its title says "two-step neural network classifier". The article itself was not at hand.

Left open, and the reading taken: how cells are found (here `imaging.leukocytes`), and what the two steps
are. Here the first perceptron judges each leukocyte, the second judges the image from the first one's answers (mean,
s.d., least, greatest, count). For the second, the first answers about training images through 3-fold cross-validation
by image, so that it does not see its own training cells. Both have one hidden layer of 10 units.

Departures: solved by L-BFGS with a penalty of 1 (a hundred images overfit otherwise).
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from leuknet.baselines.base import CellBaseline
from leuknet.baselines.handcrafted import imaging, measures
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError


def numbers(cell: imaging.Cell) -> list:
    """Return share of the nucleus, shapes, textures and fractal dimensions of a leukocyte, 39 numbers in all."""
    textures = [measures.cooccurrence(cell.grey, mask) for mask in cell.masks]
    dimensions = [measures.fractal_dimension(cell.grey, mask) for mask in cell.masks]
    return [[cell.share], *map(measures.shape, cell.masks), *textures, dimensions]


def describe(image: np.ndarray) -> np.ndarray:
    """Return one row a leukocyte, float (cells, 39)."""
    core = imaging.nuclei(image)
    labels = imaging.cleaned(imaging.separated(imaging.leukocytes(image, core)))
    return imaging.each_cell(image, labels, core, numbers, 39)


def fitted(seed: int, values: np.ndarray, labels: np.ndarray) -> Pipeline:
    """Return a fitted perceptron of 10 hidden units; reaching the limit of iterations is no fault here."""
    network = MLPClassifier((10,), solver="lbfgs", alpha=1.0, max_iter=200, random_state=seed % 2**31)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), network).fit(values, labels)


def answers(p: np.ndarray, owner: np.ndarray, images: int) -> np.ndarray:
    """Return mean, s.d., least, greatest of each image's answers and how many (logarithm), float (images, 5)."""
    rows = np.full((images, 5), [0.5, 0, 0.5, 0.5, 0])
    for image in np.unique(owner):
        own = p[owner == image]
        rows[image] = own.mean(), own.std(), own.min(), own.max(), np.log(len(own))
    return rows


class Vincent(CellBaseline):
    """See the module's text."""

    describe = staticmethod(describe)

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        values, owner = self.cells(cohort, train)
        labels = cohort.labels[train].astype(int)
        if len(np.unique(owner)) < 6 or len(set(labels[owner])) < 2:
            raise LeuknetError("vincent needs leukocytes in six images of both classes: use more or larger images")
        p = np.zeros(len(values))
        for learn, judge in GroupKFold(3).split(values, groups=owner):
            first = fitted(seed, values[learn], labels[owner[learn]])
            p[judge] = first.predict_proba(values[judge]) @ first.classes_  # also where a fold holds one class only
        first = fitted(seed, values, labels[owner])
        self.classifier = first, fitted(seed, answers(p, owner, len(train)), labels)

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        values, owner = self.cells(cohort, test)
        first, second = self.classifier
        p = first.predict_proba(values)[:, 1] if len(values) else np.zeros(0)
        return second.predict_proba(answers(p, owner, len(test)))[:, 1].astype(np.float32)
