"""TLS and tokens on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyrpc.transport.tls import Tls


def add_client_security(parser: argparse.ArgumentParser) -> None:
    """How to make sure of the nodes, and who asks. A token itself is no option: all users can see those."""
    group = parser.add_argument_group("TLS and tokens", "also from PYRPC_TLS_CA ..., PYRPC_TOKEN and PYRPC_TOKEN_FILE")
    group.add_argument("--tls", action="store_true", help="speak TLS, trusting what this system trusts")
    group.add_argument("--tls-ca", metavar="FILE", help="speak TLS, trusting these certificates (PEM)")
    group.add_argument("--tls-cert", metavar="FILE", help="this caller's certificate, for nodes that ask for one (PEM)")
    group.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    group.add_argument("--tls-name", metavar="HOST", help="the name that the node's certificate must have")
    group.add_argument("--token-file", metavar="FILE", help="a file that holds the token to show")


def client_security(args: argparse.Namespace) -> dict[str, Any]:
    """What Client is told of it: nothing where no option was given, so that the environment counts.

    Raises
    ------
    ConfigError
        The token's file cannot be read.
    """
    told: dict[str, Any] = {}
    if args.tls or any((args.tls_ca, args.tls_cert, args.tls_key, args.tls_name)):
        from pyrpc.transport.tls import Tls

        told["tls"] = Tls(ca=args.tls_ca, cert=args.tls_cert, key=args.tls_key, server_name=args.tls_name)
    if args.token_file:
        from pyrpc.client.security import read_token

        told["token"] = read_token(args.token_file)
    return told


def add_server_security(parser: argparse.ArgumentParser) -> None:
    """Whom a node lets in."""
    group = parser.add_argument_group("TLS and tokens", "both are needed to listen to other machines")
    group.add_argument("--tls-cert", metavar="FILE", help="speak TLS with this certificate (PEM)")
    group.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    group.add_argument("--tls-ca", metavar="FILE", help="ask callers for certificates that one of these signed (PEM)")
    group.add_argument(
        "--tokens", metavar="FILE", help="take calls with one of these tokens: lines NAME TOKEN [STAGE ...]"
    )
    group.add_argument("--insecure", action="store_true", help="let other machines in without both")


def server_tls(args: argparse.Namespace) -> Tls | None:
    """The TLS of a node; None: it speaks without."""
    if not any((args.tls_cert, args.tls_key, args.tls_ca)):
        return None
    from pyrpc.transport.tls import Tls

    return Tls(ca=args.tls_ca, cert=args.tls_cert, key=args.tls_key)
