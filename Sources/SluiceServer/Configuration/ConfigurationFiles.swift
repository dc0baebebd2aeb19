/// Looks at the files that a configuration names, so that a missing one is told at the start with its key.
///
/// Whether a file's content is what its key wants is left to those who use it.
struct ConfigurationFiles {
    let configuration: GatewayConfiguration

    func check(_ reading: inout ConfigurationReading) {
        let tls = self.configuration.tls
        if !self.configuration.listen.plaintext {
            self.check(tls.certificate, "tls.certificate", &reading)
            self.check(tls.privateKey, "tls.private_key", isSecret: true, &reading)
            self.check(tls.clientCA, "tls.client_ca", &reading)
        }
        self.check(self.configuration.auth.jwks.file, "auth.jwks.file", &reading)
        for (index, key) in self.configuration.auth.keys.enumerated() {
            switch key.material {
            case .secretFile(let path):
                let keyPath = "auth.keys[\(index)].secret_file"
                if let content = self.check(path, keyPath, isSecret: true, &reading) {
                    self.checkLength(content, key.algorithm, keyPath, &reading)
                }
            case .publicKey(let path):
                self.check(path, "auth.keys[\(index)].public_key", &reading)
            }
        }
        if let path = self.configuration.storage.path, FileContent.isFile(path) {
            reading.fault("expected a folder, found the file \(path)", "storage.path")
        }
    }

    @discardableResult
    private func check(
        _ path: String?,
        _ keyPath: String,
        isSecret: Bool = false,
        _ reading: inout ConfigurationReading
    ) -> FileContent? {
        guard let path else {
            return nil
        }
        do throws(ConfigurationProblem) {
            let content = try FileContent(path: path, limit: 1 << 20)
            guard !content.isBlank else {
                throw ConfigurationProblem("empty file")
            }
            if isSecret, content.isReadableByEveryone {
                reading.warn("every user of this machine can read \(path)", keyPath)
            }
            return content
        } catch {
            reading.fault("\(error.message): \(path)", keyPath)
            return nil
        }
    }

    /// RFC 7518 section 3.2: a secret has at least as many bits as the hash.
    private func checkLength(
        _ content: FileContent,
        _ algorithm: GatewayConfiguration.Auth.Algorithm,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) {
        let count: Int
        switch algorithm {
        case .hs256:
            count = 32
        case .hs384:
            count = 48
        case .hs512:
            count = 64
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA:
            return
        }
        if content.secretByteCount < count {
            reading.warn("the secret is short: \(algorithm.rawValue) wants \(count) bytes or more", keyPath)
        }
    }
}
