"""Build and test the Java client outside the tree, and put Maven's reports together into one. `tox -e java` calls this.

    python scripts/java.py --target FOLDER --report junit.xml [more for Maven]

Exit code: Maven's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def merged(reports: list[Path]) -> ElementTree.Element:
    """One report of many; a file that broke off while it was written counts as an error."""
    root = ElementTree.Element("testsuites")
    for path in reports:
        try:
            root.append(ElementTree.parse(path).getroot())
        except ElementTree.ParseError as error:
            suite = ElementTree.SubElement(root, "testsuite", name=path.stem, tests="1", errors="1")
            case = ElementTree.SubElement(suite, "testcase", classname=path.stem, name="report")
            ElementTree.SubElement(case, "error", message=f"the report broke off: {error}")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run Maven; tells its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, required=True, help="where classes and reports go")
    parser.add_argument("--report", type=Path, required=True, help="the one JUnit report to write")
    options, more = parser.parse_known_args(arguments)
    folder = options.target / "surefire-reports"
    for old in folder.glob("TEST-*.xml"):
        old.unlink()
    command = ["mvn", "-q", "-B", "verify", f"-Dtarget.directory={options.target}", *more]
    code = subprocess.run(command, cwd=TOP / "java-client", check=False).returncode
    reports = sorted(folder.glob("TEST-*.xml"))
    if reports:
        ElementTree.ElementTree(merged(reports)).write(options.report, encoding="utf-8", xml_declaration=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
