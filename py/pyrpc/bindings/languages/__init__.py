"""The languages, one module each."""

from __future__ import annotations

from pyrpc.bindings.language import Language
from pyrpc.bindings.languages import cpp, go, java, kotlin, node, perl, php, python, ruby, rust, typescript

_MODULES = (python, java, kotlin, go, cpp, rust, node, typescript, ruby, php, perl)
LANGUAGES: dict[str, Language] = {module.LANGUAGE.name: module.LANGUAGE for module in _MODULES}
