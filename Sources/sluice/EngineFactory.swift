import ArgumentParser
import Foundation
import Logging
import NIOCore
import NIOSSL
import SluiceAdmission
import SluiceBase
import SluiceEngine
import SluiceRelay
import SluiceServer

/// What a configuration says about an engine, as an engine.
enum EngineFactory {
    /// Makes the engine for the gateway's event loops; nil where it is alone.
    ///
    /// A gateway that may not use what it finds ends the process at once, by the code of an unusable configuration:
    /// nothing is served by halves.
    ///
    /// - Throws: What stands in the way, in words for the operator.
    static func maker(
        _ gateway: GatewayConfiguration,
        log: OperatorLog
    ) throws -> (([any EventLoop]) throws -> any SharedEngine & Peers)? {
        guard let configuration = try Self.configuration(gateway) else {
            return nil
        }
        return { eventLoops in
            NATSEngine(configuration, eventLoops: eventLoops, logger: log.logger) { why in
                log.cannotStart(EngineFault(why))
                LoggingSetup.flush()
                exit(ConfigurationOption.faultExit.rawValue)
            }
        }
    }

    /// What the engine is told; nil where the gateway is alone.
    ///
    /// - Throws: What stands in the way, in words for the operator.
    static func configuration(_ gateway: GatewayConfiguration) throws -> EngineConfiguration? {
        let nats = gateway.engine.nats
        guard !nats.servers.isEmpty else {
            return nil
        }
        let name = gateway.node.name ?? "\(Self.hostName)-\(RandomText.make(byteCount: 3))"
        var configuration = EngineConfiguration(
            connection: NATSConnection.Settings(
                servers: nats.servers,
                credentials: try Self.credentials(nats),
                tls: try Self.tls(nats),
                isTLSRequired: nats.tls.isGiven,
                name: "sluice \(name)"
            ),
            subjects: Subjects(name: nats.name, shardCount: nats.shards),
            retention: StreamSetup.Retention(
                replicas: nats.replicas,
                maximumAge: gateway.storage.retention.age,
                maximumBytes: gateway.storage.retention.bytes
            ),
            nodeName: name,
            version: Release.version
        )
        configuration.appendTimeout = nats.appendTimeout
        configuration.cutOffAfter = nats.cutOffAfter
        configuration.maximumMessageBytes = gateway.limits.maxMessageBytes
        return configuration
    }

    /// What others take for a node's name: visible ASCII.
    private static var hostName: String {
        let visible = ProcessInfo.processInfo.hostName.utf8.filter { (0x21...0x7E).contains($0) }
        return String(decoding: visible.prefix(128), as: UTF8.self)
    }

    private static func credentials(_ nats: GatewayConfiguration.Engine.NATS) throws -> NATSCredentials {
        if let path = nats.credentials {
            guard let credentials = NATSCredentials(file: try Self.text(path)) else {
                throw EngineFault("\(path): not a file of credentials")
            }
            return credentials
        }
        guard let user = nats.user, let path = nats.passwordFile else {
            return .none
        }
        return .user(user, password: try Self.text(path).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private static func text(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw EngineFault("\(path): cannot be read")
        }
    }

    /// For servers that want TLS, whether they are named so or not.
    private static func tls(_ nats: GatewayConfiguration.Engine.NATS) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        do {
            if let path = nats.tls.ca {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
            }
            if let path = nats.tls.certificate, let key = nats.tls.privateKey {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            }
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw EngineFault("engine.nats.tls: \(error)")
        }
    }
}

/// Why there is no engine, in words for the operator.
struct EngineFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
