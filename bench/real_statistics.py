"""Measure colour and size of real data sets for comparison with the synthetic cohort on page 01.

    python bench/real_statistics.py DIR

DIR has the layout DIR/<data set>/<positive|negative>/<image>. Writes ``leuknet/data/resources/real_statistics.csv``:
mean and s.d. over images by data set, measured at the paper's 224 px. Only numbers are stored, no images.
"""

import argparse
from pathlib import Path

import leuknet
from leuknet._io import write_text
from leuknet.data.folder import folder_cohort
from leuknet.data.registry import lookup
from leuknet.data.statistics import image_statistics
from leuknet.plots.data.dataset_shift import spread

FITTED = ("JTSC", "CellaVision 2", "BCCD", "PBC", "Raabin")  # data sets named in looks.toml


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    statistics = image_statistics(folder_cohort(parser.parse_args().folder, 224))
    names = {name: getattr(lookup(name), "name", name) for name in statistics["data_set"].unique()}
    found = spread(statistics.assign(data_set=statistics["data_set"].map(names)))
    found.insert(2, "fitted", found["data_set"].isin(FITTED))
    out = Path(leuknet.__file__).parent / "cohort" / "data" / "real_statistics.csv"
    write_text(out, found.round({"mean": 4, "sd": 4}).to_csv(index=False))
    print(f"{out}: {found['data_set'].nunique()} data sets, {len(statistics)} images")


if __name__ == "__main__":
    main()
