"""docs/operations.md on what lies in deploy/."""

import pytest

from deployment import DEPLOY
from service import CHECKOUT

pytestmark = pytest.mark.embedded


def test_the_documentation_names_every_file():
    text = (CHECKOUT / "docs/operations.md").read_text()
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert path.name in text or f"{path.parent.name}/" in text, path.name
