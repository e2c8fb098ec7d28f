/// Valid requests, one of each kind, to be combined and to be spoilt.
enum SampleRequests {
    static let valid = [
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n",
        "\r\nHEAD /a?b=%20c HTTP/1.1\r\nhost:a\r\nUser-Agent: curl/8 (x; y)\r\nAccept: */*\r\n\r\n",
        "POST /api/rooms HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"user_id\":\"u-1\"}",
        "PUT /x HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
            + "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x\r\n\r\n",
        "GET http://a.example/b HTTP/1.0\r\nConnection: close\r\n\r\n",
        "DELETE /y HTTP/1.1\r\nHost:\r\nX-Latin: \u{E9} \t\r\nContent-Length: 0\r\n\r\n",
    ]
}
