"""
Training a small nonlocal network
=================================

A configuration is text or objects: data, network, optimiser, schedule, decay. Here a Hamiltonian network with a
nonlocal block learns 8 x 8 handwritten digits, once by each of two optimisers with their schedules. The same
configuration and seed give the same weights, bit for bit. Left: rates r(e) of three schedules over 20 epochs. Middle:
loss. Right: accuracy on the test set. Writes training.png.
"""

from dataclasses import replace

import torch

from pide import nets
from pide.nets.training import SGD, AdamW, Constant, Cosine, Decay, Steps, parse_config, to_toml
from pide.plotting import new_figure, write_figure

torch.set_num_threads(1)
try:
    import sklearn  # noqa: F401
except ImportError:
    raise SystemExit('this example reads digits of scikit-learn. Write: pip install scikit-learn') from None

config = parse_config("""
[data]
name = "digits"
train_images = 300
test_images = 300
[network]
name = "hamiltonian"
nonlocal_operator = "diffusion"
channels = [8]
blocks = 2
momentum = 0.1
[training]
epochs = 5
batch = 50
[run]
threads = 1
reports = false
""")
schedules = {
    "Constant": Constant(0.1),
    "Steps": Steps(0.1, (0.4, 0.6, 0.8), 0.3, warm_up=1, relative=True),
    "Cosine": Cosine(0.1, warm_up=2),
}
figure = new_figure(13.0, 3.6)
left, middle, right = figure.subplots(1, 3)
for (name, schedule), style in zip(schedules.items(), ("-", "--", "-."), strict=True):
    left.step(range(20), [schedule.at(epoch, 20) for epoch in range(20)], style, where="post", label=name)
left.set(xlabel="epoch", ylabel="rate", yscale="log")

choices = {
    "SGD, Cosine": (SGD(0.9), Cosine(0.1, warm_up=1)),
    "AdamW, Steps": (AdamW(), Steps(0.01, (0.7,), 0.2, warm_up=1, warm_up_rate=0.003, relative=True)),
}
for (name, (optimiser, schedule)), style in zip(choices.items(), ("o-", "s--"), strict=True):
    training = replace(config.training, optimiser=optimiser, schedule=schedule)
    chosen = replace(config, training=training, decay=Decay(kernels=2e-4))
    fitted = nets.fit(None, chosen, progress=False)
    epochs = [row["epoch"] for row in fitted.history]
    middle.plot(epochs, [row["train_loss"] for row in fitted.history], style, label=name)
    right.plot(epochs, [row["test_accuracy"] for row in fitted.history], style, label=name)
    print(f"{name}: test accuracy {fitted.scores.accuracy:.3f}, loss {fitted.scores.loss:.3f}")
again = nets.fit(None, chosen, progress=False)
same = all(torch.equal(a, b) for a, b in zip(again.net.parameters(), fitted.net.parameters(), strict=True))
print(f"trained again: the same weights: {same}")
assert same
print(to_toml(chosen))
middle.set(xlabel="epoch", ylabel="training loss", yscale="log")
right.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1))
for axes in (left, middle, right):
    axes.legend(frameon=False, fontsize="small")
write_figure(figure, "training.png")
