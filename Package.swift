// swift-tools-version: 6.3
import PackageDescription

/// One list for every target: the language mode to come, memory safety in sight, and no warning that stays.
var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

let nio = "swift-nio"

/// Set by `Fuzz/run.sh`, which builds the fuzz targets as a program; otherwise they are tests, which replay what was found.
let isFuzzing = Context.environment["SLUICE_FUZZ"] != nil
let sanitizers = isFuzzing ? ["-sanitize=fuzzer,address"] : []
if isFuzzing {
    settings.append(.unsafeFlags(sanitizers))
}

let fuzzDependencies: [Target.Dependency] = [
    "SluiceBase",
    "SluiceWire",
    "SluiceHTTP",
    "SluiceRelay",
    "SluiceAdmission",
    "SluiceServer",
    "SluiceClient",
    .product(name: "Logging", package: "swift-log"),
    .product(name: "NIOCore", package: nio),
    .product(name: "NIOEmbedded", package: nio),
    .product(name: "NIOHTTP1", package: nio),
]
let fuzz: Target =
    isFuzzing
    ? .executableTarget(
        name: "sluice-fuzz",
        dependencies: fuzzDependencies + ["CFuzzEntry"],
        path: "Fuzz",
        exclude: ["Entry", "Replay", "Seeds", "FailCases", "run.sh"],
        sources: ["Targets", "Driver"],
        swiftSettings: settings,
        linkerSettings: [.unsafeFlags(sanitizers)]
    )
    : .testTarget(
        name: "FuzzReplayTests",
        dependencies: fuzzDependencies,
        path: "Fuzz",
        exclude: ["Entry", "Driver", "Seeds", "FailCases", "run.sh"],
        sources: ["Targets", "Replay"],
        swiftSettings: settings
    )

