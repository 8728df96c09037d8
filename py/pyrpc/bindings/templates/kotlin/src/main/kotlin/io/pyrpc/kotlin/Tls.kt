// TLS of a connection.
package io.pyrpc.kotlin

import java.nio.file.Path
import java.security.KeyStore
import java.security.cert.CertificateFactory
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import kotlin.io.path.inputStream

/**
 * TLS that takes nodes whose certificate is of one of the authorities in a PEM file, and of no other.
 *
 * @throws java.io.IOException the file cannot be read
 * @throws java.security.GeneralSecurityException it has no certificates
 */
fun tlsTrusting(authorities: Path): SSLContext {
    val store = KeyStore.getInstance(KeyStore.getDefaultType()).apply { load(null, null) }
    authorities.inputStream().use { file ->
        CertificateFactory.getInstance("X.509").generateCertificates(file).forEachIndexed { index, each ->
            store.setCertificateEntry("authority $index", each)
        }
    }
    val trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(store) }
    return SSLContext.getInstance("TLS").apply { init(null, trust.trustManagers, null) }
}
