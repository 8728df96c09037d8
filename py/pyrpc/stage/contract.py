"""A stage's contract, compiled from its StageInfo: what fits a call, on the node and at the caller alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyrpc.errors import ArgumentError, BadResultError
from pyrpc.stage.arguments import UNBOUNDED, ArgumentNames, checked_params
from pyrpc.stage.check import array_check, format_array
from pyrpc.stage.describe import describe
from pyrpc.stage.hints import ScalarHint
from pyrpc.stage.spec import format_spec
from pyrpc.wire.messages import StageInfo


class Contract:
    """What a stage takes and gives.

    Parameters
    ----------
    info : StageInfo
        Names, kinds and specs.
    hints : mapping of str to ScalarHint, optional
        Type hints to check, by parameter.
    none_fits : frozenset of str, optional
        Declared arrays that may be None; without it, those with a default: a caller does not know the default.
    text : str, optional
        The readable signature for messages.
    """

    __slots__ = ("_checked", "_gives", "_most", "_names", "_required", "info", "text")

    def __init__(
        self,
        info: StageInfo,
        *,
        hints: Mapping[str, ScalarHint] | None = None,
        none_fits: frozenset[str] | None = None,
        text: str | None = None,
    ) -> None:
        self.info = info
        self.text = describe(info) if text is None else text
        self._names = ArgumentNames(info.params)
        # A call without names whose count is within these needs no closer look.
        self._required = UNBOUNDED if self._names.required_named else self._names.required_count
        self._most = self._names.most_positional
        if none_fits is None:
            none_fits = frozenset(param.name for param in info.params if param.has_default)
        self._checked = tuple(checked_params(info.params, hints or {}, none_fits))
        # A node that declares no array at all declares nothing.
        self._gives = tuple(map(array_check, info.gives)) if info.gives else None

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, int]:
        """Check a call before it is made.

        Parameters
        ----------
        args, kwargs
            The arguments as they will be passed; arrays need only ``dtype`` and ``shape``.

        Returns
        -------
        dict of str to int
            Sizes of the named dims that the arrays bound, for :meth:`check_result`.

        Raises
        ------
        ArgumentError
            Wrong count, names or plain types; ``expected`` is the readable signature.
        ContractError
            An array that does not fit.
        """
        if (kwargs or not self._required <= len(args) <= self._most) and not self._names.fit(len(args), kwargs):
            problems, help = self._names.problems(len(args), kwargs)
            raise ArgumentError(
                f"{self.info.name} was called with the wrong arguments", expected=self.text, got=problems, help=help
            )
        bindings: dict[str, int] = {}
        for param in self._checked:
            param.check(args, kwargs, bindings, self.info.name)
        return bindings

    def check_result(self, value: Any, bindings: dict[str, int]) -> None:
        """Check what the stage gave; raises BadResultError.

        A tuple that was declared may be a list too, since a tuple arrives as one.
        """
        if self._gives is None:
            return
        where = self.info.name
        if not self.info.gives_tuple:
            self._gives[0].check("the result", value, bindings, where, True)
            return
        if not isinstance(value, (tuple, list)) or len(value) != len(self._gives):
            raise self._wrong_tuple(value)
        for index, (check, part) in enumerate(zip(self._gives, value, strict=True)):
            check.check(f"result {index}", part, bindings, where, True)

    def _wrong_tuple(self, value: Any) -> BadResultError:
        expected = ", ".join(format_spec(spec) for spec in self.info.gives or ())
        got = f"{len(value)} values" if isinstance(value, (tuple, list)) else format_array(value)
        return BadResultError(
            f"{self.info.name}: the result is not the declared tuple",
            expected=f"a tuple ({expected})",
            got=got,
            help="return as many arrays as gives declares, or change gives",
        )
