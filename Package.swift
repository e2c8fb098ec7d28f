// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "RoomService",
    products: [
        .executable(name: "RoomService", targets: ["RoomService"]),
        .executable(name: "Migrations", targets: ["Migrations"]),
    ],
    targets: [
        .target(name: "CSystem"),
        .target(name: "WebResources", resources: [.copy("Resources")]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        // Without pkgConfig: its flags have one that the package manager refuses, and none that is needed.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CMongoC", pkgConfig: "libmongoc-1.0", providers: [.apt(["libmongoc-dev"])]),

        .target(name: "Primitives", dependencies: ["CSystem"], swiftSettings: settings),
        .target(name: "Metrics", dependencies: ["CSystem", "Primitives"], swiftSettings: settings),
        .target(name: "HTTPServer", dependencies: ["CSystem", "Metrics", "Primitives"], swiftSettings: settings),
        .target(
            name: "HTTPClient",
            dependencies: ["CCurl", "CSystem", "HTTPServer", "Primitives"],
            swiftSettings: settings
        ),
        .target(
            name: "Redis",
            dependencies: ["CHiredis", "CSystem", "HTTPServer", "Primitives"],
            swiftSettings: settings
        ),
        .target(name: "Locks", dependencies: ["HTTPServer", "Primitives", "Redis"], swiftSettings: settings),
        .target(name: "Streaming", dependencies: ["HTTPServer", "Metrics", "Primitives"], swiftSettings: settings),
        .target(
            name: "Storage",
            dependencies: ["CMongoC", "CSQLite", "CSystem", "Primitives"],
            swiftSettings: settings
        ),
        .target(name: "Agents", dependencies: ["HTTPClient", "Primitives"], swiftSettings: settings),
        .executableTarget(
            name: "RoomService",
            dependencies: [
                "CSystem", "HTTPClient", "HTTPServer", "Metrics", "Redis", "Streaming", "Storage", "Agents",
                "Primitives", "WebResources",
            ],
            swiftSettings: settings
        ),
        .executableTarget(name: "Migrations", dependencies: ["Storage", "Primitives"], swiftSettings: settings),

        .executableTarget(
            name: "MongoLayerBenchmark",
            dependencies: ["Storage", "HTTPServer", "Primitives"],
            path: "Benchmarks/mongodb/Layer",
            swiftSettings: settings
        ),

        .executableTarget(
            name: "MetricsBenchmark",
            dependencies: ["Metrics", "Primitives"],
            path: "Benchmarks/metrics",
            swiftSettings: settings
        ),

        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "PrimitivesTests", dependencies: ["Primitives", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics", "Primitives"], swiftSettings: settings),
        .testTarget(
            name: "HTTPServerTests",
            dependencies: ["HTTPServer", "Primitives", "TestSupport"],
            swiftSettings: settings
        ),
        .target(
            name: "RedisTestSupport",
            dependencies: ["Redis", "HTTPServer", "Primitives"],
            path: "Tests/RedisTestSupport",
            swiftSettings: settings
        ),
        .testTarget(
            name: "RedisTests",
            dependencies: ["Redis", "HTTPServer", "Primitives", "RedisTestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "LocksTests",
            dependencies: ["Locks", "Redis", "HTTPServer", "Primitives", "RedisTestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "StreamingTests",
            dependencies: ["Streaming", "HTTPServer", "Primitives", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "StorageTests",
            dependencies: ["Storage", "CMongoC", "Primitives", "StoreWriterProcess"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "StoreWriterProcess",
            dependencies: ["Storage", "Primitives"],
            path: "Tests/StoreWriterProcess",
            swiftSettings: settings
        ),
        .testTarget(
            name: "HTTPClientTests",
            dependencies: ["HTTPClient", "HTTPServer", "Primitives", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "AgentsTests",
            dependencies: ["Agents", "HTTPClient", "HTTPServer", "Primitives", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "RoomServiceTests",
            dependencies: [
                "RoomService", "HTTPClient", "HTTPServer", "Metrics", "Redis", "Streaming", "Storage", "Agents",
                "Primitives", "RedisTestSupport", "TestSupport",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MigrationsTests",
            dependencies: ["Migrations", "MigrationRunnerProcess", "Primitives", "Storage"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "MigrationRunnerProcess",
            dependencies: ["Storage", "Primitives"],
            path: "Tests/MigrationRunnerProcess",
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
