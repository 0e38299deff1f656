package bus

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// RefusedError is that the broker, or the sidecar on its behalf, refuses an event for
// what it is: to send it again does not help. All other errors of publishing mean
// that something is unavailable.
type RefusedError struct {
	// Topic reports whether the topic is refused, and with it whatever is sent to it;
	// otherwise it is the event.
	Topic bool
	Err   error
}

func (r *RefusedError) Error() string { return r.Err.Error() }

func (r *RefusedError) Unwrap() error { return r.Err }

// Of Kafka's errors only the text comes through the sidecar.
var (
	refusedEvents = []string{
		"larger than configured Producer.MaxMessageBytes", // by the sidecar's client of Kafka
		"Message was too large",                           // by the broker
		"received message larger than max",                // by the sidecar
		"Message contents does not match its CRC",
		"The timestamp of the message is out of acceptable range",
		"Request parameters do not satisfy the configured policy",
		"This record has failed the validation on broker",
	}
	refusedTopics = []string{
		"attempted to perform an operation on an invalid topic",
		"a topic or partition that does not exist on this broker",
		"not authorized to access this topic",
		"not authorized to send this request type",
	}
)

// Unreachable reports whether an error of publishing means that the sidecar did not
// answer, so that nothing else can be published either.
func Unreachable(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	return false
}

// classify makes a RefusedError of an error of the sidecar's that is one.
func classify(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, part := range refusedEvents {
		if strings.Contains(text, part) {
			return &RefusedError{Err: err}
		}
	}
	for _, part := range refusedTopics {
		if strings.Contains(text, part) {
			return &RefusedError{Topic: true, Err: err}
		}
	}
	if status.Code(err) == codes.PermissionDenied { // the sidecar's own scopes
		return &RefusedError{Topic: true, Err: err}
	}
	return err
}
