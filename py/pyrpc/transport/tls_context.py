"""OpenSSL's side of TLS: contexts made from PEM files, and what a failed handshake means.

TLS 1.2 or later. Compression and renegotiation are off; so are session tickets, which a node would send after the
handshake: a client that closes before it has read them would reset its connection.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from pyrpc.errors import ConfigError, TlsError
from pyrpc.transport.tls import Tls

_CERT_HELP = "cert and key are PEM files: the certificate (with those in between, if any) and its private key"
_CA_HELP = "ca is a PEM file of the certificates that are trusted"
# OpenSSL's numbers, X509_V_ERR_...
_NOT_YET_VALID, _EXPIRED, _HOST_MISMATCH, _IP_MISMATCH = 9, 10, 62, 64
_UNTRUSTED = frozenset((18, 19, 20, 21))


def server_context(tls: Tls) -> ssl.SSLContext:
    """For a node.

    Raises
    ------
    ConfigError
        A file that is missing, or is not what it should be.
    """
    if tls.cert is None:
        raise ConfigError("a node needs a certificate for TLS", help=f"Tls(cert=..., key=...): {_CERT_HELP}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    _load_cert(tls, context)
    if tls.ca is not None:
        _load_ca(tls, context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """For a client; errors as for ``server_context``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if tls.ca is None:
        context.load_default_certs()
    else:
        _load_ca(tls, context)
    if tls.cert is not None:
        _load_cert(tls, context)
    elif tls.key is not None:
        raise ConfigError("a key without a certificate", help=_CERT_HELP)
    return context


def _load_cert(tls: Tls, context: ssl.SSLContext) -> None:
    assert tls.cert is not None
    cert, key = _readable("certificate", tls.cert), _readable("key", tls.key) if tls.key is not None else None
    try:
        # Without a function OpenSSL would ask on the terminal.
        context.load_cert_chain(cert, key, _no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        files = str(cert) if key is None else f"{cert} and {key}"
        raise ConfigError(
            "the certificate and its key cannot be used", got=f"{_reason(error)} ({files})", help=_CERT_HELP
        ) from None


def _load_ca(tls: Tls, context: ssl.SSLContext) -> None:
    assert tls.ca is not None
    ca = _readable("CA", tls.ca)
    try:
        context.load_verify_locations(ca)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError("the CA cannot be used", got=f"{_reason(error)} ({ca})", help=_CA_HELP) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted: decrypt it, with openssl pkey -in KEY -out PLAIN, and guard it by its mode")


def _readable(what: str, path: str | os.PathLike[str]) -> Path:
    try:
        found = Path(path).expanduser()
        with found.open("rb") as file:
            file.read(1)
    except (OSError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the {what} file cannot be read", got=str(error), help="tls= takes paths of PEM files"
        ) from None
    return found


def handshake_failure(error: OSError, endpoint: str) -> TlsError:
    """What a client's handshake failed of, as an error for its user."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, endpoint)
    reason = _reason(error)
    if "ALERT" in reason:
        return refused(error, endpoint)
    if "PROTOCOL" in reason or "VERSION" in reason:
        return TlsError(
            "no TLS version in common", expected="TLS 1.2 or later at both ends", got=reason, endpoint=endpoint
        )
    return TlsError(
        "the TLS handshake failed",
        got=reason,
        endpoint=endpoint,
        help="does the node speak TLS? It does if it was started with tls= (--tls-cert); or it is just being restarted",
    )


def _untrusted(error: ssl.SSLCertVerificationError, endpoint: str) -> TlsError:
    code = error.verify_code
    if code in (_HOST_MISMATCH, _IP_MISMATCH):
        what, todo = (
            "the node's certificate is for another host",
            "connect by a name that the certificate has, or say which one with Tls(server_name=...) (--tls-name)",
        )
    elif code == _EXPIRED:
        what, todo = "the node's certificate has expired", "renew it at the node, which reads the file again by itself"
    elif code == _NOT_YET_VALID:
        what, todo = "the node's certificate is not valid yet", "compare the clocks of both machines"
    elif code in _UNTRUSTED:
        what, todo = (
            "the node's certificate is not signed by a CA that is trusted here",
            "give the CA's certificate with tls=Tls(ca=...) (--tls-ca)",
        )
    else:
        what, todo = "the node's certificate does not hold", "look at it with openssl x509 -text -in CERT"
    return TlsError(what, got=error.verify_message or _reason(error), endpoint=endpoint, help=todo)


def is_alert(error: BaseException) -> bool:
    """Whether the other end said that it refuses the session."""
    return isinstance(error, ssl.SSLError) and "ALERT" in _reason(error)


def refused(error: OSError, endpoint: str) -> TlsError:
    """What an alert of the node means."""
    reason = _reason(error)
    has_to_show = "give one with tls=Tls(ca=..., cert=..., key=...) (--tls-cert and --tls-key)"
    if "CERTIFICATE_REQUIRED" in reason:
        what, todo = "the node asks for a certificate of the client", has_to_show
    elif "CERTIFICATE_EXPIRED" in reason:
        what, todo = "the node refused the client's certificate: it has expired", "renew it"
    elif "UNKNOWN_CA" in reason or "CERTIFICATE" in reason or "DECRYPT_ERROR" in reason:
        what, todo = (
            "the node refused the client's certificate",
            "it must be signed by the CA that the node trusts: the ca of its tls= (--tls-ca)",
        )
    elif "VERSION" in reason:
        what, todo = "no TLS version in common", "both ends must speak TLS 1.2 or later"
    else:
        what, todo = (
            "the node refused the TLS session",
            f"its log has the reason, with --verbose; if it asks for a certificate of the client, {has_to_show}",
        )
    return TlsError(what, got=reason, endpoint=endpoint, help=todo)


def _reason(error: BaseException) -> str:
    """OpenSSL's own word for what happened, without places in its sources."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and reason and reason != "(unknown error)":
        return reason
    text = str(error)
    return text[text.find("[SSL") :].split(" (_ssl")[0] if "[SSL" in text else text or type(error).__name__
