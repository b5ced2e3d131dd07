"""Readers against files that the tests write in the documented formats, whole and damaged."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pide.nets.data import read_dataset
from pide.nets.data.cifar import read_cifar10, read_cifar100
from pide.nets.data.idx import read_idx, read_mnist
from pide.nets.data.images import Dataset, Images
from pide.nets.data.stl10 import read_stl10

RANDOM = np.random.default_rng(5)


def some_bytes(*shape: int) -> np.ndarray:
    return RANDOM.integers(256, size=shape, dtype=np.uint8)


def write_idx(path: Path, array: np.ndarray) -> None:
    data = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture(params=["", ".gz"])
def mnist(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, dict[str, np.ndarray]]:
    arrays = {
        "train-images-idx3-ubyte": some_bytes(5, 28, 28),
        "train-labels-idx1-ubyte": np.array([0, 1, 2, 3, 9], np.uint8),
        "t10k-images-idx3-ubyte": some_bytes(2, 28, 28),
        "t10k-labels-idx1-ubyte": np.array([4, 4], np.uint8),
    }
    for name, array in arrays.items():
        write_idx(tmp_path / f"{name}{request.param}", array)
    return tmp_path, arrays


def test_idx(mnist: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, arrays = mnist
    dataset = read_dataset("mnist", str(folder), checksums="report")
    np.testing.assert_array_equal(dataset.train.pixels[:, 0].numpy(), arrays["train-images-idx3-ubyte"])
    assert dataset.train.labels.tolist() == [0, 1, 2, 3, 9]
    assert dataset.test.labels.tolist() == [4, 4]
    assert dataset.shape == (1, 28, 28)


def test_fashion_mnist_has_its_own_class_names(mnist: tuple[Path, dict[str, np.ndarray]]) -> None:
    assert read_dataset("fashion_mnist", str(mnist[0]), checksums="report").classes[9] == "Ankle boot"


def test_damaged_idx(tmp_path: Path) -> None:
    path = tmp_path / "x-idx3-ubyte"
    write_idx(path, some_bytes(2, 3, 4))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=r"truncated: 39 bytes where .* needs 40\. Get the file again from http"):
        read_idx(path)
    path.write_bytes(whole + b"!")
    with pytest.raises(ValueError, match="too long: 41 bytes"):
        read_idx(path)
    path.write_bytes(b"\0\0\x0d" + whole[3:])
    with pytest.raises(ValueError, match="begin with 00 00 08"):
        read_idx(path)
    zipped = tmp_path / "x.gz"
    zipped.write_bytes(gzip.compress(whole)[:-5])
    with pytest.raises(ValueError, match=r"damaged gzip file .* Get the file again"):
        read_idx(zipped)


def test_images_and_labels_must_be_equally_many(mnist: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = mnist
    for path in folder.glob("train-labels*"):
        write_idx(path, np.zeros(4, np.uint8))
    with pytest.raises(ValueError, match=r"Get both files"):
        read_mnist(folder)


RECORDS = 3


def cifar_batches(count: int, classes: int) -> list[tuple[np.ndarray, list[int]]]:
    return [(some_bytes(RECORDS, 3072), RANDOM.integers(classes, size=RECORDS).tolist()) for _ in range(count)]


def as_images(batches: list[tuple[np.ndarray, list[int]]]) -> np.ndarray:
    """Red, green and blue planes, by the documented place of every byte."""
    rows = np.concatenate([data for data, _ in batches])
    images = np.empty((len(rows), 3, 32, 32), np.uint8)
    for channel in range(3):
        for line in range(32):
            begin = 1024 * channel + 32 * line
            images[:, channel, line] = rows[:, begin : begin + 32]
    return images


NAMES10 = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]


def write_cifar10(folder: Path, version: str, batches: list[tuple[np.ndarray, list[int]]]) -> None:
    root = folder / ("cifar-10-batches-py" if version == "python" else "cifar-10-batches-bin")
    root.mkdir()
    for name, (data, labels) in zip(NAMES10, batches, strict=True):
        if version == "python":
            (root / name).write_bytes(pickle.dumps({b"data": data, b"labels": labels}, protocol=2))
        else:
            table = np.hstack([np.array(labels, np.uint8)[:, None], data])
            (root / f"{name}.bin").write_bytes(table.tobytes())


@pytest.mark.parametrize("version", ["python", "binary"])
def test_cifar10(tmp_path: Path, version: str) -> None:
    batches = cifar_batches(6, 10)
    write_cifar10(tmp_path, version, batches)
    for folder in (tmp_path, next(tmp_path.iterdir())):
        dataset = read_cifar10(folder, records=RECORDS, checksums="report")
        np.testing.assert_array_equal(dataset.train.pixels.numpy(), as_images(batches[:5]))
        np.testing.assert_array_equal(dataset.test.pixels.numpy(), as_images(batches[5:]))
        assert dataset.train.labels.tolist() == [label for _, labels in batches[:5] for label in labels]


@pytest.mark.parametrize("version", ["python", "binary"])
def test_cifar100(tmp_path: Path, version: str) -> None:
    batches = cifar_batches(2, 100)
    root = tmp_path / f"cifar-100-{version}"
    root.mkdir()
    for name, (data, labels) in zip(("train", "test"), batches, strict=True):
        coarse = [label // 5 for label in labels]
        if version == "python":
            content = {b"data": data, b"fine_labels": labels, b"coarse_labels": coarse}
            (root / name).write_bytes(pickle.dumps(content, protocol=2))
        else:
            table = np.hstack([np.array([coarse, labels], np.uint8).T, data])
            (root / f"{name}.bin").write_bytes(table.tobytes())
    dataset = read_cifar100(tmp_path, records=(RECORDS, RECORDS), checksums="report")
    np.testing.assert_array_equal(dataset.train.pixels.numpy(), as_images(batches[:1]))
    assert dataset.test.labels.tolist() == batches[1][1]
    assert len(dataset.classes) == 100


def test_damaged_cifar(tmp_path: Path) -> None:
    write_cifar10(tmp_path, "python", cifar_batches(6, 10))
    root = tmp_path / "cifar-10-batches-py"
    with pytest.raises(ValueError, match=r"truncated: 9216 bytes where the format of CIFAR-10 needs 30720000"):
        read_dataset("cifar10", str(tmp_path))
    whole = (root / "data_batch_2").read_bytes()
    (root / "data_batch_2").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"data_batch_2: not a pickle of plain arrays.* Get the file again"):
        read_cifar10(tmp_path, records=RECORDS)
    (root / "data_batch_2").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_2: no such file\. Get it from https://www\.cs\.toronto"):
        read_cifar10(tmp_path, records=RECORDS)


def test_truncated_binary_cifar(tmp_path: Path) -> None:
    write_cifar10(tmp_path, "binary", cifar_batches(6, 10))
    path = tmp_path / "cifar-10-batches-bin" / "test_batch.bin"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="truncated: 9216 bytes"):
        read_cifar10(tmp_path, records=RECORDS)


class _Dangerous:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_a_pickle_cannot_run_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_cifar10(tmp_path, "python", cifar_batches(6, 10))
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(pickle.dumps({b"data": _Dangerous()}))
    with pytest.raises(ValueError, match=r"asks for builtins\.print.*must not be opened"):
        read_cifar10(tmp_path, records=RECORDS)
    assert "executed" not in capsys.readouterr().out


def test_stl10(tmp_path: Path) -> None:
    root = tmp_path / "stl10_binary"
    root.mkdir()
    images, labels = some_bytes(2, 3, 96, 96), np.array([1, 10], np.uint8)
    for part in ("train", "test"):
        columns_first = b"".join(plane.T.tobytes() for image in images for plane in image)
        (root / f"{part}_X.bin").write_bytes(columns_first)
        (root / f"{part}_y.bin").write_bytes(labels.tobytes())
    dataset = read_stl10(tmp_path, records=(2, 2), checksums="report")
    np.testing.assert_array_equal(dataset.train.pixels.numpy(), images)
    assert dataset.test.labels.tolist() == [0, 9]
    with pytest.raises(ValueError, match="truncated"):
        read_dataset("stl10", str(tmp_path))
    (root / "test_y.bin").write_bytes(bytes([0, 10]))
    with pytest.raises(ValueError, match=r"labels outside 1 \.\. 10"):
        read_stl10(tmp_path, records=(2, 2))


def write_pairs(images: Path, masks: Path, ending: str = "", count: int = 2, highest: int = 11) -> list[np.ndarray]:
    """Random pictures and masks of 8 x 12; the masks."""
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    written = [RANDOM.integers(highest + 1, size=(8, 12), dtype=np.uint8) for _ in range(count)]
    for number, mask in enumerate(written):
        Image.fromarray(some_bytes(8, 12, 3)).save(images / f"{number}.png")
        Image.fromarray(mask).save(masks / f"{number}{ending}.png")
    return written


def test_camvid(tmp_path: Path) -> None:
    root = tmp_path / "CamVid"
    masks = {part: write_pairs(root / part, root / f"{part}annot") for part in ("train", "val", "test")}
    dataset = read_dataset("camvid", str(tmp_path), halvings=1)
    assert dataset.shape == (3, 4, 6)
    assert dataset.ignored == len(dataset.classes) == 11
    assert dataset.identity.endswith("2 + 2 + 2 pictures, published 367 + 101 + 233")
    np.testing.assert_array_equal(dataset.validation.labels[1].numpy(), masks["val"][1][::2, ::2])
    with Image.open(root / "train" / "0.png") as picture:
        expected = np.asarray(picture).transpose(2, 0, 1)[:, ::2, ::2]
    np.testing.assert_array_equal(dataset.train.pixels[0].numpy(), expected)
    (root / "trainannot" / "1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.png: no such file\. Get it from https://github\.com"):
        read_dataset("camvid", str(tmp_path))


def test_bdd100k_gives_the_ignored_label_a_class(tmp_path: Path) -> None:
    for part in ("train", "val"):
        masks = write_pairs(tmp_path / "seg/images" / part, tmp_path / "seg/labels" / part, "_train_id", highest=18)
        masks[0][1, 1] = 255
        Image.fromarray(masks[0]).save(tmp_path / "seg/labels" / part / "0_train_id.png")
    dataset = read_dataset("bdd100k", str(tmp_path), halvings=1)
    assert len(dataset.classes) == 20
    assert dataset.ignored is None
    assert int(dataset.test.labels[0, 0, 0]) == 19
    np.testing.assert_array_equal(dataset.test.labels[1].numpy(), masks[1][1::2, 1::2])


def test_bdd100k_drops_the_first_of_every_two_rows(tmp_path: Path) -> None:
    """Three times: rows and columns 7, 15, ... of the papers' [7::8]; of 720 x 1280 pixels 90 x 160."""
    rows, columns = np.indices((24, 40))
    for part in ("train", "val"):
        write_pairs(tmp_path / "seg/images" / part, tmp_path / "seg/labels" / part, "_train_id", count=1)
        Image.fromarray(np.stack([rows, columns, rows], -1).astype(np.uint8)).save(
            tmp_path / f"seg/images/{part}/0.png"
        )
        Image.fromarray((columns // 8).astype(np.uint8)).save(tmp_path / f"seg/labels/{part}/0_train_id.png")
    dataset = read_dataset("bdd100k", str(tmp_path))
    assert dataset.train.pixels[0, 0, :, 0].tolist() == [7, 15, 23]
    assert dataset.train.pixels[0, 1, 0].tolist() == [7, 15, 23, 31, 39]
    assert dataset.train.labels[0, 0].tolist() == [0, 1, 2, 3, 4]


def test_segmentation_folder(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_pairs(tmp_path / part / "images", tmp_path / part / "masks", highest=2)
    dataset = read_dataset("segmentation_folder", str(tmp_path), ignored=2)
    assert (len(dataset.classes), dataset.ignored, dataset.validation) == (2, 2, None)
    Image.fromarray(some_bytes(8, 12, 3)).save(tmp_path / "train/masks/0.png")
    with pytest.raises(ValueError, match="save them as grey or palette pictures"):
        read_dataset("segmentation_folder", str(tmp_path))
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "train/masks/0.png")
    with pytest.raises(ValueError, match="Make all sizes equal"):
        read_dataset("segmentation_folder", str(tmp_path))


def test_image_folder(tmp_path: Path) -> None:
    colours = {"blue": (0, 0, 255), "red": (255, 0, 0)}
    for part in ("train", "test"):
        for name, colour in colours.items():
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (4, 3), colour).save(tmp_path / part / name / "a.png")
    dataset = read_dataset("image_folder", str(tmp_path))
    assert dataset.classes == ("blue", "red")
    assert dataset.train.pixels[1, :, 0, 0].tolist() == [255, 0, 0]
    assert dataset.shape == (3, 3, 4)
    (tmp_path / "test" / "red" / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a\.png: not a readable picture.*Replace or remove"):
        read_dataset("image_folder", str(tmp_path))
    (tmp_path / "test" / "green").mkdir()
    with pytest.raises(ValueError, match=r"'green' is not in train\. Rename the folder"):
        read_dataset("image_folder", str(tmp_path))


def test_digits_are_those_of_scikit_learn() -> None:
    load_digits = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed").load_digits
    dataset = read_dataset("digits")
    together = torch.cat([dataset.train.pixels, dataset.test.pixels]).flatten(1)
    values = np.rint(load_digits().data * 255 / 16)
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, values.astype(int).tolist()))
    assert (len(dataset.train), len(dataset.test)) == (1437, 360)


def test_names_and_folders_are_asked_for() -> None:
    with pytest.raises(ValueError, match="Did you mean 'cifar10'"):
        read_dataset("cifar_10")
    with pytest.raises(ValueError, match=r"--set data\.folder=FOLDER; the folder holds stl10_binary"):
        read_dataset("stl10")


def test_datasets_refuse_labels_without_a_class() -> None:
    images = Images(torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.tensor([0, 5]))
    with pytest.raises(ValueError, match=r"1 labels lie outside 0 \.\. 1"):
        Dataset("mine", images, images, ("a", "b"))
    Dataset("mine", images, images, ("a", "b"), ignored=5)
    with pytest.raises(ValueError, match=r"torch\.as_tensor\(array, dtype=torch\.uint8\)"):
        Images(torch.zeros(2, 3, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"dtype=torch\.int64"):
        Images(torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.tensor([0.0, 1.0]))
