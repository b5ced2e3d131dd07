"""What docs/experiments.md says about each experiment."""

from __future__ import annotations

from pide.nets.data.qtips import local_limit

HEAD = """# Experiments

Trainings on small machines: narrow networks, few images, few epochs. They ask whether a nonlocal block changes what
such a network learns, and say with which uncertainty; they are no attempt at the published accuracies, which need the
wide networks and 200 epochs. All files that reproduce the published tables are in `examples/papers`.

Scores are in per cent on the test set after the last epoch: accuracy, or mean IoU over classes for CamVid and Q-tips.
The difference is the mean over equal seeds with its 95 % interval by Student's t; with two or three seeds that
interval is wide, and where it holds zero nothing has been shown. Many intervals are on this page: of twenty, one misses
its value by chance. Seeds change the initial weights, the order of the images and, where a fraction is drawn, which
images are kept; the test images stay the same, so the intervals say nothing about other test images. Seconds are
wall-clock times on a machine that was doing other things; do not compare them. Machine: {machine}, one thread, torch
{torch}; written on {date}. The tables as CSV are in `docs/experiments/`. A variant of
`docs/_scripts/experiment_list.py` that has no row has not been trained.

The page is written from the run folders by `python docs/_scripts/experiments.py write`.
"""
FOOT = """## What is not here

Nothing was trained on a GPU, no network of the published width was trained to the end, and no ranking of operators is
claimed from these runs. The files in `examples/papers` have been built and counted, but not trained; the data-fraction,
noise and four-stage experiments above are small counterparts of theirs, on digits.
"""
WORDS = {
    "digits": "Handwritten digits of scikit-learn, 8 x 8. Operators have two stages, one variant four.",
    "digits spectra": "The factor is the work of the decay of kernels: at the published strength 0.1 and step 0.06 "
    "twelve epochs hardly move K1 and K2 otherwise. That the operators differ so little above fits: they act little.",
    **{
        f"digits_fraction_{fraction}": f"The same digits with {fraction:g} of the training images of each class and "
        "as many epochs; the test images are all there. The papers claim that nonlocal networks need less data."
        for fraction in (0.1, 0.3)
    },
    "fashion": "A thirtieth of Fashion-MNIST, 28 x 28.",
    "qtips": "The long-range task, with a nonlocal block of strength and step 1: at the published 0.1 and 0.06 it "
    "hardly acts. Mean IoU over fifteen classes. Both networks are far from solving the task after 960 steps.",
    "qtips_small": "The task made easier to learn and harder to see: one stick, two types of ends, 32 x 32, and a "
    "network with one Hamiltonian block, which sees five pixels each way. Pixel accuracy; always answering the most "
    "frequent class scores 46.8 on these test images. No network that sees five pixels each way exceeds "
    f"{100 * local_limit(5, side=32, types=2):.1f} (`pide.nets.data.qtips.local_limit`, 400 sticks), however it is "
    "trained: what is above has come through the nonlocal block. Two Hamiltonian blocks see nine pixels, and their "
    f"limit is {100 * local_limit(9, side=32, types=2):.1f}.",
    "qtips_small spectra": "Where the block is needed, and strength and step are 1, it learns.",
    "camvid": "Streets in eleven classes; mean IoU, one seed, so that nothing follows about operators.",
    "cifar10": "Images that were stored as JPEG, so that pixels differ a little from the published ones "
    '(`checksums = "report"` in the file).',
    "tao": "The original and the proposed block of Tao et al. on digits, at a tenth of the published rate: at 0.1 both "
    "train badly from our initial weights. In eight epochs both do harm here, the original form more than the proposed "
    "one; but more blocks harm in the proposed form too, so that the paper's finding, the original fails and the "
    "proposed does not, is met by half.",
    "tao spectra": "W = W_Z W_g in every block of the original form, the W of one stage in the proposed one. In the "
    "original form a few large eigenvalues of both signs grow; half of them stay positive. The damping of the paper, "
    "negative eigenvalues in the original form, does not show in so short a training.",
    "tao_normalised": "The same with exponents divided by the root of their dimension, features normalised before "
    "them, and a tenth of the first W_Z (`docs/explanation/networks.md`). Then neither form fails, with four original "
    "or six proposed blocks.",
}
