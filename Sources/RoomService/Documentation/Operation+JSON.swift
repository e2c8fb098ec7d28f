import HTTPServer
import Primitives

extension Operation {
    /// The document's operation object (OpenAPI 3.1, section 4.8.10).
    func json(_ common: CommonResponses) -> JSONObject {
        var json: JSONObject = [
            "tags": [.string(tag.rawValue)], "summary": .string(summary), "operationId": .string(id),
        ]
        if !description.isEmpty { json["description"] = .string(description) }
        if isDeprecated { json["deprecated"] = true }
        if !parameters.isEmpty { json["parameters"] = .array(parameters.map { .object($0.json) }) }
        if let body { json["requestBody"] = .object(body.json) }
        json["responses"] = .object(responses(common))
        return json
    }

    private func responses(_ common: CommonResponses) -> JSONObject {
        let form = ErrorForm(path: path)
        let errors = common.alsoEverywhere + inputErrors + self.errors
        var all: [(status: HTTPStatus, json: JSONValue)] = common.references(form).map { ($0.status, $0.reference) }
        for status in Set(errors.map { shownStatus(of: $0, form) }) {
            let own = errors.filter { shownStatus(of: $0, form) == status }
            if let response = responses.first(where: { $0.status == status }) {
                all.append((status, .object(response.json(or: own, form, path: path))))
            } else {
                all.append((status, .object(form.response(to: own, path: path))))
            }
        }
        for response in responses where !all.contains(where: { $0.status == response.status }) {
            all.append((response.status, .object(response.json(or: [], form, path: path))))
        }
        all.sort { $0.status.code < $1.status.code }
        return JSONObject(all.map { JSONObject.Member(key: "\($0.status.code)", value: $0.json) })
    }

    private func shownStatus(of error: APIError, _ form: ErrorForm) -> HTTPStatus {
        form == .openAI ? OpenAIError.status(of: error) : error.status
    }

    /// What can be wrong with what is sent.
    private var inputErrors: [APIError] {
        var errors: [APIError] = []
        if parameters.contains(where: { $0.place == .query }) {
            errors.append(.badRequest("The query string is malformed: Percent-encoded text is not UTF-8"))
        }
        if body != nil {
            errors.append(.badRequest("The body is no valid JSON: Unexpected end at line 1, column 1"))
            errors.append(.unsupportedMediaType)
        }
        if let fault = sampleFault { errors.append(APIError(ValidationError(faults: [fault]))) }
        return errors
    }

    /// A fault that a request may have; nil where there is nothing to be wrong.
    private var sampleFault: Fault? {
        if let body {
            if case .string(let name)? = body.schema["required"]?.arrayValue?.first {
                return .missing(["body", name], input: .object([:]))
            }
            let name = body.schema["properties"]?.objectValue?.members.first?.key ?? ""
            return Fault(
                type: "string_type",
                location: ["body", name],
                message: "Input should be a valid string",
                input: 7
            )
        }
        let query = parameters.filter { $0.place == .query }
        if let name = query.first(where: \.field.isRequired)?.field.name {
            return .missing(["query", name], input: .null)
        }
        return query.first { $0.field.schema["type"] == "integer" }.map { parameter in
            Fault(
                type: "int_parsing",
                location: ["query", parameter.field.name],
                message: "Input should be a valid integer, unable to parse string as an integer",
                input: "many"
            )
        }
    }
}

extension Operation.Parameter {
    fileprivate var json: JSONObject {
        var json: JSONObject = [
            "name": .string(field.name), "in": .string(place.rawValue), "required": .bool(field.isRequired),
        ]
        var schema = field.schema
        json["description"] = schema["description"]
        schema["description"] = nil
        if isJSON {
            var content: JSONObject = ["schema": .object(schema)]
            content["example"] = example
            json["content"] = ["application/json": .object(content)]
        } else {
            json["schema"] = .object(schema)
            json["example"] = example
        }
        return json
    }
}

extension Operation.Example {
    var json: JSONObject { ["summary": .string(summary), "value": value] }
}

extension Operation.Body {
    fileprivate var json: JSONObject {
        let content = Operation.Content(type: "application/json", schema: schema, examples: examples)
        return ["required": .bool(isRequired), "content": ["application/json": .object(content.json)]]
    }
}

extension Operation.Content {
    fileprivate var json: JSONObject {
        let examples = self.examples.map { JSONObject.Member(key: $0.name, value: .object($0.json)) }
        return ["schema": .object(schema), "examples": .object(JSONObject(examples))]
    }
}

extension Operation.Response {
    /// The document's response object; with the errors that have its status.
    fileprivate func json(or errors: [APIError], _ form: ErrorForm, path: String) -> JSONObject {
        var headers = ErrorForm.headers(of: errors)
        for field in self.headers {
            headers[field.name] = ["required": .bool(field.isRequired), "schema": .object(field.schema)]
        }
        var json: JSONObject = ["description": .string(description), "headers": .object(headers)]
        var contents = contents
        if !errors.isEmpty {
            let place = contents.firstIndex { $0.type == "application/json" }
            let examples = form.examples(of: errors, path: path)
            if let place {
                contents[place].schema = Schema.any(of: [contents[place].schema, form.schema(of: errors)])
                contents[place].examples += examples
            } else {
                contents.append(.init(type: "application/json", schema: form.schema(of: errors), examples: examples))
            }
        }
        if !contents.isEmpty {
            json["content"] = .object(JSONObject(contents.map { .init(key: $0.type, value: .object($0.json)) }))
        }
        if !links.isEmpty {
            json["links"] = .object(JSONObject(links.map { .init(key: $0.name, value: .object($0.json)) }))
        }
        return json
    }
}

extension Operation.Link {
    fileprivate var json: JSONObject {
        var json: JSONObject = ["operationId": .string(operationID)]
        if !parameters.isEmpty {
            json["parameters"] = .object(
                JSONObject(parameters.map { .init(key: $0.name, value: .string($0.expression)) })
            )
        }
        json["requestBody"] = body
        return json
    }
}
