// Package edges tries the agents' detectors on people who have nearly nothing, on the
// calendar's edges, and on as much as may come on a day. It holds tests only.
package edges
