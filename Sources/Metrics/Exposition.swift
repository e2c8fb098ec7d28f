import Primitives

/// Metrics in Prometheus's text format, version 0.0.4, in one buffer.
package struct Exposition {
    package enum Kind: String {
        case gauge, counter, histogram
    }

    package typealias Labels = [(name: String, value: String)]

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: how many bytes there will be, about.
    package init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// Adds a metric with one value.
    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some MetricValue) {
        add(name, kind, help, [(labels: [], value: value)])
    }

    /// Adds a metric with a value for each value of a label.
    package mutating func add(
        _ name: String,
        _ kind: Kind,
        _ help: String,
        by label: String,
        _ values: [(String, some MetricValue)]
    ) {
        add(name, kind, help, values.map { (labels: [(name: label, value: $0.0)], value: $0.1) })
    }

    package mutating func add(_ name: String, _ help: String, _ family: CounterFamily) {
        add(name, .counter, help, by: family.label, family.values)
    }

    /// Adds a metric with a value for each combination of labels; nothing, where there is none.
    package mutating func add(
        _ name: String,
        _ kind: Kind,
        _ help: String,
        _ values: [(labels: Labels, value: some MetricValue)]
    ) {
        guard !values.isEmpty else { return }
        describe(name, kind, help)
        for (labels, value) in values {
            addName(name, labels)
            value.append(to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    /// Adds a histogram for each combination of labels.
    package mutating func add(
        _ name: String,
        _ help: String,
        _ histograms: [(labels: Labels, snapshot: Histogram.Snapshot)]
    ) {
        guard !histograms.isEmpty else { return }
        describe(name, .histogram, help)
        for (labels, snapshot) in histograms {
            for (bound, count) in zip(snapshot.bounds.seconds, snapshot.cumulative) {
                addLine("\(name)_bucket", labels + [("le", "\(bound)")], count)
            }
            addLine("\(name)_bucket", labels + [("le", "+Inf")], snapshot.count)
            addLine("\(name)_sum", labels, snapshot.sum)
            addLine("\(name)_count", labels, snapshot.count)
        }
    }

    package mutating func add(_ name: String, _ help: String, _ histogram: Histogram) {
        add(name, help, [(labels: [], snapshot: histogram.snapshot)])
    }

    private mutating func addLine(_ name: String, _ labels: Labels, _ value: some MetricValue) {
        addName(name, labels)
        value.append(to: &bytes)
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func addName(_ name: String, _ labels: Labels) {
        bytes.append(utf8: name)
        for (index, label) in labels.enumerated() {
            bytes.append(index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
            bytes.append(utf8: label.name)
            bytes.append(ascii: "=\"")
            append(escaping: label.value)
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(ascii: labels.isEmpty ? " " : "} ")
    }

    private mutating func append(escaping value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes.append(ascii: "\\n")
            default: bytes.append(byte)
            }
        }
    }

    private mutating func describe(_ name: String, _ kind: Kind, _ help: String) {
        bytes.append(ascii: "# HELP ")
        bytes.append(utf8: "\(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }
}

/// What tells some of the metrics when Prometheus asks.
package protocol MetricSource: Sendable {
    func add(to exposition: inout Exposition)
}

/// A number as a sample has it.
package protocol MetricValue {
    func append(to bytes: inout [UInt8])
}

extension Int: MetricValue {
    package func append(to bytes: inout [UInt8]) { bytes.append(decimal: self) }
}

extension Double: MetricValue {
    package func append(to bytes: inout [UInt8]) { bytes.append(utf8: description) }
}
