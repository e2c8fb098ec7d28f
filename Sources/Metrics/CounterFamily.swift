/// A counter for each value of a label. The values are known from the start, so that whatever happens makes no new series.
package final class CounterFamily: Sendable {
    /// What counts where a value is none of the known ones.
    package static let other = "other"

    package let label: String
    private let names: [String]
    private let indices: [String: Int]
    private let cells: MetricCells

    /// - Parameters:
    ///   - values: all different.
    ///   - hasOther: whether there may be others. Without, they are not counted.
    package init(_ label: String, _ values: [String], hasOther: Bool = true) {
        self.label = label
        names = values + (hasOther ? [Self.other] : [])
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, $0.offset) })
        cells = MetricCells(count: names.count, isShared: true)
    }

    package func add(_ value: String) {
        guard let index = indices[value] ?? indices[Self.other] else { return }
        cells.add(1, at: index, ofStripe: cells.stripe)
    }

    package var values: [(String, Int)] { names.indices.map { (names[$0], cells.sum(at: $0)) } }
}
