// Package limits holds the bounds on what a caller may send, which the services
// and whatever stands before them (NGINX) must agree on. It imports nothing, so
// that the infrastructure program can take the numbers from here.
package limits

import "time"

// Bounds on requests, in bytes.
const (
	// MaxBody bounds the body of every request but those that carry a file.
	MaxBody = 1 << 20
	// MaxFile bounds an uploaded file before its encoding.
	MaxFile = 4 << 20
	// MaxFileBody bounds the body of a request that carries a file in base64: four
	// bytes for every three, and room for the fields beside it, in whole KiB, which is
	// what NGINX counts in: a body that it lets pass and a service refuses unread would
	// be answered with 502. It is the largest body that any route takes, so that an edge
	// with one bound for all takes this.
	MaxFileBody = (MaxFile/3*4/(1<<10) + 1 + 64) << 10
	// MaxHeaders bounds the request line and the headers together.
	MaxHeaders = 16 << 10
)

// Bounds on time.
const (
	// ReadHeaders bounds how long a caller may take to send the headers.
	ReadHeaders = 5 * time.Second
	// ReadRequest bounds how long a caller may take to send a whole request.
	ReadRequest = 30 * time.Second
	// WriteAnswer bounds how long an answer may take to be made and read, counted from
	// when the headers were read. Streams set a bound of their own for each piece.
	WriteAnswer = 75 * time.Second
)

// MaxOwned bounds how many wallets a user may have, archived ones included, and how
// many categories and goals. A list in one answer holds as many entries; what may
// become more (budgets) says when it is cut.
const MaxOwned = 1000

// MaxAhead bounds how far ahead of the present what is booked, or a rate, may be dated:
// a statement's day may begin earlier in its bank's zone than in the person's. What is
// accepted counts at once, in balances as in the sums of its day and month.
const MaxAhead = 24 * time.Hour

// MaxDepth bounds how deep JSON may nest.
const MaxDepth = 32
