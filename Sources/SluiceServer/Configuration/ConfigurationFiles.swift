internal import NIOSSL
internal import SluiceAdmission
internal import SluiceSystem

/// Checks the files that a configuration names, so that a missing file, or a file with content that its key does not
/// expect, is reported at the start, with its key and with every other fault.
struct ConfigurationFiles {
    let configuration: GatewayConfiguration
    /// The time of day, in seconds since 1970.
    let now: Int

    func check(_ reading: inout ConfigurationReading) {
        if !self.configuration.listen.plaintext {
            self.checkCertificates(&reading)
        }
        self.checkSocket(&reading)
        self.checkAuthority(&reading)
        for (index, route) in self.configuration.proxy.routes.enumerated() {
            self.read(route.ca, "proxy.routes[\(index)].ca", &reading) { content throws(ConfigurationProblem) in
                try PEMFile.certificates(content.bytes)
            }
        }
        self.checkKeySet(&reading)
        let auth = self.configuration.auth
        for (path, keyPath) in [(auth.forward.ca, "auth.forward.ca"), (auth.oidc.ca, "auth.oidc.ca")] {
            self.read(path, keyPath, &reading) { content throws(ConfigurationProblem) in
                try PEMFile.certificates(content.bytes)
            }
        }
        for key in reading.tokenKeys {
            self.check(key, &reading)
        }
        for (index, hook) in self.configuration.hooks.enumerated() {
            let keyPath = "hooks[\(index)].secret_file"
            self.read(hook.secretFile, keyPath, isSecret: true, &reading) { content throws(ConfigurationProblem) in
                try HookSecret(content.bytes)
            }
        }
        self.checkStorage(&reading)
    }

    private func checkStorage(_ reading: inout ConfigurationReading) {
        let storage = self.configuration.storage
        guard let path = storage.path else {
            return
        }
        let isFolder = FileContent.isFolder(path)
        if isFolder == false {
            reading.fault("expected a folder, found the file \(path)", "storage.path")
        } else if isFolder == nil, storage.durability != .none {
            // Where a disk should be mounted, or a letter is wrong, an empty store would go unnoticed.
            reading.warn("there is no folder \(path): the start creates it, empty", "storage.path")
        }
    }

    private func checkAuthority(_ reading: inout ConfigurationReading) {
        let acme = self.configuration.tls.acme
        guard acme.isOn, !self.configuration.listen.plaintext else {
            return
        }
        self.read(acme.ca, "tls.acme.ca", &reading) { content throws(ConfigurationProblem) in
            try PEMFile.certificates(content.bytes)
        }
        switch FileContent.isFolder(acme.folder) {
        case false?:
            reading.fault("expected a folder, found the file \(acme.folder)", "tls.acme.folder")
        case true? where !FileContent.isWritable(acme.folder):
            reading.warn("this user may not write to \(acme.folder)", "tls.acme.folder")
        case nil where !FileContent.canMake(acme.folder):
            reading.warn("this user may not make the folder \(acme.folder)", "tls.acme.folder")
        case true?, nil:
            break
        }
    }

