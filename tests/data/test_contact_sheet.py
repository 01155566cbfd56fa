from pathlib import Path

import numpy as np
import pytest
import torch

from unstuck.data import contact_sheet, write_contact_sheet
from unstuck.errors import ArgumentError, RunWriteError

Image = pytest.importorskip("PIL.Image")


def test_pictures_stand_above_what_became_of_them() -> None:
    before = torch.linspace(0, 1, 10)[:, None, None, None].expand(10, 1, 64, 64)
    sheet = contact_sheet(before, 1 - before)
    assert sheet.shape == (4 * 66 + 2, 8 * 66 + 2, 3)
    for number in range(10):
        line, column = divmod(number, 8)
        top, left = 2 + 2 * line * 66, 2 + column * 66
        shade = round(255 * number / 9)
        assert abs(int(sheet[top, left, 0]) - shade) <= 1
        assert abs(int(sheet[top + 66, left, 0]) - (255 - shade)) <= 1


def test_small_pictures_are_enlarged_and_colours_kept() -> None:
    red = torch.zeros(1, 3, 8, 8)
    red[:, 0] = 1.0
    sheet = contact_sheet(red, red)
    assert sheet.shape == (2 * 66 + 2, 68, 3)
    assert sheet[5, 5].tolist() == [255, 0, 0]


def test_it_is_written_as_png(tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    before = torch.rand(3, 3, 8, 8)
    write_contact_sheet(file, before, before)
    np.testing.assert_array_equal(np.asarray(Image.open(file)), contact_sheet(before, before))
    with pytest.raises(RunWriteError, match="contact sheet cannot be written"):
        write_contact_sheet(tmp_path / "no" / "sheet.png", before, before)


def test_what_is_no_pair_of_pictures() -> None:
    with pytest.raises(ArgumentError, match=r"got \(2, 3\) and \(2, 3\)"):
        contact_sheet(torch.zeros(2, 3), torch.zeros(2, 3))
