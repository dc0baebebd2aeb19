import Foundation
import PackagePlugin

/// Writes the table of a target's `Files`: each path, and the constant that SwiftPM embeds its content as.
///
/// So that a file which is added to the folder is served, and nothing else has to be edited.
@main
struct AssetTable: BuildToolPlugin {
    /// Two files whose constants would have one name.
    struct Clash: Error, CustomStringConvertible {
        var description: String
    }

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let text = try self.table(of: try self.paths(below: target.directoryURL.appending(path: "Files").path))
        let folder = context.pluginWorkDirectoryURL.appending(path: "Table")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "AssetFiles+embedded.swift")
        // A table that stays as it is does not compile again.
        if (try? String(contentsOf: file, encoding: .utf8)) != text {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        // The work is done; a command has to be named so that the folder's files are compiled.
        return [
            .prebuildCommand(
                displayName: "Listing the files to embed",
                executable: URL(filePath: "/bin/true"),
                arguments: [],
                outputFilesDirectory: folder
            )
        ]
    }

    private func paths(below root: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root)
            .filter { path in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder)
                    && !isFolder.boolValue
            }
            .sorted()
    }

    private func table(of paths: [String]) throws -> String {
        var pathOfConstant: [String: String] = [:]
        var lines: [String] = []
        for path in paths {
            let name = Self.constant(of: path)
            if let other = pathOfConstant.updateValue(path, forKey: name) {
                throw Clash(description: "\(other) and \(path) would both be embedded as \(name): rename one")
            }
            lines.append("        (\"\(path)\", PackageResources.\(name)),")
        }
        return """
            extension AssetFiles {
                static let embedded: [(path: String, content: [UInt8])] = [
            \(lines.joined(separator: "\n"))
                ]
            }

            """
    }

    /// The name that SwiftPM gives the constant: the file's own name, what no identifier may have as `_`.
    private static func constant(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        let isLetterOrDigit = { (scalar: Unicode.Scalar) in
            ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
        }
        let mapped = name.unicodeScalars.map { isLetterOrDigit($0) ? String($0) : "_" }.joined()
        return mapped.first?.isNumber == true ? "_" + mapped.dropFirst() : mapped
    }
}
