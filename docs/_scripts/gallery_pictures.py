"""Pictures that an example writes into its folder, moved into the gallery: the examples use no state of pyplot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst


def move_pictures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The new pictures as reST, for sphinx-gallery's `image_scrapers`."""
    folder, moved = Path(block_vars["src_file"]).parent, []
    for picture in sorted(folder.glob("*.png")):
        target = block_vars["image_path_iterator"].next()
        shutil.move(picture, target)
        moved.append(target)
    return str(figure_rst(moved, gallery_conf["src_dir"]))
