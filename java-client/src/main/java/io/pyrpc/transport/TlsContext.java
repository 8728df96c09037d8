package io.pyrpc.transport;

import io.pyrpc.Tls;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** What sessions are made of: the certificates of PEM files. Immutable. */
final class TlsContext {
    private static final String CERT_HELP =
            "cert and key are PEM files: the certificate (with those in between, if any) and its private key";
    private static final String CA_HELP = "ca is a PEM file of the certificates that are trusted";
    private static final Pattern KEY =
            Pattern.compile("-----BEGIN ([A-Z ]*PRIVATE KEY)-----([A-Za-z0-9+/=\\s]+)-----END \\1-----");
    // What stands before an RSA key of PKCS#1 in PKCS#8: version 0, rsaEncryption.
    private static final byte[] RSA_PREFIX = {
        2, 1, 0, 0x30, 0x0d, 6, 9, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 1, 1, 1, 5, 0
    };
    private static final char[] NO_PASSWORD = {};

    private final SSLContext context;
    private final String serverName;

    private TlsContext(SSLContext context, String serverName) {
        this.context = context;
        this.serverName = serverName;
    }

    /**
     * Read the files.
     *
     * @throws ConfigException one is missing, or is not what it should be
     */
    static TlsContext of(Tls tls) {
        if (tls.key() != null && tls.cert() == null) {
            throw new ConfigException("a key without a certificate", Detail.NONE.withHelp(CERT_HELP));
        }
        TrustManager[] trusted = tls.ca() == null ? null : trustManagers(tls.ca());
        KeyManager[] keys = tls.cert() == null ? null : keyManagers(tls.cert(), tls.key());
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys, trusted, null);
            return new TlsContext(context, tls.serverName());
        } catch (GeneralSecurityException error) {
            throw unusable("TLS cannot be set up", "ca, cert and key", error, CERT_HELP);
        }
    }

    /** A client's end of a session with a host. */
    SSLEngine engine(Endpoint endpoint) {
        String name = serverName != null ? serverName : endpoint.host();
        SSLEngine engine = context.createSSLEngine(name, endpoint.port());
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
        // What checks that the certificate is for this host: by subjectAltName, DNS names and addresses.
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        if (!name.contains(":") && !name.matches("[0-9.]+")) {
            parameters.setServerNames(serverNames(name));
        }
        engine.setSSLParameters(parameters);
        return engine;
    }

    /** None for a name that the field cannot hold, such as one with an underscore: the node then has to do without. */
    private static List<SNIServerName> serverNames(String name) {
        try {
            return List.of(new SNIHostName(name));
        } catch (IllegalArgumentException unusual) {
            return List.of();
        }
    }

    private static TrustManager[] trustManagers(Path ca) {
        try {
            KeyStore store = emptyStore();
            int number = 0;
            for (Certificate certificate : certificates(ca, read("CA", ca))) {
                store.setCertificateEntry("ca" + number++, certificate);
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            return factory.getTrustManagers();
        } catch (GeneralSecurityException | IOException error) {
            throw unusable("the CA cannot be used", ca.toString(), error, CA_HELP);
        }
    }

    private static KeyManager[] keyManagers(Path cert, Path key) {
        try {
            Collection<? extends Certificate> chain = certificates(cert, read("certificate", cert));
            PrivateKey secret = privateKey(read("key", key == null ? cert : key));
            KeyStore store = emptyStore();
            store.setKeyEntry("cert", secret, NO_PASSWORD, chain.toArray(Certificate[]::new));
            KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(store, NO_PASSWORD);
            return factory.getKeyManagers();
        } catch (GeneralSecurityException | IOException error) {
            String files = key == null ? cert.toString() : cert + " and " + key;
            throw unusable("the certificate and its key cannot be used", files, error, CERT_HELP);
        }
    }

    private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, NO_PASSWORD);
        return store;
    }

    private static Collection<? extends Certificate> certificates(Path path, String pem)
            throws GeneralSecurityException {
        // The factory stumbles over a key that stands in the same file.
        String only = KEY.matcher(pem).replaceAll("");
        Collection<? extends Certificate> found = CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(only.getBytes(StandardCharsets.US_ASCII)));
        if (found.isEmpty()) {
            throw new GeneralSecurityException("no certificate in " + path.getFileName());
        }
        return found;
    }

    private static PrivateKey privateKey(String pem) throws GeneralSecurityException {
        Matcher found = KEY.matcher(pem);
        if (!found.find()) {
            String why = pem.contains("ENCRYPTED")
                    ? "the key is encrypted: decrypt it, with openssl pkey -in KEY -out PLAIN, and guard it by its mode"
                    : "no private key";
            throw new GeneralSecurityException(why);
        }
        byte[] der = Base64.getMimeDecoder().decode(found.group(2));
        switch (found.group(1)) {
            case "PRIVATE KEY":
                break;
            case "RSA PRIVATE KEY":
                der = der(0x30, joined(RSA_PREFIX, der(0x04, der)));
                break;
            default:
                throw new GeneralSecurityException(
                        "a key in the form " + found.group(1)
                                + ": turn it into PKCS#8, with openssl pkey -in KEY -out NEW");
        }
        for (String algorithm : new String[] {"RSA", "EC", "Ed25519", "Ed448"}) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (InvalidKeySpecException ignored) {
                // It is one of the others.
            }
        }
        throw new GeneralSecurityException("a private key of an unknown kind");
    }

    private static byte[] der(int tag, byte[] content) {
        List<Byte> head = new ArrayList<>(List.of((byte) tag));
        if (content.length < 0x80) {
            head.add((byte) content.length);
        } else {
            int bytes = content.length < 0x100 ? 1 : content.length < 0x10000 ? 2 : 3;
            head.add((byte) (0x80 | bytes));
            for (int i = bytes - 1; i >= 0; i--) {
                head.add((byte) (content.length >>> 8 * i));
            }
        }
        byte[] first = new byte[head.size()];
        for (int i = 0; i < first.length; i++) {
            first[i] = head.get(i);
        }
        return joined(first, content);
    }

    private static byte[] joined(byte[] a, byte[] b) {
        byte[] both = new byte[a.length + b.length];
        System.arraycopy(a, 0, both, 0, a.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private static String read(String what, Path path) {
        try {
            return Files.readString(path, StandardCharsets.ISO_8859_1);
        } catch (IOException error) {
            throw new ConfigException(
                    "the " + what + " file cannot be read",
                    Detail.NONE.withGot(error.toString()).withHelp("Tls takes paths of PEM files"));
        }
    }

    private static ConfigException unusable(String what, String files, Exception error, String help) {
        return new ConfigException(
                what, Detail.NONE.withGot(error.getMessage() + " (" + files + ")").withHelp(help));
    }
}