let package = Package(
    name: "sluice",
    products: [
        .executable(name: "sluice", targets: ["sluice"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]
        ),
        // One function of glibc's that Swift does not see.
        .systemLibrary(name: "CSpawn"),
        // The C library by one name, and what of it is asked in more than one place.
        .target(name: "SluiceSystem", swiftSettings: settings),
        // What all parts need: addresses, the JSON pass, tree and writer, names of scans, times of day. Knows none of them.
        .target(
            name: "SluiceBase",
            dependencies: ["SluiceSystem", .product(name: "NIOCore", package: nio)],
            swiftSettings: settings
        ),
        // How frames are headed and packed: what the relay writes and the transport reads. Knows no connection.
        .target(
            name: "SluiceWire",
            dependencies: ["CZlib", .product(name: "NIOCore", package: nio)],
            swiftSettings: settings
        ),
        // Log, cursors, delivery groups, frames. Knows no HTTP, no TLS, no SQL.
        .target(
            name: "SluiceRelay",
            dependencies: [
                "SluiceBase",
                "SluiceWire",
                .product(name: "NIOCore", package: nio),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        // Who may do what, and how much of it. Knows no scan log.
        .target(
            name: "SluiceAdmission",
            dependencies: [
                "SluiceBase",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        // The console's and the client's files, within the program. The plugin lists them.
        .plugin(name: "AssetTable", capability: .buildTool()),
        .target(
            name: "SluiceAssets",
            resources: [.embedInCode("Files")],
            swiftSettings: settings,
            plugins: ["AssetTable"]
        ),
        // Bytes to exchanges and sessions: HTTP, WebSocket, event streams, TLS. Knows neither scans nor tokens.
        .target(
            name: "SluiceHTTP",
            dependencies: [
                "SluiceBase",
                "SluiceSystem",
                "SluiceWire",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOTLS", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Instrumentation", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: settings
        ),
        // What the gateway does with exchanges and sessions, its configuration, and how the parts are put together.
        .target(
            name: "SluiceServer",
            dependencies: [
                "SluiceAssets",
                "SluiceBase",
                "SluiceSystem",
                "SluiceWire",
                "SluiceHTTP",
                "SluiceRelay",
                "SluiceAdmission",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOFoundationCompat", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Instrumentation", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: settings
        ),
        // What outlives the process, in SQLite. Fulfils the relay's protocol, and admission's.
        .target(
            name: "SluiceStorage",
            dependencies: [
                "SluiceBase",
                "SluiceSystem",
                "CZlib",
                "SluiceAdmission",
                "SluiceRelay",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: nio),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        // Scans in a log that several gateways share, and what else they share: NATS JetStream, by a client of its own
        // over NIO. Fulfils the relay's protocol, and admission's.
        .target(
            name: "SluiceEngine",
            dependencies: [
                "SluiceBase",
                "SluiceAdmission",
                "SluiceRelay",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        // The scanner's and the terminal's side: run, publish, watch, export, replay.
        .target(
            name: "SluiceClient",
            dependencies: [
                "SluiceBase",
                "SluiceSystem",
                "CSpawn",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOWebSocket", package: nio),
                .product(name: "NIOTLS", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "SluiceBase",
                "SluiceServer",
                "SluiceAdmission",
                "SluiceRelay",
                "SluiceStorage",
                "SluiceEngine",
                "SluiceClient",
                "SluiceSystem",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            // The application of `sluice demo --app`.
            resources: [.embedInCode("Demo/app.py")],
            swiftSettings: settings
        ),
        // The WebSocket end of the pipeline with an echo behind it, for conformance suites. Never installed.
        .executableTarget(
            name: "sluice-echo",
            dependencies: [
                "SluiceHTTP",
                "SluiceWire",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceBaseTests",
            dependencies: [
                "SluiceBase",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio),
            ],
            swiftSettings: settings
        ),
        // What the tests of several targets use.
        .target(
            name: "TestSupport",
            dependencies: [
                "CZlib",
                "SluiceHTTP",
                "SluiceWire",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio),
                .product(name: "NIOHTTP1", package: nio),
            ],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceWireTests",
            dependencies: ["SluiceWire", "TestSupport", .product(name: "NIOCore", package: nio)],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceHTTPTests",
            dependencies: [
                "SluiceBase",
                "SluiceHTTP",
                "SluiceWire",
                "TestSupport",
                .product(name: "Instrumentation", package: "swift-distributed-tracing"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio),
                .product(name: "NIOTLS", package: nio),
                .product(name: "NIOHTTP1", package: nio),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceRelayTests",
            dependencies: [
                "SluiceBase",
                "SluiceWire",
                "SluiceRelay",
                "CZlib",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceAdmissionTests",
            dependencies: [
                "SluiceBase",
                "SluiceAdmission",
                "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceServerTests",
            dependencies: [
                "SluiceAssets",
                "SluiceBase",
                "SluiceWire",
                "SluiceHTTP",
                "SluiceServer",
                "SluiceRelay",
                "SluiceAdmission",
                "TestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio),
                .product(name: "NIOHTTP1", package: nio),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceStorageTests",
            dependencies: [
                "SluiceBase",
                "SluiceWire",
                "SluiceStorage",
                "SluiceAdmission",
                "SluiceRelay",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOPosix", package: nio),
            ],
            exclude: ["Fixtures"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceEngineTests",
            dependencies: [
                "SluiceBase",
                "SluiceAdmission",
                "SluiceEngine",
                "SluiceRelay",
                "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOEmbedded", package: nio),
                .product(name: "NIOPosix", package: nio),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SluiceClientTests",
            dependencies: [
                "SluiceBase",
                "SluiceClient",
                "TestSupport",
                .product(name: "NIOCore", package: nio),
                .product(name: "NIOHTTP1", package: nio),
                .product(name: "NIOPosix", package: nio),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: nio),
            ],
            exclude: ["Fixtures"],
            swiftSettings: settings
        ),
        .testTarget(name: "TidyTests", swiftSettings: settings),
        fuzz,
    ],
    swiftLanguageModes: [.v6]
)

if isFuzzing {
    package.targets.append(.target(name: "CFuzzEntry", path: "Fuzz/Entry"))
}
