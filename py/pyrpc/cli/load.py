"""What to host, from how it is written on the command line: ``module:Object`` or ``path/to/file.py:Object``."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from pyrpc.errors import ConfigError

FORM_HELP = "write module:Object, or path/to/file.py:Object; the object is a class, an instance or a function"


def load_service(text: str) -> Any:
    """The class, instance, function or module that is named.

    Raises
    ------
    ConfigError
        There is no such thing, or its import fails; remote_traceback is the traceback then.
    """
    source, _, name = text.partition(":") if not text.endswith(".py") else (text, "", "")
    if not source or text.endswith(":"):
        raise ConfigError("a service that cannot be read", got=repr(text), help=FORM_HELP)
    is_file = source.endswith(".py") or os.sep in source
    module = _import_file(Path(source)) if is_file else _import_module(source)
    if not name:
        _check_has_functions(module, source)
        return module
    return _find(module, source, name)


def instantiated(service: Any, text: str) -> Any:
    """An instance of a class that is made without arguments; anything else as it is.

    Raises
    ------
    ConfigError
        Its constructor raises.
    """
    if not isinstance(service, type) or inspect.isabstract(service):
        return service
    try:
        inspect.signature(service).bind()
    except (TypeError, ValueError):
        # It needs arguments: the server says so.
        return service
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return service()
    except (Exception, SystemExit) as error:
        raise _failure(f"{service.__name__}() failed for {text}", error, None) from error


def _import_module(name: str) -> ModuleType:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigError("a module's name that cannot be", got=repr(name), help=FORM_HELP)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        is_missing = isinstance(error, ModuleNotFoundError) and error.name is not None
        if is_missing and f"{name}.".startswith(f"{error.name}."):  # type: ignore[union-attr]
            raise _not_found(name, here) from None
        raise _failure(f"cannot import {name}", error, name) from error


def _not_found(name: str, here: str) -> ConfigError:
    around = [path.stem for path in Path(here).glob("*.py")]
    near = difflib.get_close_matches(name, around, n=1)
    return ConfigError(
        f"there is no module {name!r}",
        help=f"did you mean {near[0]}?" if near else f"is it installed? looked in {here} too, the current folder",
    )


def _import_file(path: Path) -> ModuleType:
    if path.suffix != ".py":
        raise ConfigError("a service that cannot be read", got=repr(str(path)), help=FORM_HELP)
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [each.name for each in path.parent.glob("*.py")], n=1)
        help = f"did you mean {path.parent / near[0]}?" if near else f"the current folder is {os.getcwd()}"
        raise ConfigError(f"there is no file {path}", help=help)
    name, folder = path.stem, str(path.resolve().parent)
    # As for a script: what lies beside it can be imported.
    if folder not in sys.path:
        sys.path.insert(0, folder)
    known = sys.modules.get(name)
    if known is not None:
        if Path(getattr(known, "__file__", None) or os.devnull).resolve() == path.resolve():
            return known
        raise ConfigError(f"{path} has the name of a module that is loaded already", help="rename the file")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _failure(f"cannot import {path}", error, None) from error
    return module


def _find(module: ModuleType, source: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            public = [each for each in vars(found) if not each.startswith("_")] if hasattr(found, "__dict__") else []
            near = difflib.get_close_matches(part, public, n=1)
            help = f"did you mean {source}:{name.replace(part, near[0])}?" if near else _hostable_help(module, source)
            raise ConfigError(f"{source} has no {name!r}", help=help) from None
    return found


def _check_has_functions(module: ModuleType, source: str) -> None:
    """A module alone hosts its functions; somebody with a class in it forgot to name that."""
    if getattr(module, "__all__", None) or _own(module, inspect.isroutine):
        return
    if _own(module, inspect.isclass):
        raise ConfigError(f"{source} has no functions of its own to host", help=_hostable_help(module, source))


def _hostable_help(module: ModuleType, source: str) -> str:
    names = _own(module, inspect.isclass) + _own(module, inspect.isroutine)
    return f"it has {', '.join(f'{source}:{name}' for name in names[:5])}" if names else FORM_HELP


def _own(module: ModuleType, is_kind: Any) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if is_kind(value) and not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _failure(what: str, error: BaseException, name: str | None) -> ConfigError:
    kind = type(error).__name__
    reason = f"it calls sys.exit({error.code!r})" if isinstance(error, SystemExit) else f"{kind}: {error}"
    place = f" ({where})" if (where := _place(error)) else ""
    help = "--verbose shows the traceback"
    if isinstance(error, ModuleNotFoundError):
        help = f"is {error.name} installed in {sys.prefix}?"
    elif isinstance(error, SystemExit):
        help = 'put what the file does as a program under: if __name__ == "__main__":'
    trace = "".join(traceback.format_exception(error))
    return ConfigError(f"{what}: {reason}{place}", help=help, remote_traceback=trace)


def _place(error: BaseException) -> str:
    """file:line of the innermost frame that is neither the import system's nor pyrpc's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and Path(__file__).parents[1] not in Path(frame.filename).parents
    ]
    standard = os.path.dirname(os.__file__)
    own = [frame for frame in frames if not frame.filename.startswith(standard)] or frames
    return f"{_shown(own[-1].filename)}:{own[-1].lineno}" if own else ""


def _shown(filename: str) -> str:
    relative = os.path.relpath(filename)
    return filename if relative.startswith("..") else relative
