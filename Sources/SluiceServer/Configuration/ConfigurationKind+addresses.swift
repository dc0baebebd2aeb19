internal import AsyncHTTPClient
internal import SluiceAdmission
internal import SluiceBase

/// Kinds of addresses on the network, read by the code that uses them: a value accepted here can work there.
extension ConfigurationKind where Value == AddressBlock {
    /// Addresses in CIDR notation.
    static var addressBlock: Self {
        .scalar(
            "addresses such as 10.0.0.0/8",
            text: { "\"\($0)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                do throws(AddressBlock.Fault) {
                    return try AddressBlock(scalar.text)
                } catch {
                    switch error {
                    case .address:
                        throw ConfigurationProblem("expected addresses such as 10.0.0.0/8 or fd00::/8")
                    case .prefix(let maximum):
                        throw ConfigurationProblem("expected a prefix length from 0 to \(maximum)")
                    case .bits(let prefix):
                        throw ConfigurationProblem("expected no bits beyond the prefix of \(prefix)")
                    }
                }
            }
        )
    }
}

extension ConfigurationKind where Value == ServerAddress {
    /// Where a server of an engine listens.
    static var natsServer: Self {
        .scalar(
            "servers such as nats://10.0.0.1:4222",
            text: { "\"\($0)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                guard let address = ServerAddress(scalar.text) else {
                    throw ConfigurationProblem("expected nats://host:port or tls://host:port, without a user")
                }
                return address
            }
        )
    }
}

extension ConfigurationKind where Value == WebOrigin {
    /// An origin as browsers write it: scheme, host and, unless it is the scheme's own, port (RFC 6454 section 6.2).
    static var origin: Self {
        .scalar(
            "an origin such as https://a.example",
            text: { "\"\($0)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                do throws(WebOrigin.Fault) {
                    return try WebOrigin(scalar.text)
                } catch {
                    throw ConfigurationProblem(Self.words(for: error))
                }
            }
        )
    }

    private static func words(for fault: WebOrigin.Fault) -> String {
        switch fault {
        case .form:
            "expected an origin such as https://a.example, without a path or a pattern"
        case .address:
            "expected the address as browsers write it, such as 127.0.0.1 or [::1]"
        case .port:
            "expected a port from 1 to 65535, or none"
        case .scheme:
            "expected the origin of a page, https:// or http:// for sockets too, or the scheme of an app"
        case .null:
            "expected an origin: null is what sandboxed pages and local files send, and anybody can have it"
        }
    }
}

extension ConfigurationKind where Value == String {
    /// The address of an issuer, as it stands in its tokens: its keys must not be replaceable on their way.
    static var issuer: Self {
        .secureAddress("an issuer such as https://idp.example/realms/scans", without: "@?#", "and nothing more")
    }

    /// An address that nobody on the way may answer for: https, or this machine itself.
    ///
    /// - Parameters:
    ///   - example: What is expected, in words.
    ///   - excluded: The characters that it must not have.
    ///   - exclusion: The same in words.
    /// - Returns: The kind.
    static func secureAddress(_ example: String, without excluded: String, _ exclusion: String) -> Self {
        .text(example) { text in
            guard let request = try? HTTPClient.Request(url: text), ["http", "https"].contains(request.scheme),
                (1...65535).contains(request.port), !text.utf8.contains(where: { excluded.utf8.contains($0) })
            else {
                return "expected an address with https://, a host, perhaps a port and a path, \(exclusion)"
            }
            guard SecureAddress.isSecure(request) else {
                return "expected https://, or http:// to this machine itself"
            }
            return nil
        }
    }

    /// The address of a key set.
    static var url: Self {
        .text("an address such as https://idp.example/keys") { text in
            guard ["https://", "http://"].contains(where: { text.lowercased().hasPrefix($0) }) else {
                return "expected an address that begins with https:// or http://"
            }
            let authority = text.utf8.drop { $0 != UInt8(ascii: "/") }.dropFirst(2).prefix { !"/?#".utf8.contains($0) }
            guard let request = try? HTTPClient.Request(url: text), (1...65535).contains(request.port),
                !authority.contains(UInt8(ascii: "@"))
            else {
                return "expected an address with a host, perhaps a port from 1 to 65535, and no user's name"
            }
            return nil
        }
    }
}
