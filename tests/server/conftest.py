"""What tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.server.gate import Gate


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.let.set()
