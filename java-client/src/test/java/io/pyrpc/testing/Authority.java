package io.pyrpc.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;

/**
 * A CA that lives as long as a test: certificates as PEM files.
 *
 * <p>Written out, since the JDK makes certificates by its command keytool alone, which takes seconds for each.
 */
public final class Authority {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final byte[] ECDSA_SHA256 =
            der(0x30, new byte[] {6, 8, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 4, 3, 2});
    private static final byte[] SUBJECT_ALT_NAME = {6, 3, 0x55, 0x1d, 0x11};
    private static final byte[] BASIC_CONSTRAINTS = {6, 3, 0x55, 0x1d, 0x13};
    private static final byte[] COMMON_NAME = {6, 3, 0x55, 4, 3};

    private final Path folder;
    private final String name;
    private final KeyPair keys = newKeys();
    private long serial = 1;

    /** A certificate and its key, both PEM. */
    public record Pair(Path cert, Path key) {}

    private Authority(Path folder, String name) {
        this.folder = folder;
        this.name = name;
    }

    /** A new CA; its files go to the folder. */
    public static Authority make(Path folder, String name) {
        Authority authority = new Authority(folder, name);
        byte[] isCa = der(0x30, BASIC_CONSTRAINTS, new byte[] {1, 1, -1}, der(4, der(0x30, new byte[] {1, 1, -1})));
        byte[] cert = authority.certificate(name, authority.keys, isCa, Duration.ofDays(-30), Duration.ofDays(60));
        authority.write(name + ".pem", "CERTIFICATE", cert);
        return authority;
    }

    /** Its own certificate. */
    public Path ca() {
        return folder.resolve(name + ".pem");
    }

    /** A certificate signed by it that holds now, for hosts: DNS names or addresses. */
    public Pair issue(String alias, String... hosts) {
        return issue(alias, Duration.ofHours(-1), hosts);
    }

    /** One that holds for a day, from so long after now (or before: negative). */
    public Pair issue(String alias, Duration from, String... hosts) {
        KeyPair own = newKeys();
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        for (String host : hosts) {
            boolean isAddress = host.matches("[0-9.]+|.*:.*");
            byte[] name = host.getBytes(StandardCharsets.US_ASCII);
            names.writeBytes(isAddress ? der(0x87, address(host)) : der(0x82, name));
        }
        byte[] altNames = der(0x30, SUBJECT_ALT_NAME, der(4, der(0x30, names.toByteArray())));
        byte[] cert = certificate(alias, own, altNames, from, Duration.ofDays(1));
        return new Pair(
                write(alias + ".pem", "CERTIFICATE", cert),
                write(alias + ".key", "PRIVATE KEY", own.getPrivate().getEncoded()));
    }

    private static KeyPair newKeys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(256);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    private byte[] certificate(String subject, KeyPair own, byte[] extension, Duration from, Duration length) {
        Instant start = Instant.now().plus(from);
        byte[] signed = der(
                0x30,
                der(0xa0, new byte[] {2, 1, 2}),
                der(2, BigInteger.valueOf(serial++).toByteArray()),
                ECDSA_SHA256,
                named(name),
                der(0x30, time(start), time(start.plus(length))),
                named(subject),
                own.getPublic().getEncoded(),
                der(0xa3, der(0x30, extension)));
        try {
            Signature signature = Signature.getInstance("SHA256withECDSA");
            signature.initSign(keys.getPrivate());
            signature.update(signed);
            return der(0x30, signed, ECDSA_SHA256, der(3, new byte[] {0}, signature.sign()));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    private static byte[] named(String text) {
        byte[] utf8 = der(0x0c, text.getBytes(StandardCharsets.UTF_8));
        return der(0x30, der(0x31, der(0x30, COMMON_NAME, utf8)));
    }

    private static byte[] time(Instant moment) {
        return der(0x17, TIME.format(moment).getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] address(String text) {
        try {
            return InetAddress.getByName(text).getAddress();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Tag, length and content, as X.509 wants it. */
    private static byte[] der(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        int size = content.size();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.write(tag);
        if (size >= 0x80) {
            whole.write(size < 0x100 ? 0x81 : 0x82);
        }
        if (size >= 0x100) {
            whole.write(size >>> 8);
        }
        whole.write(size);
        whole.writeBytes(content.toByteArray());
        return whole.toByteArray();
    }

    private Path write(String file, String kind, byte[] content) {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
        try {
            return Files.writeString(
                    folder.resolve(file), "-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
