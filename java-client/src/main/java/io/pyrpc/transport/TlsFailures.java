package io.pyrpc.transport;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.TlsException;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.Locale;
import javax.net.ssl.SSLException;

/** What a failed handshake means, as errors for users. */
final class TlsFailures {
    private static final String SHOW_ONE = "give one with Tls.withCert(cert, key)";

    private TlsFailures() {}

    static TlsException ofHandshake(IOException error, Endpoint endpoint) {
        if (error instanceof TlsStream.PlainPeerException plain) {
            return failure(
                    "this node does not speak TLS",
                    new String(plain.said(), java.nio.charset.StandardCharsets.ISO_8859_1).replaceAll("[^ -~]", "."),
                    endpoint,
                    "leave tls out, or start the node with tls= (--tls-cert and --tls-key)");
        }
        if (isAlert(error)) {
            return ofAlert(error, endpoint);
        }
        TlsException untrusted = ofCertificate(error, endpoint);
        if (untrusted != null) {
            return untrusted;
        }
        String reason = reason(error);
        if (error instanceof SSLException && reason.toLowerCase(Locale.ROOT).contains("protocol")) {
            return new TlsException(
                    "no TLS version in common",
                    Detail.mismatch("TLS 1.2 or later at both ends", reason).withEndpoint(endpoint.toString()));
        }
        return failure(
                "the TLS handshake failed",
                reason,
                endpoint,
                "does the node speak TLS? It does if it was started with tls= (--tls-cert);"
                        + " or it is just being restarted");
    }

    private static TlsException ofCertificate(IOException error, Endpoint endpoint) {
        boolean isCertificate = false;
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateExpiredException) {
                return failure(
                        "the node's certificate has expired",
                        cause.getMessage(),
                        endpoint,
                        "renew it at the node and restart the node");
            }
            if (cause instanceof CertificateNotYetValidException) {
                return failure(
                        "the node's certificate is not valid yet",
                        cause.getMessage(),
                        endpoint,
                        "compare the clocks of both machines");
            }
            isCertificate |= cause instanceof CertificateException;
        }
        String reason = reason(error);
        if (isCertificate && (reason.startsWith("No subject alternative") || reason.startsWith("No name matching"))) {
            return failure(
                    "the node's certificate is for another host",
                    reason,
                    endpoint,
                    "connect by a name that the certificate has, or say which one with Tls.withServerName(...)");
        }
        return !isCertificate
                ? null
                : failure(
                        "the node's certificate is not signed by a CA that is trusted here",
                        reason,
                        endpoint,
                        "give the CA's certificate with Tls.ofCa(...)");
    }

    /** Whether the other end said that it refuses the session. */
    static boolean isAlert(IOException error) {
        return error instanceof SSLException && reason(error).contains("fatal alert");
    }

    /** What an alert of the node means. */
    static TlsException ofAlert(IOException error, Endpoint endpoint) {
        String reason = reason(error);
        if (reason.contains("certificate_required")) {
            return failure("the node asks for a certificate of the client", reason, endpoint, SHOW_ONE);
        }
        if (reason.contains("certificate_expired")) {
            return failure("the node refused the client's certificate: it has expired", reason, endpoint, "renew it");
        }
        if (reason.contains("unknown_ca") || reason.contains("certificate") || reason.contains("decrypt_error")) {
            return failure(
                    "the node refused the client's certificate",
                    reason,
                    endpoint,
                    "it must be signed by the CA that the node trusts: the ca of its tls= (--tls-ca)");
        }
        if (reason.contains("protocol_version")) {
            return failure("no TLS version in common", reason, endpoint, "both ends must speak TLS 1.2 or later");
        }
        return failure(
                "the node refused the TLS session",
                reason,
                endpoint,
                "its log has the reason, with --verbose; if it asks for a certificate of the client, " + SHOW_ONE);
    }

    private static String reason(IOException error) {
        return error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
    }

    private static TlsException failure(String what, String got, Endpoint endpoint, String help) {
        return new TlsException(
                what, Detail.NONE.withGot(got).withEndpoint(endpoint.toString()).withHelp(help));
    }
}
