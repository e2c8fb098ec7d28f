/// A counter for each value of a label. The values are known from the start, so that whatever happens makes no new series.
package final class CounterFamily: Sendable {
    /// What counts where a value is none of the known ones.
    package static let other = "other"

    package let label: String
    package let counters: [(value: String, counter: Counter)]
    private let byValue: [String: Counter]
    private let others: Counter

    /// - Parameter values: all different. `other` is added.
    package init(_ label: String, _ values: [String]) {
        self.label = label
        counters = (values + [Self.other]).map { (value: $0, counter: Counter()) }
        byValue = Dictionary(uniqueKeysWithValues: counters.map { ($0.value, $0.counter) })
        others = counters[counters.count - 1].counter
    }

    package func add(_ value: String) {
        (byValue[value] ?? others).add()
    }
}

/// A counter for each case of an enumeration.
package final class CaseCounters<Case: CaseIterable & RawRepresentable<String> & Equatable & Sendable>: Sendable {
    private let cases = Array(Case.allCases)
    private let counters: [Counter]

    package init() {
        counters = cases.map { _ in Counter() }
    }

    package func add(_ value: Case) {
        if let index = cases.firstIndex(of: value) { counters[index].add() }
    }

    package subscript(value: Case) -> Int {
        cases.firstIndex(of: value).map { counters[$0].value } ?? 0
    }

    /// By their names.
    package var values: [(String, Int)] { zip(cases, counters).map { ($0.rawValue, $1.value) } }
}
