internal import Crypto
internal import Foundation
internal import SluiceBase
internal import SluiceSystem

/// Where the account's key and the certificate outlive the process: readable by the gateway's user alone.
///
/// Each authority has a folder of its own in it, so that what a trial authority issued is not taken for another's.
struct ACMEFolder: Sendable {
    private static let folderMode: mode_t = 0o700
    private static let fileMode: mode_t = 0o600

    private let parent: String
    /// The folder of this authority.
    let path: String

    /// - Parameters:
    ///   - parent: The folder that the operator named.
    ///   - directory: The address of the authority's directory.
    init(_ parent: String, directory: String) {
        self.parent = parent
        let rest = directory.firstRange(of: "://").map { directory[$0.upperBound...] } ?? directory[...]
        let host = rest.prefix { $0 != "/" && $0 != "?" }
            .map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" }
        // Two directories of one host, a trial and the real one, are told apart by this.
        let digest = SHA256.hash(data: Array(directory.utf8)).prefix(4)
        self.path = "\(parent)/\(String(host))-\(Hexadecimal.text(digest))"
    }

    private var accountPath: String { self.path + "/account.key" }
    /// Where the certificate is, with its private key.
    var certificatePath: String { self.path + "/certificate.pem" }

    /// The account's key, made if there is none.
    ///
    /// - Throws: If it can be neither read nor kept: the authority would see another account each time.
    func accountKey() throws(ACMEFailure) -> ACMEAccountKey {
        try self.make()
        if FileStatus(path: self.accountPath) != nil {
            let pem = try Self.read(self.accountPath)
            guard let key = try? ACMEAccountKey(pem: pem) else {
                throw ACMEFailure("\(self.accountPath) holds no key of P-256")
            }
            return key
        }
        let key = ACMEAccountKey()
        try self.write(key.pem, to: self.accountPath)
        return key
    }

    /// The certificate; nil if there is none.
    ///
    /// - Throws: If what is there is none.
    func certificate() throws(ACMEFailure) -> IssuedCertificate? {
        guard FileStatus(path: self.certificatePath) != nil else {
            return nil
        }
        let pem = try Self.read(self.certificatePath)
        do throws(ACMEFailure) {
            return try IssuedCertificate(pem: pem)
        } catch {
            throw ACMEFailure("\(self.certificatePath): \(error)")
        }
    }

    /// Puts a certificate in the old one's place at once.
    func save(_ certificate: IssuedCertificate) throws(ACMEFailure) {
        try self.make()
        try self.write(certificate.pem, to: self.certificatePath)
    }

    private func make() throws(ACMEFailure) {
        for folder in [self.parent, self.path] where FileContent.isFolder(folder) != true {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: folder == self.parent,
                    attributes: [.posixPermissions: Int(Self.folderMode)]
                )
            } catch {
                throw ACMEFailure("\(folder): the folder cannot be made")
            }
        }
    }

    /// Written beside it, synced and renamed: a reader, and a start after a crash, see the old one or the new one.
    private func write(_ text: String, to path: String) throws(ACMEFailure) {
        let fresh = path + ".new"
        // What a crash left is not written through, nor a link.
        _ = unsafe unlink(fresh)
        let descriptor = unsafe open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, Self.fileMode)
        guard descriptor >= 0 else {
            throw Self.failure(fresh)
        }
        defer { _ = close(descriptor) }
        do {
            try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(text.utf8))
        } catch {
            _ = unsafe unlink(fresh)
            throw ACMEFailure("\(fresh): it cannot be written")
        }
        guard fchmod(descriptor, Self.fileMode) == 0, fsync(descriptor) == 0, unsafe rename(fresh, path) == 0 else {
            let failure = Self.failure(path)
            _ = unsafe unlink(fresh)
            throw failure
        }
        let folder = unsafe open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            _ = fsync(folder)
            _ = close(folder)
        }
    }

    private static func read(_ path: String) throws(ACMEFailure) -> String {
        do throws(ConfigurationProblem) {
            let content = try FileContent(path: path, limit: FileContent.maximumKeyBytes)
            return String(decoding: content.bytes, as: UTF8.self)
        } catch {
            throw ACMEFailure("\(path): \(error.message)")
        }
    }

    private static func failure(_ path: String) -> ACMEFailure {
        ACMEFailure("\(path): \(CLibrary.text(ofError: errno))")
    }
}
