"""Training: one loop, run folders that survive a kill, and what is reported of them."""

from pide.nets.training.config import Config, DataTable, RunTable, TrainingTable, parse_config, read_config, to_toml
from pide.nets.training.fitting import Fitted, fit
from pide.nets.training.optimisers import SGD, AdamW
from pide.nets.training.penalties import Decay
from pide.nets.training.runs import Diverged
from pide.nets.training.schedules import Constant, Cosine, Steps
from pide.nets.training.scores import Scores

__all__ = [
    "SGD",
    "AdamW",
    "Config",
    "Constant",
    "Cosine",
    "DataTable",
    "Decay",
    "Diverged",
    "Fitted",
    "RunTable",
    "Scores",
    "Steps",
    "TrainingTable",
    "fit",
    "parse_config",
    "read_config",
    "to_toml",
]
