package import SluiceRelay

extension GatewayConfiguration {
    /// A receiver of events of scans.
    package struct Hook: Sendable, Equatable {
        /// The address; `https`, or `http` to this machine itself.
        package var url: String
        /// The events that it gets.
        package var events: [ScanEvent.Kind]
        /// The path of the file with the secrets that sign.
        package var secretFile: String

        package init(url: String, events: [ScanEvent.Kind] = ScanEvent.Kind.allCases, secretFile: String) {
            self.url = url
            self.events = events
            self.secretFile = secretFile
        }
    }
}
