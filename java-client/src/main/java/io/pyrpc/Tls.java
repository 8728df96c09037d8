package io.pyrpc;

import java.nio.file.Path;

/**
 * Certificates of a client: what it shows, and whom it trusts. All files are PEM.
 *
 * @param ca certificates that are trusted; null: those that Java trusts
 * @param cert the certificate to show, for nodes that ask for one; null: none
 * @param key its private key (PKCS#8, or PKCS#1 for RSA); null if {@code cert} holds both
 * @param serverName the name that the node's certificate must have; null: the host of the endpoint
 */
public record Tls(Path ca, Path cert, Path key, String serverName) {
    /** Trust what Java trusts. */
    public static final Tls DEFAULT = new Tls(null, null, null, null);

    /** Trust the CA in a PEM file. */
    public static Tls ofCa(Path ca) {
        return new Tls(ca, null, null, null);
    }

    /** Also show a certificate, to a node that asks for one. */
    public Tls withCert(Path certFile, Path keyFile) {
        return new Tls(ca, certFile, keyFile, serverName);
    }

    /** The node's certificate is for this name. */
    public Tls withServerName(String name) {
        return new Tls(ca, cert, key, name);
    }
}
