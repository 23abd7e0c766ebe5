"""Vincent, Kwon, Lee & Moon 2015 [7]: texture, fractal dimension and geometry of leukocytes, and a two-step network.

The paper states (section 2.1): features of the grey-level co-occurrence matrix, the fractal dimension [10] and
geometric attributes from the segmentation of leukocytes and lymphoblasts, a multilayer perceptron, 97.70 % on 100
images of ALL-IDB 1; the title mentions a "two-step neural network classifier". The article itself was not available.

Assumptions: cells are segmented by `imaging.leukocytes`. The first perceptron classifies each leukocyte; the second
classifies the image from the outputs of the first (mean, s.d., minimum, maximum, count). To train the second, the
outputs of the first for the training images are obtained by 3-fold cross-validation grouped by image, so that no cell
is predicted by a model trained on it. Both have one hidden layer of 10 units.

Deviations: fitted with L-BFGS and an L2 penalty of 1 (to limit overfitting on a hundred images).
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
    """Return the nucleus share, shapes, textures and fractal dimensions of a leukocyte, 39 values in total."""
    textures = [measures.cooccurrence(cell.grey, mask) for mask in cell.masks]
    dimensions = [measures.fractal_dimension(cell.grey, mask) for mask in cell.masks]
    return [[cell.share], *map(measures.shape, cell.masks), *textures, dimensions]


def describe(image: np.ndarray) -> np.ndarray:
    """Return one row per leukocyte, float (cells, 39)."""
    core = imaging.nuclei(image)
    labels = imaging.cleaned(imaging.separated(imaging.leukocytes(image, core)))
    return imaging.each_cell(image, labels, core, numbers, 39)


def fitted(seed: int, values: np.ndarray, labels: np.ndarray) -> Pipeline:
    """Return a fitted perceptron with 10 hidden units; convergence warnings are ignored."""
    network = MLPClassifier((10,), solver="lbfgs", alpha=1.0, max_iter=200, random_state=seed % 2**31)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), network).fit(values, labels)


def answers(p: np.ndarray, owner: np.ndarray, images: int) -> np.ndarray:
    """Return the mean, s.d., minimum, maximum and log count of each image's cell outputs, float (images, 5)."""
    rows = np.full((images, 5), [0.5, 0, 0.5, 0.5, 0])
    for image in np.unique(owner):
        own = p[owner == image]
        rows[image] = own.mean(), own.std(), own.min(), own.max(), np.log(len(own))
    return rows


class Vincent(CellBaseline):
    """See the module docstring."""

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
            p[judge] = first.predict_proba(values[judge]) @ first.classes_  # also if a fold contains only one class
        first = fitted(seed, values, labels[owner])
        self.classifier = first, fitted(seed, answers(p, owner, len(train)), labels)

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        values, owner = self.cells(cohort, test)
        first, second = self.classifier
        p = first.predict_proba(values)[:, 1] if len(values) else np.zeros(0)
        return second.predict_proba(answers(p, owner, len(test)))[:, 1].astype(np.float32)
