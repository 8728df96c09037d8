"""One method as it is called typed: what its arguments are to the stage, and its result to the caller."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from pyrpc.errors import ArgumentError, PyrpcError
from pyrpc.idl.model import NOTHING, RPC_ERROR, Field, Function, Named, Special, Struct
from pyrpc.server.typed.plans import Plans
from pyrpc.server.typed.scalars import Plan, as_bool
from pyrpc.server.typed.structs import StructPlan, name_of
from pyrpc.wire import limits, status
from pyrpc.wire.binary import BOOL, STRUCT, BinaryReader, BinaryWriter
from pyrpc.wire.codec import check_consumed
from pyrpc.wire.compact import CompactReader
from pyrpc.wire.plans import RPC_ERROR_PLAN

_LACKING = NOTHING


class Fresh:
    """A default that is made anew for each call, so that no call sees what another did to it."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


class _WideBinaryReader(BinaryReader):
    """Containers as large as a whole message may have items: bulk may be a list where an IDL says so."""

    __slots__ = ()
    max_items = limits.MESSAGE_ITEMS


class _WideCompactReader(CompactReader):
    __slots__ = ()
    max_items = limits.MESSAGE_ITEMS


class TypedMethod:
    """A function of an IDL, and the stage that it is here.

    Parameters
    ----------
    stage : str
        Its name on the node.
    function : Function
    plans : Plans
        For the types that the function uses.
    parameters : sequence of inspect.Parameter, optional
        Of the stage, in the order of the function's; without them everything goes by position, and a default is what
        makes it.
    """

    def __init__(
        self,
        stage: str,
        function: Function,
        plans: Plans,
        parameters: Sequence[inspect.Parameter] | None = None,
    ) -> None:
        self.stage = stage
        self.name = function.name
        self.is_oneway = function.is_oneway
        params = Struct(f"{stage} arguments", "struct", function.params)
        self._reader = StructPlan(params, False)
        self._reader.fill([plans.plan(param.type) for param in function.params])
        self._places = _places(function.params, parameters)
        self._result: Plan | None = None if function.returns is None else plans.plan(function.returns)
        self._declared = [
            (each.id, plans.struct(each.type.name)) for each in function.throws if isinstance(each.type, Named)
        ]
        rpc = [each.id for each in function.throws if each.type == Special(RPC_ERROR)]
        self._rpc_error_id = rpc[0] if rpc else None

    def read_arguments(self, r: BinaryReader) -> tuple[list[Any], dict[str, Any]]:
        """Positional and named arguments for the stage.

        Raises
        ------
        ArgumentError
            One that has no default did not come.
        """
        r = _WideCompactReader(r.source) if r.is_compact else _WideBinaryReader(r.source)
        came = self._reader.read_fields(r)
        check_consumed(r.source)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, kind, default in self._places:
            value: Any = came.get(name, default)
            if type(value) is Fresh:
                value = value.make()
            if value is _LACKING:
                raise ArgumentError(f"{self.stage} was called without {name!r}", help=f"give {name} too")
            if kind is inspect.Parameter.VAR_POSITIONAL:
                positional += value
            elif kind is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            elif kind is inspect.Parameter.KEYWORD_ONLY:
                named[name] = value
            else:
                positional.append(value)
        return positional, named

    def write_success(self, w: BinaryWriter, value: Any) -> None:
        """Append the struct of a result."""
        w.push()
        if self._result is not None:
            if self._result.kind == BOOL:
                w.field_bool(0, as_bool(value))
            else:
                w.field(self._result.kind, 0)
                self._result.write(w, value)
        w.stop()
        w.pop()

    def write_declared(self, w: BinaryWriter, error: BaseException) -> bool:
        """Append the struct of a result that is an exception of the IDL; False: this one is none, and nothing is."""
        for fid, plan in self._declared:
            if plan.is_of(error):
                w.push()
                w.field(STRUCT, fid)
                plan.write(w, error)
                w.stop()
                w.pop()
                return True
        return False

    def write_error(self, w: BinaryWriter, error: PyrpcError) -> bool:
        """Append the struct of a result that is an RpcError; False: the function does not declare it."""
        if self._rpc_error_id is None:
            return False
        w.push()
        w.field(STRUCT, self._rpc_error_id)
        RPC_ERROR_PLAN.write(w, status.to_wire(error))
        w.stop()
        w.pop()
        return True


_Place = tuple[str, Any, Any]


def _places(params: Sequence[Field], parameters: Sequence[inspect.Parameter] | None) -> list[_Place]:
    """Name, kind and default of each argument, in the order in which the stage takes them."""
    positional = inspect.Parameter.POSITIONAL_ONLY
    if parameters is None:
        # Thrift's rule: what does not come is the default, or nothing.
        return [
            (name_of(each), positional, None if each.default is NOTHING else Fresh(each.default)) for each in params
        ]
    return [(name_of(each), p.kind, _default(each, p)) for each, p in zip(params, parameters, strict=True)]


def _default(field: Field, parameter: inspect.Parameter) -> Any:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return ()
    if parameter.kind is parameter.VAR_KEYWORD:
        return {}
    if parameter.default is not parameter.empty:
        return parameter.default
    return None if field.may_lack else _LACKING
