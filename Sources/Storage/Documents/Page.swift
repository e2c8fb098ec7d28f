/// A part of a list, and how long the whole list is.
package struct Page<Element: Sendable>: Sendable {
    package var elements: [Element]
    package var total: Int

    package init(elements: [Element], total: Int) {
        self.elements = elements
        self.total = total
    }
}

extension Page: Equatable where Element: Equatable {}

/// Which part of a list is wanted.
package struct PageRequest: Sendable, Equatable {
    package var limit: Int
    package var offset: Int

    package init(limit: Int, offset: Int = 0) {
        self.limit = limit
        self.offset = offset
    }
}
