// Package known lists the attributes that spans may have when they leave the process that
// recorded them. The services drop all others, and so does the collector, which also gets
// the sidecars' spans.
package known

// Attributes are values of known sets, numbers, and ids. What is not here may be an address, a
// path that somebody made up, a statement, an error's text.
func Attributes() []string {
	return []string{
		"http.request.method", "http.response.status_code", "http.route", "network.protocol.version", "url.scheme",
		"http.request.body.size", "http.response.body.size", "http.request.resend_count",
		"rpc.system", "rpc.system.name", "rpc.service", "rpc.method", "rpc.grpc.status_code", "rpc.response.status_code",
		"db.system.name", "db.operation.batch.size", "db.response.status_code", "db.response.returned_rows", "pgx.rows_affected",
		"messaging.system", "messaging.destination.name", "messaging.operation.type", "messaging.message.id", "messaging.message.conversation_id", "messaging.batch.message_count",
		"error.type", "exception.type",
		"companion.outcome", "companion.message_id", "companion.tool",
	}
}
