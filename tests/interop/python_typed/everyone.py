"""A handler for service Everyone of everything.thrift, that works with the classes of any code for it."""

from __future__ import annotations

import threading
from typing import Any


class Handler:
    """Answers with the classes that it is given."""

    def __init__(self, types: Any, shared: Any) -> None:
        self.types = types
        self.shared = shared
        self.noted: list[Any] = []
        self.was_noted = threading.Event()

    def hello(self, name):
        return f"hello {name}"

    def note(self, text):
        self.noted.append(text)
        self.was_noted.set()

    def ping(self):
        self.noted.append("ping")

    def negate(self, x):
        return not x

    def add_i8(self, a, b):
        return a + b

    add_i16 = add_i32 = add_i64 = add_double = add_i8

    def reversed(self, data):
        return data[::-1]

    def next_color(self, color):
        return color % 3 + 1

    def echo(self, it):
        return it

    def scaled(self, shape, by):
        return self.types.Shape(radius=shape.radius * by)

    def transposed(self, rows):
        return [list(column) for column in zip(*rows, strict=True)]

    def both(self, a, b):
        return a & b

    def lengths(self, words):
        return {word: len(word) for word in words}

    def path(self, id):
        if id == 0:
            raise self.shared.Missing(id=id, why="none")
        if id < 0:
            raise self.types.Refused(code=7)
        return [self.shared.Point(x=float(each), y=0.0) for each in range(id)]

    def check(self, code):
        if code == 1:
            raise self.types.Refused(code=code, why="one")
        if code == 2:
            raise ValueError("not declared")

    def doubled(self, x):
        return 2 * x

    def any(self, x):
        return x

    def forget(self, number):
        self.noted.append(number)
        self.was_noted.set()
