import Primitives
import Testing

@testable import Agents

struct PromptTemplateTests {
    private static let profile: JSONValue = [
        "name": "Ada 👩‍💻", "age": 36, "ratio": 0.5, "is_new": false, "none": nil, "tags": ["a", "b"],
        "address": ["city": "London"], "a b": "spaced",
    ]
    private static let context: JSONObject = ["page": ["title": "Rooms {{user_profile.name}}"], "n": 1]

    private func filled(_ text: String) throws -> String {
        try PromptTemplate(text).filled(userProfile: Self.profile, context: Self.context)
    }

    @Test(
        arguments: [
            ("", ""), ("Be brief.", "Be brief."), ("Hello {{user_profile.name}}!", "Hello Ada 👩‍💻!"),
            ("{{user_profile.name}}{{user_profile.age}}", "Ada 👩‍💻36"), ("{{ user_profile.age }}", "36"),
            ("{{user_profile.ratio}} {{user_profile.is_new}}", "0.5 false"),
            ("{{user_profile.address.city}}", "London"), ("{{user_profile.address}}", #"{"city":"London"}"#),
            ("{{user_profile.tags}}", #"["a","b"]"#), ("{{user_profile.a b}}", "spaced"), ("{{context.n}}", "1"),
            ("{{context}}", #"{"page":{"title":"Rooms {{user_profile.name}}"},"n":1}"#),
            // What is not there is nothing.
            ("<{{user_profile.none}}{{user_profile.nobody}}{{context.page.title.x}}{{user_profile.tags.0}}>", "<>"),
            // Braces that make no place.
            (#"{"a": {"b": 1}} }} { {"#, #"{"a": {"b": 1}} }} { {"#), ("{{context.n}}}", "1}"),
        ]
    )
    func `places are filled with what a request tells`(template: String, text: String) throws {
        #expect(try filled(template) == text)
    }

    @Test func `what a request tells makes no places of its own`() throws {
        #expect(try filled("On {{context.page.title}}.") == "On Rooms {{user_profile.name}}.")
    }

    @Test func `a request may tell nothing`() throws {
        let template = try PromptTemplate("<{{user_profile}}{{user_profile.name}}> {{context}}")
        #expect(template.filled(userProfile: nil, context: [:]) == "<> ")
        #expect(template.filled(userProfile: "Ada", context: [:]) == "<Ada> ")
        #expect(PromptTemplate.empty.filled(userProfile: nil, context: [:]) == "")
    }

    @Test(
        arguments: [
            ("{{", "has '{{' without '}}'"), ("a {{context.n} b", "has '{{' without '}}'"),
            ("{{context.n}} {{", "has '{{' without '}}'"), ("{{}}", "'{{}}'"), ("{{ }}", "'{{}}'"),
            ("{{user}}", "'{{user}}'"), ("{{Context}}", "'{{Context}}'"), ("{{context.}}", "'{{context.}}'"),
            ("{{.context}}", "'{{.context}}'"), ("{{context..n}}", "'{{context..n}}'"),
            ("{{{context}}}", "'{{{context}}'"), ("{{user_profile|json}}", "'{{user_profile|json}}'"),
        ]
    )
    func `a place that nothing fills is a fault`(template: String, words: String) {
        let fault = #expect(throws: PromptTemplate.Fault.self) { try PromptTemplate(template) }
        #expect(fault?.description.contains(words) == true, "\(fault?.description ?? "")")
    }
}
