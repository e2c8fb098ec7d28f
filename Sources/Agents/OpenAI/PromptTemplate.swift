import Primitives

/// A system prompt with places for what a request tells of its user and its surroundings: `{{user_profile.name}}` and
/// `{{context.page.title}}` stand for members, `{{user_profile}}` and `{{context}}` for all of it as JSON.
///
/// A member that a request does not have is nothing. What has no place in the template is not sent to the model.
package struct PromptTemplate: Sendable, Equatable {
    private enum Part: Sendable, Equatable {
        case text(String)
        /// The path of a member.
        case place([String])
    }

    /// Why a text is no template.
    package struct Fault: Error, CustomStringConvertible {
        package var description: String
    }

    private static let roots = ["user_profile", "context"]

    private var parts: [Part] = []

    /// No text at all.
    package static let empty = PromptTemplate()

    private init() {}

    package init(_ text: String) throws(Fault) {
        var rest = text[...]
        while let open = Self.range(of: "{{", in: rest) {
            parts.append(.text(String(rest[..<open.lowerBound])))
            guard let close = Self.range(of: "}}", in: rest[open.upperBound...]) else {
                throw Fault(description: "has '{{' without '}}'")
            }
            let name = rest[open.upperBound..<close.lowerBound].trimming { $0 == " " }
            let path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard let root = path.first, Self.roots.contains(root), !path.contains("") else {
                throw Fault(
                    description: "has '{{\(name)}}': a place is {{user_profile}}, {{context}}, or a member of one"
                )
            }
            parts.append(.place(path))
            rest = rest[close.upperBound...]
        }
        parts.append(.text(String(rest)))
    }

    /// The text for a request.
    func filled(userProfile: JSONValue?, context: JSONObject) -> String {
        let values: JSONObject = [
            "user_profile": userProfile ?? .null, "context": context.isEmpty ? .null : .object(context),
        ]
        return parts.map { part in
            switch part {
            case .text(let text): text
            case .place(let path): Self.text(path.reduce(.object(values)) { $0?.objectValue?[$1] })
            }
        }.joined()
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null?: ""
        case .string(let text)?: text
        case let value?: String(decoding: value.encoded, as: UTF8.self)
        }
    }

    private static func range(of pattern: String, in text: Substring) -> Range<Substring.Index>? {
        text.firstRange(of: pattern)
    }
}
