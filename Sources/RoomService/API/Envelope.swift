import HTTPServer
import Primitives

/// The two shapes of every JSON answer.
enum Envelope {
    private static let jsonField = HTTPField("Content-Type", "application/json")

    /// `{"success":true,"message":…,"data":…,"timestamp":…}`
    static func success(
        _ message: StaticString,
        data: JSONObject,
        status: HTTPStatus = .ok,
        at time: Timestamp
    ) -> HTTPResponse {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.append(ascii: "{\"success\":true,\"message\":\"")
        bytes.append(ascii: message)
        bytes.append(ascii: "\",\"data\":")
        bytes.append(json: .object(data))
        bytes.append(ascii: ",\"timestamp\":\"")
        bytes.append(iso8601: time)
        bytes.append(ascii: "\"}")
        return json(bytes, status: status)
    }

    /// `{"success":false,"error":…,"error_code":…,…}`
    static func failure(_ error: APIError, path: String, requestID: String, at time: Timestamp) -> HTTPResponse {
        var object: JSONObject = [
            "success": false,
            "error": .string(error.message),
            "error_code": .string(error.code),
            "path": .string(path),
            "timestamp": .string(time.description),
            "request_id": .string(requestID),
        ]
        if let validation = error.validation {
            object["detail"] = validation.detail
            object["details"] = validation.details
        } else {
            object["detail"] = .string(error.message)
        }
        if let data = error.data { object["data"] = .object(data) }
        return failure(error, object, status: error.status)
    }

    /// An error in whatever form, with the header fields that go with it.
    static func failure(_ error: APIError, _ object: JSONObject, status: HTTPStatus) -> HTTPResponse {
        var response = json(JSONValue.object(object).encoded, status: status)
        if let seconds = error.retryAfter { response.headers.append(HTTPField("Retry-After", String(seconds))) }
        if !error.allow.isEmpty {
            response.headers.append(HTTPField("Allow", error.allow.map(\.name).joined(separator: ", ")))
        }
        return response
    }

    /// A body without the envelope.
    static func plain(_ object: JSONObject, status: HTTPStatus = .ok) -> HTTPResponse {
        json(JSONValue.object(object).encoded, status: status)
    }

    static func json(_ bytes: [UInt8], status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status: status, headers: [jsonField], body: .bytes(bytes))
    }
}
