internal import SluiceBase

extension ConfigurationKind where Value == GatewayConfiguration.CertificateFiles {
    /// A certificate for some names: `{ certificate, private_key }`.
    static var certificateFiles: Self {
        Self(
            hasParts: true,
            text: { "{ certificate: \"\($0.certificate)\" }" },
            read: { node, keyPath, reading in
                let names = ["certificate", "private_key"]
                let expected = "a certificate such as { certificate: …, private_key: … }"
                guard let fields = node.fields(names, expected, keyPath, &reading) else {
                    return nil
                }
                let certificate = fields.required("certificate", ConfigurationKind<String>.path, keyPath, &reading)
                let privateKey = fields.required("private_key", ConfigurationKind<String>.path, keyPath, &reading)
                guard let certificate, let privateKey else {
                    return nil
                }
                return Value(certificate: certificate, privateKey: privateKey)
            }
        )
    }
}

extension ConfigurationKind where Value == String {
    /// A name that an authority can prove to lead here; it comes out in lower case.
    static var domain: Self {
        .scalar(
            "a name such as gateway.example.org",
            text: { "\"\($0)\"" },
            parse: { scalar throws(ConfigurationProblem) in
                guard scalar.isText, let name = CertificateName(scalar.text), !name.isAddress else {
                    throw ConfigurationProblem("expected the name of a host, such as gateway.example.org")
                }
                guard !name.isPattern else {
                    throw ConfigurationProblem("expected a name without a star, which neither challenge can prove")
                }
                return name.description
            }
        )
    }

    /// The address of an authority's directory: nobody on the way may answer for it.
    static var acmeDirectory: Self {
        .secureAddress(
            "an address such as https://acme-v02.api.letsencrypt.org/directory",
            without: "@#",
            "and no user's name"
        )
    }

    /// Where a person is written to, in a form that a `mailto` may have (RFC 8555 section 7.3: one, and no fields).
    static var email: Self {
        .text("an address such as ops@example.org") { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !",?&<>\"\\:;()[]%".utf8.contains($0) }
            guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), isPlain else {
                return "expected one address such as ops@example.org"
            }
            return nil
        }
    }
}
