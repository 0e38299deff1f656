package doapi

import (
	"errors"
	"fmt"
	"net/http"
)

// failure is an error that the client caused and is shown.
type failure struct {
	status  int
	message string
}

func (f *failure) Error() string { return f.message }

func failf(status int, format string, args ...any) error {
	return &failure{status: status, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return failf(http.StatusUnprocessableEntity, format, args...)
}

func missing() error {
	return failf(http.StatusNotFound, "The resource you were accessing could not be found.")
}

// failureIDs are DigitalOcean's names of the status codes.
var failureIDs = map[int]string{
	http.StatusBadRequest:          "bad_request",
	http.StatusUnauthorized:        "unauthorized",
	http.StatusForbidden:           "forbidden",
	http.StatusNotFound:            "not_found",
	http.StatusConflict:            "conflict",
	http.StatusPreconditionFailed:  "precondition_failed",
	http.StatusUnprocessableEntity: "unprocessable_entity",
	http.StatusTooManyRequests:     "too_many_requests",
	http.StatusInternalServerError: "server_error",
	http.StatusNotImplemented:      "not_implemented",
}

func writeError(w http.ResponseWriter, request string, err error) {
	status, id, message := http.StatusInternalServerError, "server_error", "Unexpected server-side error: "+err.Error()
	var failed *failure
	if errors.As(err, &failed) {
		status, id, message = failed.status, failureIDs[failed.status], failed.message
	}
	writeJSON(w, status, object{"id": id, "message": message, "request_id": request})
}
