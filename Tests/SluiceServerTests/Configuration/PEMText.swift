/// Unused certificates and keys, for tests of the files that hold them.
enum PEMText {
    /// A certificate, self-signed.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBezCCASGgAwIBAgIUTCK9QsamVX5vWVKwsRFd3F7EMg8wCgYIKoZIzj0EAwIw
        EjEQMA4GA1UEAwwHZ2F0ZXdheTAgFw0yNjExMjMwOTU1MzdaGA8yMTI2MTAzMDA5
        NTUzN1owEjEQMA4GA1UEAwwHZ2F0ZXdheTBZMBMGByqGSM49AgEGCCqGSM49AwEH
        A0IABDAH9qlpzgDzHcglajzqcvJOJCM67Q0aIicCCUO2/TR+jiPFqXGWUchj+4mW
        CDdJdq3tcWWQwph0P1eIloc0K2SjUzBRMB0GA1UdDgQWBBSohF8WaGhKUt729rbo
        7lKKApfUnzAfBgNVHSMEGDAWgBSohF8WaGhKUt729rbo7lKKApfUnzAPBgNVHRMB
        Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIBNfk/2e2cCpOWYMJMdIf9MmUuEW
        kdyRT/OOqX/12vzTAiEAsTrsWTeofPB+bJ4RcVTL3oEKcXs5J3Ggfq+fCCT6Ob8=
        -----END CERTIFICATE-----

        """

    /// Its private key.
    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRPUs2SQjc2gF+24L
        X2PQYB4pjXd9LPusmcuwaNXUZj2hRANCAAQwB/apac4A8x3IJWo86nLyTiQjOu0N
        GiInAglDtv00fo4jxalxllHIY/uJlgg3SXat7XFlkMKYdD9XiJaHNCtk
        -----END PRIVATE KEY-----

        """

    /// Its public key, P-256.
    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMAf2qWnOAPMdyCVqPOpy8k4kIzrt
        DRoiJwIJQ7b9NH6OI8WpcZZRyGP7iZYIN0l2re1xZZDCmHQ/V4iWhzQrZA==
        -----END PUBLIC KEY-----

        """

    /// Another certificate.
    static let otherCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBdzCCAR2gAwIBAgIUVXGO0tZT3OM+FeMHmO8p3j6JlJUwCgYIKoZIzj0EAwIw
        EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIzMDk1NTM3WhgPMjEyNjEwMzAwOTU1
        MzdaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
        i/wGg8tMMw7uzGt6jqMwgE5j9P0QVYIYNHrGR/16PM1R/xqQ2jAaY/ci+XqoczII
        o/IUp+IPqPZvxIthel0b6aNTMFEwHQYDVR0OBBYEFGoEOtasF7+P+bDRbTu73PJ+
        Pr3sMB8GA1UdIwQYMBaAFGoEOtasF7+P+bDRbTu73PJ+Pr3sMA8GA1UdEwEB/wQF
        MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhALDnNSUcwQcRRkreEC6hoAJUsl19azP3
        nwGPWa87wFEtAiAim0Wba5BbW7WqN7Oct1v7Jo5lkJI3x5LzKMU6gipvsg==
        -----END CERTIFICATE-----

        """

    /// The other certificate's private key.
    static let otherPrivateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxA8hVOiRXit0Ym+W
        m8ZZO2MJCU5D6I53GVbrCnyj6rShRANCAASL/AaDy0wzDu7Ma3qOozCATmP0/RBV
        ghg0esZH/Xo8zVH/GpDaMBpj9yL5eqhzMgij8hSn4g+o9m/Ei2F6XRvp
        -----END PRIVATE KEY-----

        """

    /// The private key once more, encrypted as PKCS #8 has it.
    static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAidkjEijovEUAICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOc3//eFoRAtltRgecYLv9oEgZDe
        BUelzgWq62RnPCzYuUX4qC5cPGjKS+Z2sVTPSuN4H6+1P+qyDe6h/HvnhaEQ0rvl
        /roHxXNZg4Yyx87oQXY+3QX0KUNEdfXorDiAY+jKs76/q4GxbfGvKJvaUQBuWHNj
        Y5R8lvQFCAj1/UZt0KQ0rlDaVwdp1P6eCA9lV1QDt0/EKeLwshrYPRo8K/IiUpw=
        -----END ENCRYPTED PRIVATE KEY-----

        """
}
