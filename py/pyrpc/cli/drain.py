"""``pyrpc drain``: let nodes finish what they run, and end."""

from __future__ import annotations

import argparse

from pyrpc.cli.parser import add_json, add_timeout, seconds
from pyrpc.cli.security import add_client_security, client_security

NAME = "drain"
HELP = "let nodes finish what they run, and end"

_AT_ONCE = 32
_ANSWER_S = 5.0
# Of a node that was started without --grace, and a margin.
_WAIT_S = 35.0
_EPILOG = """\
The same as SIGTERM, from afar: a node refuses new calls from then on, which clients of pyrpc make elsewhere, finishes
what runs, and its process ends with exit code 0; with --workers, all of them. Where tokens are asked for, this one
must give the right to all stages.

Exit code 0 if all of them said that they will (with --wait: have), 3 if one did not.

examples:
  pyrpc drain h1:9090                 it goes away in its time
  pyrpc drain h1:9090 --wait && ssh h1 systemctl restart pyrpc
  pyrpc drain h1:9090 --grace 2       what runs gets two seconds"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``pyrpc drain``."""
    parser.epilog = _EPILOG
    # No "-": the node on this machine should not go away by a slip of the finger.
    parser.add_argument("endpoints", metavar="ENDPOINTS", help="host:port, several with commas between")
    parser.add_argument("--wait", action="store_true", help="come back when they have finished")
    parser.add_argument(
        "--grace", type=seconds, metavar="S", help="seconds for running calls (default: the node's own)"
    )
    add_client_security(parser)
    add_json(parser)
    add_timeout(parser, "5; with --wait 35")


def run(args: argparse.Namespace) -> int:
    """Ask each node, at the same time."""
    import concurrent.futures
    import json

    from pyrpc.cli.nodes import failure_fields, report_silent
    from pyrpc.client.draining import drain
    from pyrpc.client.resolve import resolve
    from pyrpc.errors import PyrpcError
    from pyrpc.wire.messages import NodeInfo

    security = client_security(args)
    wait_s = (args.timeout or _WAIT_S) if args.wait else None

    def ask(endpoint: str) -> NodeInfo | PyrpcError:
        try:
            return drain(endpoint, grace_s=args.grace, wait_s=wait_s, timeout_s=args.timeout or _ANSWER_S, **security)
        except PyrpcError as error:
            return error

    endpoints = [str(endpoint) for endpoint in resolve(args.endpoints)]
    with concurrent.futures.ThreadPoolExecutor(min(len(endpoints), _AT_ONCE)) as pool:
        answers = dict(zip(endpoints, pool.map(ask, endpoints), strict=True))
    done = "finished" if args.wait else "draining"
    if args.json:
        shown = {
            node: failure_fields(answer) if isinstance(answer, PyrpcError) else {"state": done, "pid": answer.pid}
            for node, answer in answers.items()
        }
        print(json.dumps(shown, indent=2))
    else:
        for node, answer in answers.items():
            if not isinstance(answer, PyrpcError):
                print(f"{node} {done}")
    return report_silent(answers, is_verbose=args.verbose)
