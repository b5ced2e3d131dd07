"""Labelled images: readers of published data sets, preprocessing, augmentation, subsets and corruptions."""

from pide.nets.data.augmentation import Augmentation
from pide.nets.data.catalogue import DATASETS, read_dataset
from pide.nets.data.corruptions import SEVERITIES, Corruption, corrupt
from pide.nets.data.images import Dataset, Images
from pide.nets.data.preprocessing import Preprocessing, fit_preprocessing
from pide.nets.data.qtips import make_qtips
from pide.nets.data.subsets import hold_out, keep_fraction

__all__ = [
    "DATASETS",
    "SEVERITIES",
    "Augmentation",
    "Corruption",
    "Dataset",
    "Images",
    "Preprocessing",
    "corrupt",
    "fit_preprocessing",
    "hold_out",
    "keep_fraction",
    "make_qtips",
    "read_dataset",
]
