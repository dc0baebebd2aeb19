package import Logging

extension ConfigurationFault {
    /// Where the fault is, for a log that is read by programs.
    package var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [:]
        if let variable = self.variable {
            metadata["variable"] = "\(variable)"
        } else {
            metadata["file"] = "\(self.file)"
        }
        metadata["line"] = self.line.map { .stringConvertible($0) }
        metadata["column"] = self.column.map { .stringConvertible($0) }
        metadata["key"] = self.keyPath.isEmpty ? nil : "\(self.keyPath)"
        return metadata
    }
}
