import Testing

/// Tokens that other implementations signed, with keys that are used nowhere else. They expire in the year 2286.
enum TokenVectors {
    struct Vector: CustomTestStringConvertible {
        let algorithm: String
        /// Signed by PyJWT 2.15.1, with a `kid` of `k-` and the algorithm.
        let pyJWT: String
        /// Signed by joserfc, without a `kid`.
        let joserfc: String
        var testDescription: String { self.algorithm }
    }

    static let secret = "throw-away-secret-of-exactly-64-bytes-for-test-vectors-only-0123"

    static let rsaPEM = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvxlyYIOlsHk3LuLkemtx
        irMa+2UQ8yCXxljPXrVl4JYt8NXcmfTdDSQpySL3ZB714LU7jLE0ztotDOma09XX
        VXXQInd4hozqeUqy/pDtcDZiNdLnZwi4oXH4z1FsN7p/rbNDHiD5U6GWDKmp7FSQ
        Ak0EAtIfbpib9jgiKOkTo0T/v1Jh2Rpf1heLlynPUCR3+MTZKR2g0SvSxg5TYjUG
        7TTFgTMzLZoZp7gNIk0sQfPEdmq/eI/lJhilTemjNU/ugIFKc8gUyo79Jr9jkUQi
        37MUks4S8FHm0n7s3SqLPv/dY3ght2yaoxG6xBAEHlCGYlZC76EbRaDOTIynpSnv
        sQIDAQAB
        -----END PUBLIC KEY-----
        """

    static let p256PEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpeWTrsx0IT/0LHf+yEpyTgiUsiF4
        t61ERupLYvD9PMto7IwUGios8dXYBSScyrndKxlj2bzxeVDlm7FA4E90bA==
        -----END PUBLIC KEY-----
        """

    static let p384PEM = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEXJBt/p/DpVWOdSNVGNwNI73KtOGxgyYR
        IJFaTsunfAtwTyFzxiS19B1OIghGsmpGqHKUhM7qAqVX2q4uHgo+QlXVJDlQFy47
        5/qPjntkrO1c/UtyAAuY44eLR3hQDTsk
        -----END PUBLIC KEY-----
        """

    static let p521PEM = """
        -----BEGIN PUBLIC KEY-----
        MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAR5Q0mrY1jqABB9ab1G8BjLNbW63N
        kyL6xP12+FQfa1OzMDcxM4SfF+86+2Zijt0zUpUBGVtyP3Xt83pZlbDb0DIAAQgj
        /0dBw401Z7jqf+7utjtSOjY4l9jXnlEfaKcdTGFf8M52QfraN3OwGE+F2kmZw6E0
        l39CSNbBkUlwSq+Bu30=
        -----END PUBLIC KEY-----
        """

    static let ed25519PEM = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAntjfeLZDs23pgDbKTnTlSykKay09XQyGGu3PGyTi2Cw=
        -----END PUBLIC KEY-----
        """

    static let rsaJWK = #"""
        {"kty":"RSA","n":"vxlyYIOlsHk3LuLkemtxirMa-2UQ8yCXxljPXrVl4JYt8NXcmfTdDSQpySL3ZB714LU7jLE0ztotDOma09\#
        XXVXXQInd4hozqeUqy_pDtcDZiNdLnZwi4oXH4z1FsN7p_rbNDHiD5U6GWDKmp7FSQAk0EAtIfbpib9jgiKOkTo0T_v1Jh2Rpf1h\#
        eLlynPUCR3-MTZKR2g0SvSxg5TYjUG7TTFgTMzLZoZp7gNIk0sQfPEdmq_eI_lJhilTemjNU_ugIFKc8gUyo79Jr9jkUQi37MUks\#
        4S8FHm0n7s3SqLPv_dY3ght2yaoxG6xBAEHlCGYlZC76EbRaDOTIynpSnvsQ","e":"AQAB"}
        """#

    static let p256JWK = #"""
        {"kty":"EC","crv":"P-256","x":"peWTrsx0IT_0LHf-yEpyTgiUsiF4t61ERupLYvD9PMs","y":"aOyMFBoqLPHV2AUknMq\#
        53SsZY9m88XlQ5ZuxQOBPdGw"}
        """#

    static let p384JWK = #"""
        {"kty":"EC","crv":"P-384","x":"XJBt_p_DpVWOdSNVGNwNI73KtOGxgyYRIJFaTsunfAtwTyFzxiS19B1OIghGsmpG","y"\#
        :"qHKUhM7qAqVX2q4uHgo-QlXVJDlQFy475_qPjntkrO1c_UtyAAuY44eLR3hQDTsk"}
        """#

    static let p521JWK = #"""
        {"kty":"EC","crv":"P-521","x":"AEeUNJq2NY6gAQfWm9RvAYyzW1utzZMi-sT9dvhUH2tTszA3MTOEnxfvOvtmYo7dM1KVA\#
        Rlbcj917fN6WZWw29Ay","y":"AAEII_9HQcONNWe46n_u7rY7Ujo2OJfY155RH2inHUxhX_DOdkH62jdzsBhPhdpJmcOhNJd_Qk\#
        jWwZFJcEqvgbt9"}
        """#

    static let ed25519JWK = #"""
        {"kty":"OKP","crv":"Ed25519","x":"ntjfeLZDs23pgDbKTnTlSykKay09XQyGGu3PGyTi2Cw"}
        """#

}
