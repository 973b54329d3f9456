"""What templates make of arguments."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.airflow.taxpayers import listed

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    ("rendered", "codes"), [(None, []), ("81", ["81"]), (81, ["81"]), (["01", 81], ["01", "81"]), (("81",), ["81"])]
)
def test_a_code_that_native_rendering_has_made_a_number_is_the_same_code(rendered: Any, codes: list[str]) -> None:
    assert listed(rendered) == codes
