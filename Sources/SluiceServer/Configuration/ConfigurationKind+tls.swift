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
