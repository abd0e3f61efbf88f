"""Every registered index, and both widths, for the laws."""

import numpy as np
import pytest

from knn import indexes


@pytest.fixture(scope="session", params=list(indexes))
def kind(request):
    return indexes[request.param]


@pytest.fixture(scope="session", params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param
