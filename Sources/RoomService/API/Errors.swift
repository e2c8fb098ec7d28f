import Storage

/// Runs a check of a request's fields; its faults become one 422.
func check(_ validate: () throws(ValidationError) -> Void) throws(APIError) {
    do throws(ValidationError) {
        try validate()
    } catch {
        throw APIError(error)
    }
}

/// Runs a call of the store; what it cannot do becomes what the client is told.
func storing<Value>(
    resource: StaticString = "room",
    roomLimit: Int = 0,
    _ call: () async throws(StoreError) -> Value
) async throws(APIError) -> Value {
    do throws(StoreError) {
        return try await call()
    } catch {
        throw APIError(error, resource: resource, roomLimit: roomLimit)
    }
}
