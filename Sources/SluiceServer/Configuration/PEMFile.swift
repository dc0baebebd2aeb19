internal import NIOSSL

/// The content of a PEM file (RFC 7468): certificates, or a private key.
///
/// A problem's message follows the name of the file, and says what to do.
enum PEMFile {
    /// The certificates of a file, in its order; at least one.
    static func certificates(_ bytes: [UInt8]) throws(ConfigurationProblem) -> [NIOSSLCertificate] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("CERTIFICATE-----") else {
            throw ConfigurationProblem(
                text.contains("PRIVATE KEY-----")
                    ? "holds a private key: give the certificate here"
                    : "holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----"
            )
        }
        do {
            return try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw ConfigurationProblem("holds a certificate that is damaged or cut off: copy it there again")
        }
    }

    /// The private key of a file.
    static func privateKey(_ bytes: [UInt8]) throws(ConfigurationProblem) -> NIOSSLPrivateKey {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("PRIVATE KEY-----") else {
            throw ConfigurationProblem(
                text.contains("CERTIFICATE-----")
                    ? "holds a certificate: give its private key here"
                    : "holds no private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----"
            )
        }
        // RFC 7468 section 11, and OpenSSL's older form.
        guard !text.contains("BEGIN ENCRYPTED PRIVATE KEY-----"), !text.contains("Proc-Type: 4,ENCRYPTED") else {
            throw ConfigurationProblem("is encrypted, and there is nobody to ask: decrypt it with openssl pkey")
        }
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw ConfigurationProblem("holds a private key that is damaged or cut off: copy it there again")
        }
    }

    /// Whether TLS can be spoken with a certificate and a private key: whether they belong together.
    static func isPair(_ certificate: NIOSSLCertificate, _ key: NIOSSLPrivateKey) -> Bool {
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)],
            privateKey: .privateKey(key)
        )
        return (try? NIOSSLContext(configuration: configuration)) != nil
    }
}
