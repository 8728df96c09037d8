"""The languages, one module each."""

from __future__ import annotations

from pyrpc.bindings.language import Language
from pyrpc.bindings.languages import go, php, python

_MODULES = (python, go, php)
LANGUAGES: dict[str, Language] = {module.LANGUAGE.name: module.LANGUAGE for module in _MODULES}