    private func checkSocket(_ reading: inout ConfigurationReading) {
        guard let path = self.configuration.listen.unix else {
            return
        }
        if let status = FileStatus(path: path), status.kind != .socket {
            reading.fault("expected a socket or nothing, found the file \(path)", "listen.unix")
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        if !folder.isEmpty, FileContent.isFolder(folder) != true {
            reading.fault("there is no folder \(folder)", "listen.unix")
        }
    }

    private func checkCertificates(_ reading: inout ConfigurationReading) {
        let tls = self.configuration.tls
        self.checkCertificate(tls.certificate, tls.privateKey, "tls", &reading)
        for (index, files) in tls.certificates.enumerated() {
            self.checkCertificate(files.certificate, files.privateKey, "tls.certificates[\(index)]", &reading)
        }
        self.read(tls.clientCA, "tls.client_ca", &reading) { content throws(ConfigurationProblem) in
            try PEMFile.certificates(content.bytes)
        }
    }

    private func checkCertificate(
        _ certificate: String?,
        _ privateKey: String?,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) {
        let path = "\(keyPath).certificate"
        let chain = self.read(certificate, path, &reading) { content throws(ConfigurationProblem) in
            try PEMFile.certificates(content.bytes)
        }
        let key = self.read(privateKey, "\(keyPath).private_key", isSecret: true, &reading) {
            content throws(ConfigurationProblem) in
            try PEMFile.privateKey(content.bytes)
        }
        if let chain, let certificate {
            self.checkDates(chain, certificate, path, &reading)
        }
        if let chain, let key, let certificate, let privateKey, !PEMFile.isPair(chain[0], key) {
            if chain.dropFirst().contains(where: { PEMFile.isPair($0, key) }) {
                let message = "\(certificate) begins with another certificate: put the server's own first"
                reading.fault(message, path)
            } else {
                let message = "\(privateKey) does not belong to \(certificate): give the key of that certificate"
                reading.fault(message, "\(keyPath).private_key")
            }
        }
    }

    /// Clients refuse a chain as soon as one of its certificates is over.
    private func checkDates(
        _ chain: [NIOSSLCertificate],
        _ path: String,
        _ keyPath: String,
        _ reading: inout ConfigurationReading
    ) {
        for (index, certificate) in chain.enumerated() {
            let begin = Int(certificate.notValidBefore)
            let end = Int(certificate.notValidAfter)
            let name = index == 0 ? path : "certificate \(index + 1) of \(path)"
            if end <= self.now {
                reading.warn("\(name) ended on \(Self.date(end)): clients refuse it", keyPath)
            } else if end < self.now + Self.soon {
                let days = MachineFacts.days(end - self.now)
                let message = "\(name) ends in \(days), on \(Self.date(end)): it should have been renewed by now"
                reading.warn(message, keyPath)
            }
            if begin > self.now {
                let message = "\(name) does not begin before \(Self.date(begin)): clients refuse it until then"
                reading.warn(message, keyPath)
            }
        }
    }

    /// A certificate should have been renewed this long before its end, in seconds.
    private static let soon = 21 * 86_400

    private static func date(_ seconds: Int) -> Substring {
        LogTime(milliseconds: seconds * 1000).description.prefix(10)
    }

    private func checkKeySet(_ reading: inout ConfigurationReading) {
        let file = self.configuration.auth.jwks.file
        let set = self.read(file, "auth.jwks.file", &reading) { content throws(ConfigurationProblem) in
            do throws(KeyError) {
                return try JSONWebKeySet(content.bytes)
            } catch {
                throw ConfigurationProblem(error.message)
            }
        }
        guard let file, let set else {
            return
        }
        if set.keys.isEmpty {
            reading.warn("no key in \(file) can be used", "auth.jwks.file")
        }
        for entry in set.passedOver {
            reading.warn("\(file): \(entry), and is passed over", "auth.jwks.file")
        }
        if set.passedOverCount > set.passedOver.count {
            let count = set.passedOverCount - set.passedOver.count
            reading.warn("\(file): \(count) more entries are passed over", "auth.jwks.file")
        }
    }

    /// One key that signs tokens.
    private func check(_ key: ConfigurationReading.TokenKey, _ reading: inout ConfigurationReading) {
        switch key.material {
        case .secretFile(let path):
            let keyPath = "\(key.keyPath).secret_file"
            let content = self.read(path, keyPath, isSecret: true, &reading) { content throws(ConfigurationProblem) in
                try Self.check(key, content)
                return content
            }
            if let content {
                self.checkLength(content, key.algorithm, keyPath, &reading)
            }
        case .publicKey(let path):
            self.read(path, "\(key.keyPath).public_key", &reading) { content throws(ConfigurationProblem) in
                try Self.check(key, content)
            }
        }
    }

    /// Makes the key as the gateway does.
    private static func check(
        _ key: ConfigurationReading.TokenKey,
        _ content: FileContent
    ) throws(ConfigurationProblem) {
        do throws(KeyError) {
            _ = try KeyLoader.key(id: "", key.algorithm, key.material, content.bytes)
        } catch {
            throw ConfigurationProblem(error.message)
        }
    }

    /// Reads a file and makes something of it; nil if there is none, or if it cannot be used, which is then a fault.
    ///
    /// A problem of `make` is about the content, and its message follows the file's name.
    @discardableResult
    private func read<Made>(
        _ path: String?,
        _ keyPath: String,
        isSecret: Bool = false,
        _ reading: inout ConfigurationReading,
        make: (FileContent) throws(ConfigurationProblem) -> Made
    ) -> Made? {
        guard let path else {
            return nil
        }
        let content: FileContent
        do throws(ConfigurationProblem) {
            content = try FileContent(path: path, limit: FileContent.maximumKeyBytes)
            guard !content.isBlank else {
                throw ConfigurationProblem("empty file")
            }
        } catch {
            reading.fault("\(error.message): \(path)", keyPath)
            return nil
        }
        if isSecret, content.isReadableByEveryone {
            reading.warn("every user of this machine can read \(path)", keyPath)
        }
        do throws(ConfigurationProblem) {
            return try make(content)
        } catch {
            reading.fault("\(path) \(error.message)", keyPath)
            return nil
        }
    }

    /// RFC 7518 section 3.2: a secret has at least as many bits as the hash.
    private func checkLength(
        _ content: FileContent,
        _ algorithm: TokenAlgorithm,
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
