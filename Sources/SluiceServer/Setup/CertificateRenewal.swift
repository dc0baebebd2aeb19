internal import Foundation
package import SluiceBase
internal import SluiceSystem

/// A new certificate for the gateway, by the authority that its configuration was made with.
package struct CertificateRenewal: Sendable {
    /// The folder of the configuration.
    private let folder: SetupFolder
    private let authorityKey: String

    /// - Parameters:
    ///   - folder: Where `certs/` is.
    ///   - authorityKey: Where the authority's key is kept; nil for where it was made.
    package init(folder: String, authorityKey: String?) {
        self.folder = SetupFolder(folder)
        self.authorityKey = authorityKey ?? self.folder.place(of: "secrets/ca.key")
    }

    /// Issues it for the key that the gateway has, and puts it in the old one's place at once.
    ///
    /// - Parameters:
    ///   - names: The names that it is for; none for those of the old one.
    ///   - now: When it begins to hold.
    ///   - days: How long it holds.
    /// - Returns: The names that it is for, and its place.
    /// - Throws: ``SetupFailure``; then the old one stays.
    package func renew(
        for names: [CertificateName],
        now: WallTime,
        days: Int
    ) throws(SetupFailure) -> (names: [CertificateName], path: String) {
        let path = self.folder.place(of: "certs/gateway.crt")
        let old = try Self.read(path)
        let wanted = names.isEmpty ? CertificateAuthority.names(in: old) : names + CertificateName.loopback
        var seen: Set<CertificateName> = []
        let unique = wanted.filter { seen.insert($0).inserted }
        let authorityPEM = try Self.read(self.folder.place(of: "certs/ca.crt"))
        let authorityKeyPEM = try Self.read(self.authorityKey)
        let keyPEM = try Self.read(self.folder.place(of: "certs/gateway.key"))
        let certificate: String
        do {
            certificate = try CertificateAuthority(certificatePEM: authorityPEM, keyPEM: authorityKeyPEM)
                .issue(for: unique, keyPEM: keyPEM, now: now, days: days)
        } catch let failure as SetupFailure {
            throw failure
        } catch {
            throw SetupFailure(.unusable, "certs/ca.crt, its key or certs/gateway.key is damaged: \(error)")
        }
        try Self.replace(path, by: certificate)
        return (unique, path)
    }

    private static func read(_ path: String) throws(SetupFailure) -> String {
        do throws(ConfigurationProblem) {
            let content = try FileContent(path: path, limit: FileContent.maximumKeyBytes)
            return String(decoding: content.bytes, as: UTF8.self)
        } catch {
            throw SetupFailure(.unwritable, "\(path): \(error.message)")
        }
    }

    /// Written beside it, then renamed: a reader sees the old one or the new one.
    private static func replace(_ path: String, by text: String) throws(SetupFailure) {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        } catch {
            throw SetupFailure(.unwritable, "\(path): it cannot be written")
        }
    }
}
