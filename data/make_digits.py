"""Writes data/digits.h5 from the copy of the UCI digits that scikit-learn carries.

    pip install scikit-learn h5py
    python data/make_digits.py data/digits.h5
"""
import sys

import h5py
import numpy as np
from sklearn.datasets import load_digits

ATTRIBUTES = {
    "title": "UCI digits: 1,797 handwritten digits of 8x8 pixels",
    "description": "The test part of the UCI data set 'Optical Recognition of Handwritten Digits': digits of 13 "
    "people, 32x32 bitmaps of which every 4x4 block was counted, so a pixel is a number from 0 to 16.",
    "source": "E. Alpaydin, C. Kaynak (1998). Optical Recognition of Handwritten Digits. UCI Machine Learning "
    "Repository, https://doi.org/10.24432/C50P49",
    "url": "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    "licence": "CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
}


def main(path):
    digits = load_digits()
    images = digits.images.astype(np.uint8)
    assert images.shape == (1797, 8, 8) and (images == digits.images).all()
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs.update(ATTRIBUTES)
        # One chunk of 64 images is 4 KiB: small enough to read a few, large enough to compress.
        packed = dict(compression="gzip", compression_opts=9, track_times=False)
        image_set = file.create_dataset("images", data=images, chunks=(64, 8, 8), **packed)
        image_set.attrs["meaning"] = "pixels (image, row, column), 0 (paper) to 16 (ink)"
        label_set = file.create_dataset("labels", data=digits.target.astype(np.uint8), chunks=(1797,), **packed)
        label_set.attrs["meaning"] = "the digit, 0 to 9"


if __name__ == "__main__":
    main(sys.argv[1])
