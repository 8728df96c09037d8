"""How a command ends that went wrong: one line, a line that helps, and an exit code that tells whose fault it was."""

from __future__ import annotations

import re
import sys
import traceback

from pyrpc.errors import CallerError, CancelledError, DeadlineExceeded, ExpiredError, PyrpcError, StageError

OK, STAGE_FAULT, CALLER_FAULT, NODE_FAULT, TIME_OVER, OWN_FAULT, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130
BROKEN_PIPE = 141

EXIT_CODES = """\
exit codes:
  0    all went well
  1    the stage's fault: it raised, or gave something that it must not
  2    your fault: usage, a file, an unknown name, arguments that do not fit
  3    the fault of a node or the network: unreachable, lost, overloaded
  4    the time was over (--timeout)
  130  interrupted"""

# The library speaks to programmers; here the same things have other names.
_WORDS = (
    (r"insecure=True \(--insecure\)", "--insecure"),
    (r'tls=pyrpc\.Tls\(cert="node\.pem", key="node\.key"\)', "--tls-cert node.pem --tls-key node.key"),
    (r'tokens="tokens\.txt"', "--tokens tokens.txt"),
    (r"pass token= to Client, or set", "pass --token-file FILE, or set"),
    (r"tls=pyrpc\.Tls\(ca=\.\.\.\)(, the CA of the node's certificate) \(.*\)", r"--tls-ca FILE\1"),
    (r"tls=Tls\(ca=\.\.\.\) \(--tls-ca\)", "--tls-ca FILE"),
    (r"Tls\(server_name=\.\.\.\) \(--tls-name\)", "--tls-name HOST"),
    (r"tls=Tls\(ca=\.\.\., cert=\.\.\., key=\.\.\.\) \((--tls-cert) and (--tls-key)\)", r"\1 FILE and \2 FILE"),
    (r"\btracebacks=True", "--tracebacks"),
    (r"\btimeout_s\b", "--timeout"),
    (r"\bport=0", "--port 0"),
    (r"\bport=", "--port"),
    (r"\bmax_frame_bytes\b(?! in )", "--max-frame-bytes"),
    (r"\bchunk_(rows|bytes)\b", r"--chunk-\1"),
    (r"mark what is not to be split: pyrpc\.broadcast\(x\)", "what is not to be split goes by name: -k NAME=@file.npy"),
    (r"pass an instance: (\w+)\(\.\.\.\)", r"make one in the module, x = \1(...), and serve module:x"),
)


def exit_code(error: BaseException) -> int:
    """Whose fault it was."""
    if isinstance(error, StageError):
        return STAGE_FAULT
    if isinstance(error, CallerError):
        return CALLER_FAULT
    if isinstance(error, DeadlineExceeded | ExpiredError):
        return TIME_OVER
    if isinstance(error, CancelledError | KeyboardInterrupt):
        return INTERRUPTED
    return NODE_FAULT if isinstance(error, PyrpcError) else OWN_FAULT


def report(error: PyrpcError, *, is_verbose: bool) -> None:
    """Say on stderr what went wrong: one line, what helps, and the node's traceback where it is wanted."""
    trace = error.remote_traceback
    if trace and is_verbose:
        for line in trace.rstrip().splitlines():
            write(harmless(line))
    write(f"pyrpc: error: {printable(error.summary())}")
    help = error.help
    if help is None and isinstance(error, DeadlineExceeded | ExpiredError):
        help = "give more time with --timeout"
    elif help is None and trace and not is_verbose:
        help = "--verbose shows the traceback"
    if help:
        write(f"help: {printable(in_words_of_the_command(help))}")


def report_own_fault(error: Exception, *, is_verbose: bool) -> None:
    """Say on stderr that pyrpc itself is broken."""
    if is_verbose:
        write("".join(traceback.format_exception(error)).rstrip())
    write(f"pyrpc: error: a fault of pyrpc itself: {printable(repr(error))}")
    write("help: please report it, with what --verbose shows")


def in_words_of_the_command(text: str) -> str:
    """The help of the library with the names of options in place of those of parameters."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return text


def printable(text: str) -> str:
    """Text in one line that does nothing to a terminal."""
    return harmless(" ".join(text.split()))


def harmless(line: str) -> str:
    """A line that may come from a node, without what a terminal would obey."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def write(line: str) -> None:
    """A line on stderr."""
    print(line, file=sys.stderr, flush=True)
