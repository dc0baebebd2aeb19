internal import Foundation
internal import SluiceSystem

/// The folder of a first configuration: all of it is written there, or nothing.
package struct SetupFolder {
    package let path: String
    private var madeFiles: [String] = []
    private var madeFolders: [String] = []

    package init(_ path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Writes a plan, and reads it as the gateway will.
    ///
    /// - Parameter plan: The files to write.
    /// - Returns: The configuration, as it came back.
    /// - Throws: The reason why it cannot be written; then none of its files is left.
    package mutating func create(_ plan: SetupPlan) throws(SetupFailure) -> LoadedConfiguration {
        let existing = plan.files.map { $0.path }.filter { FileStatus(path: self.place(of: $0)) != nil }
        guard existing.isEmpty else {
            throw SetupFailure(
                .exists,
                "\(existing.map { self.place(of: $0) }.joined(separator: ", ")): there already; nothing was changed"
            )
        }
        do throws(SetupFailure) {
            try self.makeFolder(self.path, 0o750, plan.options.group)
            for folder in plan.folders {
                try self.makeFolder(self.place(of: folder.path), folder.permissions, plan.options.group)
            }
            for file in plan.files {
                try self.write(file, plan.options.group)
            }
            return try Self.load(self.place(of: "config.yaml"))
        } catch {
            self.undo()
            throw error
        }
    }

    /// The path of a file of the plan, as given to commands.
    package func place(of path: String) -> String {
        guard !path.hasPrefix("/") else {
            return path
        }
        return self.path == "." ? path : "\(self.path)/\(path)"
    }

    private static func load(_ path: String) throws(SetupFailure) -> LoadedConfiguration {
        do throws(ConfigurationFaults) {
            return try GatewayConfiguration.load(path: path, environment: [:])
        } catch {
            let faults = error.faults.map { "\($0.keyPath): \($0.message)" }
            throw SetupFailure(.unusable, faults.joined(separator: "\n"))
        }
    }

    /// Makes a folder that is not there, and those above it.
    private mutating func makeFolder(_ path: String, _ mode: UInt32, _ group: String?) throws(SetupFailure) {
        guard FileStatus(path: path) == nil else {
            return
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try self.makeFolder(String(path[..<slash]), 0o755, nil)
        }
        guard unsafe mkdir(path, mode) == 0 else {
            throw Self.failure(path)
        }
        self.madeFolders.append(path)
        try Self.grant(path, mode, group)
    }

    private mutating func write(_ file: SetupFile, _ group: String?) throws(SetupFailure) {
        let path = self.place(of: file.path)
        // Whatever came there in the meantime, a link too, is not written through.
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Self.failure(path)
        }
        self.madeFiles.append(path)
        defer { close(descriptor) }
        do {
            try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(file.text.utf8))
        } catch {
            throw Self.failure(path)
        }
        guard fsync(descriptor) == 0 else {
            throw Self.failure(path)
        }
        try Self.grant(path, file.permissions, file.isForGateway ? group : nil)
    }

    /// Sets permissions, whatever the umask is, and the group.
    private static func grant(_ path: String, _ permissions: UInt32, _ group: String?) throws(SetupFailure) {
        let manager = FileManager.default
        do {
            if let group {
                try manager.setAttributes([.groupOwnerAccountName: group], ofItemAtPath: path)
                // An unknown name is passed over.
                guard try manager.attributesOfItem(atPath: path)[.groupOwnerAccountName] as? String == group else {
                    throw SetupFailure(.unusable, "there is no group \(group)")
                }
            }
            try manager.setAttributes([.posixPermissions: Int(permissions)], ofItemAtPath: path)
        } catch let failure as SetupFailure {
            throw failure
        } catch {
            throw SetupFailure(.unwritable, "\(path): its group or its permissions cannot be set")
        }
    }

    private func undo() {
        for path in self.madeFiles {
            unsafe unlink(path)
        }
        for path in self.madeFolders.reversed() {
            unsafe rmdir(path)
        }
    }

    private static func failure(_ path: String) -> SetupFailure {
        let number = errno
        return SetupFailure(
            number == EEXIST ? .exists : .unwritable,
            "\(path): \(CLibrary.text(ofError: number)); nothing was changed"
        )
    }
}
