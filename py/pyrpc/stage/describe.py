"""Stages as one readable line: ``Vision.extract(images: uint8[n,28,28], scale: float = ...) -> float32[n,64]``."""

from __future__ import annotations

from collections.abc import Mapping

from pyrpc.stage.spec import format_spec
from pyrpc.wire.messages import ParamInfo, ParamKind, StageInfo

_STARS = {ParamKind.VAR_POSITIONAL: "*", ParamKind.VAR_NAMED: "**"}


def describe(info: StageInfo, defaults: Mapping[str, str] | None = None) -> str:
    """The signature of a stage in one line.

    Parameters
    ----------
    info : StageInfo
        A declared array is shown by its spec, another parameter by its type hint.
    defaults : mapping of str to str, optional
        What to show as a parameter's default; ``...`` where it has none here, since defaults do not travel.
    """
    shown: list[str] = []
    named_only_marked = False
    for index, param in enumerate(info.params):
        if param.kind is ParamKind.VAR_POSITIONAL:
            named_only_marked = True
        elif param.kind is ParamKind.NAMED_ONLY and not named_only_marked:
            shown.append("*")
            named_only_marked = True
        shown.append(_parameter(param, (defaults or {}).get(param.name, "...")))
        if param.kind is ParamKind.POSITIONAL_ONLY and not _is_positional_only(info.params[index + 1 : index + 2]):
            shown.append("/")
    return f"{info.name}({', '.join(shown)}){_result(info)}"


def _is_positional_only(params: tuple[ParamInfo, ...]) -> bool:
    return bool(params) and params[0].kind is ParamKind.POSITIONAL_ONLY


def _parameter(param: ParamInfo, default: str) -> str:
    text = _STARS.get(param.kind, "") + param.name
    hint = param.annotation if param.tensor is None else format_spec(param.tensor)
    if hint is not None:
        text += f": {hint}"
    if param.has_default:
        text += f" = {default}" if hint is not None else f"={default}"
    return text


def _result(info: StageInfo) -> str:
    if not info.gives:
        return "" if info.returns is None else f" -> {info.returns}"
    specs = ", ".join(map(format_spec, info.gives))
    if not info.gives_tuple:
        return f" -> {specs}"
    return f" -> ({specs},)" if len(info.gives) == 1 else f" -> ({specs})"
