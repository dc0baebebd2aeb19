import ArgumentParser
import Foundation
import NIOCore
import NIOSSL

/// Answers every WebSocket message with itself, over the very code that the gateway ships.
struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice-echo",
        abstract: "Answers every WebSocket message with itself, for conformance suites. Listens on 127.0.0.1."
    )

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port: Int

    @Option(help: "A certificate chain in PEM: TLS is spoken.")
    var certificate: String?

    @Option(help: "The certificate's private key in PEM.")
    var privateKey: String?

    func validate() throws {
        guard (0...65_535).contains(self.port) else {
            throw ValidationError("--port is a number from 0 to 65535")
        }
        guard (self.certificate == nil) == (self.privateKey == nil) else {
            throw ValidationError("--certificate and --private-key go together")
        }
    }

    func run() throws {
        let server = EchoServer(tls: try self.tlsContext())
        let channel = try server.bind(port: self.port)
        let address = "listening on 127.0.0.1:\(channel.localAddress?.port ?? self.port)\n"
        FileHandle.standardError.write(Data(address.utf8))
        // Signals end it.
        try channel.closeFuture.wait()
    }

    private func tlsContext() throws -> NIOSSLContext? {
        guard let certificate = self.certificate, let privateKey = self.privateKey else { return nil }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: privateKey, format: .pem))
        )
        configuration.minimumTLSVersion = .tlsv12
        return try NIOSSLContext(configuration: configuration)
    }
}
