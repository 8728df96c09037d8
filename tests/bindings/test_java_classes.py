"""Nested classes go from generated Java, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyrpc.bindings.java_classes import NoSuchClassError, without_classes

TOP = Path(__file__).resolve().parents[2]
SOURCE = """\
public class Node {
  public interface Iface {
    void ping();
  }

  public static class Processor<I extends Iface> extends Other<I> {
    public static class ping {
      int i;
    }

  }

  public static class Processors {
  }

}
"""


def test_only_the_named_class_goes_with_all_that_is_in_it() -> None:
    left = without_classes(SOURCE, ("Processor",))
    start, end = SOURCE.index("  public static class Processor<"), SOURCE.index("  public static class Processors")
    assert left == SOURCE[:start] + SOURCE[end:]


def test_interfaces_go_too() -> None:
    left = without_classes(SOURCE, ("Iface",))
    assert left == SOURCE.replace("  public interface Iface {\n    void ping();\n  }\n\n", "")


def test_class_that_is_not_there_is_an_error() -> None:
    with pytest.raises(NoSuchClassError, match="AsyncProcessor"):
        without_classes(SOURCE, ("Processor", "AsyncProcessor"))


def test_class_that_does_not_end_is_an_error() -> None:
    with pytest.raises(NoSuchClassError, match="does not end"):
        without_classes(SOURCE[: SOURCE.index("  }\n\n  public static class Processors")], ("Processor",))


def test_what_is_committed_has_a_client_and_no_server() -> None:
    node = (TOP / "java-client/src/main/java/io/pyrpc/gen/Node.java").read_text()
    assert "public static class Client " in node
    assert "class Processor" not in node
    assert "class AsyncProcessor" not in node
