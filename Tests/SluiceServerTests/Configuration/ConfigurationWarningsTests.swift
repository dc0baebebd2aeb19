import Testing

@testable import SluiceServer

@Suite("What the machine may not give")
struct ConfigurationWarningsTests {
    @Test("More connections than open files is a warning")
    func openFiles() {
        var configuration = GatewayConfiguration()
        configuration.limits.connections.total = 1000
        #expect(ConfigurationWarnings.warnings(for: configuration, openFileLimit: 1064) == [])
        #expect(
            ConfigurationWarnings.warnings(for: configuration, openFileLimit: 1063) == [
                "limits.connections.total: 1000 connections need about 1064 open files, and ulimit -n is 1063: "
                    + "raise it, or lower the limit"
            ]
        )
    }

    @Test("The machine says how many files may be open")
    func limit() {
        #expect(ConfigurationWarnings.openFileLimit() > 0)
    }
}
