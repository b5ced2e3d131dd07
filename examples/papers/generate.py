"""Write the training files of this folder from one table: python examples/papers/generate.py

bohn-*: Bohn, Griebel and Kannan (2021): the tables of CIFAR-10, CIFAR-100, STL-10 and BDD100K, blocks of four stages,
spectra, fractions of the training set, and noisy test images. tao-*: Tao, Sun, Du and Liu (2018): Tables 1 and 2, and
spectra. Published numbers are medians of five seeds (Bohn et al.): run every file with --seed 0 to --seed 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

OPERATORS = {
    "diffusion": "L",
    "fractional": "(-Delta)^{1/2}",
    "inverse_fractional": "(-Delta)^{-1/2}",
    "log": "(-Delta)^{-1}",
}
HAMILTONIAN = {"none": "", **{name: f'nonlocal_operator = "{name}"\n' for name in OPERATORS}}
BOHN = {
    "resnet44": ("ResNet-44", 'name = "resnet44"\n'),
    "preresnet20": ("PreResNet-20", 'name = "preresnet20"\n'),
    "hamiltonian": ("Hamiltonian-74", 'name = "hamiltonian"\n'),
    **{
        f"hamiltonian-{name.replace('_', '-')}": (
            f"Hamiltonian-74 + {symbol}",
            f'name = "hamiltonian"\n{HAMILTONIAN[name]}',
        )
        for name, symbol in OPERATORS.items()
    },
}
# data set: title, batch, decay of kernels, what is done to the images
DATA = {
    "cifar10": ("CIFAR-10", 100, "2e-4", "pad = 4\nflip = true\n"),
    "cifar100": ("CIFAR-100", 100, "2e-4", "pad = 4\nflip = true\n"),
    "stl10": ("STL-10", 50, "5e-4", "pad = 12\nflip = true\n"),
    "bdd100k": ("BDD100K", 8, "2e-4", "halvings = 3\nflip = true\n"),
}
FRACTIONS = (0.1, 0.2, 0.5)
SEVERITIES = (3,)  # `pide evaluate RUN --corruptions` scores a run at all of them
TAO = {"cifar10": ("CIFAR-10", "preresnet20"), "cifar100": ("CIFAR-100", "preresnet56")}

BOHN_TRAINING = """\
epochs = 200
optimiser = { type = "sgd", momentum = 0.9 }
schedule = { type = "steps", rate = 0.1, milestones = [80, 120, 160, 180], factor = 0.1, warm_up = 1, \
warm_up_rate = 0.01 }
"""
TAO_TRAINING = """\
epochs = 164
optimiser = { type = "sgd", momentum = 0.9 }
schedule = { type = "steps", rate = 0.1, milestones = [81, 122], factor = 0.1 }
"""
TAO_DECAY = (
    "# Weight decay 1e-4 in torch's convention, (1e-4/2) |p|^2, on every parameter.\nkernels = 5e-5\nothers = 5e-5\n"
)


def page(title: str, data: str, network: str, training: str, decay: str, run: str = "") -> str:
    """A training file; `data.folder` is left to the command line."""
    parts = {"data": data, "network": network, "training": training, "decay": decay} | ({"run": run} if run else {})
    sections = "\n".join(f"[{name}]\n{text}" for name, text in parts.items())
    return f'title = "{title}"\n\n{sections}'


def bohn(name: str, title: str, network: str, more_data: str = "", run: str = "") -> str:
    """A file in the conventions of Bohn et al.; their program penalises 2e-4 |K|^2 in nonlocal blocks throughout."""
    label, batch, kernels, images = DATA[name]
    decay = f"kernels = {kernels}\nnonlocal_kernels = 2e-4\nsmoothness = 1e-8\n"
    data = f'name = "{name}"\n{images}{more_data}'
    return page(f"{label}: {title}", data, network, f"batch = {batch}\n{BOHN_TRAINING}", decay, run)


def tao(name: str, title: str, options: str, run: str = "") -> str:
    """A file in the conventions of Tao et al."""
    label, model = TAO[name]
    data = f'name = "{name}"\npad = 4\nflip = true\n'
    network = f'name = "{model}"\nvariant = "bottleneck"\n{options}'
    return page(f"{label}: {title}", data, network, f"batch = 128\n{TAO_TRAINING}", TAO_DECAY, run)


def bohn_files() -> Iterator[tuple[str, str]]:
    """(name, text) of the experiments of Bohn et al."""
    for data in DATA:
        for name, (title, network) in BOHN.items():
            yield f"bohn-{data}-{name}", bohn(data, title, network)
    for data in ("cifar10", "cifar100", "stl10"):
        network = f'name = "hamiltonian"\n{HAMILTONIAN["diffusion"]}stages = 4\n'
        yield f"bohn-{data}-hamiltonian-diffusion-4-stages", bohn(data, "Hamiltonian-74 + L, four stages", network)
    for name, option in HAMILTONIAN.items():
        network, symbol = f'name = "hamiltonian"\n{option}', OPERATORS.get(name, "no nonlocal operator")
        short = name.replace("_", "-")
        if option:
            kept = "# The spectra of these checkpoints show how the matrices K change.\nkeep_every = 20\n"
            yield f"bohn-spectra-{short}", bohn("cifar10", f"spectra, {symbol}", network, run=kept)
        for fraction in FRACTIONS:
            title = f"{fraction:.0%} of the training set, {symbol}"
            yield f"bohn-fraction-{fraction}-{short}", bohn("cifar10", title, network, f"fraction = {fraction}\n")
        for severity in SEVERITIES:
            damage = f'corruption = {{ kind = "noise", severity = {severity} }}\n'
            title = f"noisy test images, severity {severity}, {symbol}"
            yield f"bohn-noise-{severity}-{short}", bohn("cifar10", title, network, damage)


def tao_files() -> Iterator[tuple[str, str]]:
    """(name, text) of the experiments of Tao et al."""
    for data, (_, model) in TAO.items():
        yield f"tao-{data}-{model}", tao(data, f"{model}", "")
        for form, counts in (("original", range(2, 5)), ("proposed", range(2, 7))):
            for count in counts:
                options = f'nonlocal_blocks = {count}\nform = "{form}"\n'
                yield f"tao-{data}-{form}-{count}", tao(data, f"{model}, {form}, {count} blocks", options)
    for form in ("original", "proposed"):
        options = f'nonlocal_blocks = 3\nform = "{form}"\nplaces = "different"\n'
        yield f"tao-cifar10-{form}-different", tao("cifar10", f"preresnet20, {form}, 3 different places", options)
        options = f'nonlocal_blocks = 2\nform = "{form}"\n'
        kept = "# The spectra of these checkpoints show how W = W_Z W_g changes.\nkeep_every = 20\n"
        yield f"tao-spectra-{form}", tao("cifar10", f"spectra, {form}, 2 blocks", options, kept)


def files() -> dict[str, str]:
    """Text of every file by its name."""
    return {f"{name}.toml": text for name, text in (*bohn_files(), *tao_files())}


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"{len(files())} files in {folder}")
